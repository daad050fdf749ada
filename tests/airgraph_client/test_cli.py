import numpy as np
import pytest
from typer.testing import CliRunner

from airgraph.v1 import allocator_pb2, registry_pb2
from airgraph_client import Beamforming, CellFree, HybridPrecoding, PowerControl, PowerModel, Precoding
from airgraph_client.cli import app
from airgraph_client.instance_files import read_instance


@pytest.fixture
def run():
    runner = CliRunner()

    def invoke(*arguments):
        result = runner.invoke(app, [str(argument) for argument in arguments])
        # Anything but an exit is a traceback in the user's face.
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return invoke


@pytest.fixture
def power_file(tmp_path):
    path = tmp_path / "cell.npz"
    np.savez(path, gain=np.eye(3), noise_power=0.1)
    return path


def test_solve_prints_and_writes(run, target, power_file, tmp_path):
    out = tmp_path / "answer.npz"
    result = run("solve", power_file, "--target", target, "--policy", "classical", "--out", out)
    assert result.exit_code == 0
    assert "wmmse" in result.stdout
    assert "REQUESTED" in result.stdout
    with np.load(out) as answer:
        np.testing.assert_array_equal(answer["power"], np.ones(3))
        assert answer["objective"] == 4.5
        assert answer["solver"] == "wmmse"


def test_solve_sparse_beamforming(run, target, fake, tmp_path):
    path = tmp_path / "sparse.npz"
    np.savez(path, channel=np.ones((3, 2), np.complex64), receiver=[0, 1, 1], transmitter=[0, 1, 0])
    result = run("solve", path, "--target", target, "--model", "wcgcn:3")
    assert result.exit_code == 0
    (request,) = fake.requests
    assert request.beamforming.num_receivers == 2
    assert request.model.version == "3"


COMPLEX = np.ones((2, 4), np.complex64)


@pytest.mark.parametrize(
    ("arrays", "instance"),
    [
        ({"gain": np.eye(3), "weights": np.arange(3.0)}, PowerControl(np.eye(3), np.arange(3.0))),
        ({"channel": np.ones((2, 2, 4), np.complex64)}, Beamforming(np.ones((2, 2, 4), np.complex64))),
        ({"channel": COMPLEX, "max_power": 2.0}, Precoding(COMPLEX, max_power=2.0)),
        (
            {"channel": COMPLEX, "objective": "ee", "min_rates": 0.5, "circuit_power": 0.1},
            Precoding(COMPLEX, objective="ee", min_rates=0.5, power_model=PowerModel(0.1)),
        ),
        ({"fading": np.ones((3, 2)), "snr": 10.0, "pilot_length": 2}, CellFree(np.ones((3, 2)), 10.0, pilot_length=2)),
        ({"f_opt": COMPLEX.T, "rf_chains": 2, "structure": "full"}, HybridPrecoding(COMPLEX.T, 2, "full")),
    ],
    ids=lambda case: type(case).__name__,
)
def test_a_file_is_the_instance_with_fields_of_its_names(tmp_path, arrays, instance):
    path = tmp_path / "instance.npz"
    np.savez(path, **arrays)
    written, wanted = allocator_pb2.AllocateRequest(), allocator_pb2.AllocateRequest()
    read_instance(path).put_into(written)
    instance.put_into(wanted)
    assert written == wanted


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({}, "one of the arrays 'gain', 'channel', 'fading', 'f_opt'"),
        ({"gain": np.eye(2), "channel": np.ones((2, 2, 1))}, "one of the arrays 'gain', 'channel', 'fading', 'f_opt'"),
        ({"fading": np.ones((3, 2))}, "besides 'fading' also 'snr'"),
        ({"f_opt": np.ones((4, 2))}, "besides 'f_opt' also 'rf_chains'"),
        ({"f_opt": np.ones((4, 2)), "rf_chains": 2, "structure": "loose"}, "structure: expected partial or full"),
        ({"gain": np.eye(2), "wieghts": np.ones(2)}, "'wieghts'"),
        ({"gain": np.ones(2), "receiver": np.arange(2)}, "both 'receiver' and 'transmitter'"),
        ({"gain": -np.eye(2)}, "gain: expected entries >= 0, got -1"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(run, target, tmp_path, arrays, words):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    result = run("solve", path, "--target", target)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert not result.stdout


@pytest.mark.parametrize("content", [None, b"", b"no archive", b"PK\x03\x04 cut short"])
def test_what_is_no_npz_file_is_exit_2(run, target, tmp_path, content):
    path = tmp_path / "bad.npz"
    if content is not None:
        path.write_bytes(content)
    result = run("solve", path, "--target", target)
    assert result.exit_code == 2
    assert "npz" in result.stderr
    assert result.stderr.count("\n") == 1


def test_an_answer_that_cannot_be_written_is_exit_2(run, target, power_file, tmp_path):
    result = run("solve", power_file, "--target", target, "--out", tmp_path / "nowhere" / "answer.npz")
    assert result.exit_code == 2
    assert "nowhere" in result.stderr


def test_a_servers_failure_is_exit_3(run, target, fake, failures, power_file):
    fake.failure = failures["Overloaded"]
    result = run("solve", power_file, "--target", target)
    assert result.exit_code == 3
    assert result.stderr == "airgraph: RESOURCE_EXHAUSTED: queue full\n"


def test_models(run, target):
    result = run("models", "--target", target)
    assert result.exit_code == 0
    assert "wcgcn" in result.stdout
    assert "READY" in result.stdout


def test_status(run, target, health_of):
    result = run("status", "--target", target)
    assert result.exit_code == 0
    assert "1 of 1 models ready" in result.stdout
    health_of.enter_graceful_shutdown()
    result = run("status", "--target", target)
    assert result.exit_code == 3
    assert "NOT_SERVING" in result.stderr


def test_reload_says_what_changed_and_what_could_not_be_loaded(run, target, registry_of):
    result = run("reload", "--target", target)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "nothing was loaded or unloaded\n", "")
    registry_of.reloaded = registry_pb2.ReloadModelsResponse(loaded=[registry_of.MODEL])
    result = run("reload", "--target", target)
    assert (result.exit_code, result.stdout) == (0, "loaded power_control/wcgcn 3\n")
    broken = registry_pb2.Model(problem="precoding", name="gram", version="2", state_detail="checksum of model.onnx")
    registry_of.reloaded.failed.append(broken)
    result = run("reload", "--target", target)
    assert (result.exit_code, result.stdout) == (1, "loaded power_control/wcgcn 3\n")
    assert result.stderr == "airgraph: precoding/gram 2: checksum of model.onnx\n"


@pytest.mark.parametrize("command", ["models", "status", "demo", "reload"])
def test_nobody_there_is_exit_3(run, command, tmp_path):
    arguments = ["--out", tmp_path / "demo.png"] if command == "demo" else []
    result = run(command, "--target", "127.0.0.1:1", "--timeout", "1", *arguments)
    assert result.exit_code == 3
    assert result.stderr.startswith("airgraph: UNAVAILABLE: ")
    assert result.stderr.count("\n") == 1
