"""On a real GPU: the answers of the CPU, recorded or not, through both runtimes; skipped where there is none."""

import subprocess
import sys
import threading

import numpy as np
import pytest

from airgraph_models.problems import FAMILIES
from airgraph_server.registry.model import load_model, plain_instance
from airgraph_server.settings import Device, RuntimeKind, Settings

ZOO = Settings().zoo
MODELS = sorted(card.parent for card in ZOO.glob("*/*/*/card.json"))


def _gpus() -> dict[RuntimeKind, str]:
    """Why each runtime has no GPU; empty where it has one."""
    reasons = {}
    try:
        import torch

        reasons[RuntimeKind.TORCHSCRIPT] = "" if torch.cuda.is_available() else "torch finds no CUDA device"
    except ImportError:
        reasons[RuntimeKind.TORCHSCRIPT] = "torch is not installed"
    import onnxruntime

    offered = onnxruntime.get_available_providers()
    reasons[RuntimeKind.ONNX] = "" if "CUDAExecutionProvider" in offered else f"ONNX Runtime offers only {offered}"
    return reasons


NO_GPU = _gpus()
pytestmark = pytest.mark.gpu
on_each_runtime = pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=pytest.mark.skipif(bool(NO_GPU[k]), reason=NO_GPU[k] or "-")) for k in RuntimeKind]
)
on_each_model = pytest.mark.parametrize("directory", MODELS, ids=lambda path: path.parent.name)


def view_of(model, size):
    return FAMILIES[model.card.problem].view(plain_instance(model.card, size), model.layout).graph


@on_each_runtime
@on_each_model
def test_the_gpu_answers_as_the_cpu(directory, kind):
    on_cpu, on_gpu = (
        load_model(directory, Settings(runtime=kind, device=device)) for device in (Device.CPU, Device.CUDA)
    )
    assert on_gpu.device == "cuda"
    for sizes in ((5,), (40,), (3, 17, 8), (2,) * 20):
        joined = on_cpu.join([view_of(on_cpu, size) for size in sizes])
        expected = on_cpu.run(on_cpu.inputs(joined), 1)
        count = sum(joined.sizes)
        # The first time as it is, then recorded, then from the record.
        for _ in range(4):
            np.testing.assert_allclose(on_gpu.run(on_gpu.inputs(joined), 1)[:count], expected[:count], atol=1e-4)
        # Other numbers of the same shape.
        turned = {
            name: np.ascontiguousarray(value[::-1]) if name in ("node", "user") else value
            for name, value in joined.inputs().items()
        }
        np.testing.assert_allclose(
            on_gpu.run(turned, 1), on_cpu.run({k: np.ascontiguousarray(v) for k, v in turned.items()}, 1), atol=1e-4
        )


@on_each_runtime
def test_a_shape_that_was_forgotten_is_recorded_anew(kind):
    model = load_model(MODELS[0], Settings(runtime=kind, device=Device.CUDA, recorded_shapes=2))
    inputs = {size: model.inputs(model.join([view_of(model, size)])) for size in (3, 6, 12, 24)}
    first = {size: model.run(given, 1) for size, given in inputs.items()}
    for _ in range(3):
        for size, given in inputs.items():
            np.testing.assert_allclose(model.run(given, 1), first[size], atol=1e-5)


@on_each_runtime
def test_all_models_of_a_server_record_side_by_side(kind):
    models = [load_model(directory, Settings(runtime=kind, device=Device.CUDA)) for directory in MODELS]
    failed = []

    def call(model):
        try:
            for size in (5, 9, 13, 21) * 3:
                model.run(model.inputs(model.join([view_of(model, size)])), 1)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=call, args=(model,)) for model in models for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert {model.device for model in models} == {"cuda"}


LOSE_THE_GPU = """
import sys
import numpy as np
from pathlib import Path
from airgraph_models.problems import FAMILIES
from airgraph_server.registry.model import load_model, plain_instance
from airgraph_server.settings import Device, RuntimeKind, Settings
model = load_model(Path(sys.argv[1]), Settings(runtime=RuntimeKind(sys.argv[2]), device=Device.CUDA))
family = FAMILIES[model.card.problem]
joined = model.join([family.view(plain_instance(model.card, 9), model.layout).graph])
model.when_device_lost(lambda reason: print("LOST", reason[:60]))
before = model.run(model.inputs(joined), 1)[:9]
import torch
# A kernel that reads beyond its memory ends the process's use of the device, as a broken GPU does.
try:
    torch.zeros(1, device="cuda")[torch.full((1,), 10**12, device="cuda")]
    torch.cuda.synchronize()
except Exception as error:
    print("device gone:", type(error).__name__)
after = model.run(model.inputs(joined), 1)[:9]
assert model.device == "cpu", model.device
np.testing.assert_allclose(after, before, atol=1e-4)
print("went on")
"""


@on_each_runtime
def test_a_gpu_that_is_really_lost_leaves_the_network_on_the_cpu(kind):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("torch loses the GPU in this test, and finds none")
    ran = subprocess.run(
        [sys.executable, "-c", LOSE_THE_GPU, str(MODELS[0]), kind.value],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert "device gone" in ran.stdout, ran.stderr
    assert "LOST" in ran.stdout, ran.stderr
    assert ran.stdout.rstrip().endswith("went on"), ran.stderr
