"""Only a model that is whole, reproduces its golden instance and is warm takes calls."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from airgraph_models.problems import POWER_CONTROL
from airgraph_server.errors import ModelNotFoundError
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.runtime.base import DeviceUnavailableError
from airgraph_server.settings import Device, RuntimeKind, Settings

SHIPPED = Settings().zoo
MODEL = "power_control/wcgcn"


@pytest.fixture
def zoo(tmp_path):
    """A copy of the shipped models to damage."""
    for problem in ("power_control", "beamforming"):
        shutil.copytree(SHIPPED / problem, tmp_path / problem)
    return tmp_path


def loaded(zoo, **settings):
    registry = Registry(Settings(zoo=zoo, **settings), Metrics())
    registry.load()
    return registry


def newest(zoo):
    return max((zoo / MODEL).iterdir(), key=lambda path: int(path.name))


def change_card(directory: Path, change) -> None:
    card = json.loads((directory / "card.json").read_text())
    change(card)
    (directory / "card.json").write_text(json.dumps(card))


@pytest.mark.parametrize("runtime", list(RuntimeKind))
def test_the_shipped_models_load_and_know_how_long_they_take(runtime):
    registry = loaded(SHIPPED, runtime=runtime)
    for problem in ("power_control", "beamforming"):
        model, detail = registry.find(problem, None)
        assert model is not None, detail
        assert model.device == "cpu"
        assert 0 < model.predicted_seconds(90) <= model.predicted_seconds(9900) < 5


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda d: (d / "model.onnx").write_bytes((d / "model.onnx").read_bytes() + b"x"), "sha256"),
        (lambda d: (d / "model.onnx").unlink(), "cannot be read"),
        (lambda d: (d / "card.json").write_text("{"), "not JSON"),
        (lambda d: (d / "card.json").write_text("[]"), "expected an object"),
        (lambda d: change_card(d, lambda card: card.pop("golden")), "'golden' is missing"),
        (lambda d: change_card(d, lambda card: card.update(schema_version=99)), "schema_version"),
        (lambda d: change_card(d, lambda card: card.update(domain=3)), "card.json"),
        (lambda d: change_card(d, lambda card: card["domain"].update(bogus=[0, 1])), "bogus"),
        (lambda d: change_card(d, lambda card: card.update(version="99")), "99"),
        (
            lambda d: change_card(d, lambda card: card["golden"]["output"][0].__setitem__(0, 0.123)),
            "golden output is off",
        ),
    ],
    ids=[
        "tampered",
        "missing",
        "not json",
        "a list",
        "no golden",
        "schema",
        "bad domain",
        "unknown statistic",
        "renamed",
        "other weights",
    ],
)
def test_a_damaged_model_is_refused_with_the_reason_and_the_others_serve(zoo, damage, reason):
    damage(newest(zoo))
    registry = loaded(zoo)
    failed = [entry for entry in registry.entries() if entry.model is None]
    assert [entry.problem for entry in failed] == ["power_control"]
    assert reason in failed[0].failure
    model, detail = registry.find("power_control", None)
    assert model is None
    assert reason in detail
    assert registry.find("beamforming", None)[0] is not None
    with pytest.raises(ModelNotFoundError, match="is not ready"):
        registry.find("power_control", ("wcgcn", ""))


def test_a_tampered_network_with_a_matching_sum_still_fails_its_golden_instance(zoo):
    """Whoever can write the card can write the sum; the golden answer is the second lock."""
    directory = newest(zoo)
    other = next((zoo / "beamforming" / "wcgcn").iterdir())
    shutil.copy(other / "model.onnx", directory / "model.onnx")
    theirs = json.loads((other / "card.json").read_text())["sha256"]["model.onnx"]
    change_card(directory, lambda card: card["sha256"].update({"model.onnx": theirs}))
    registry = loaded(zoo)
    assert registry.find("power_control", None)[0] is None
    assert registry.find("beamforming", None)[0] is not None


def test_the_newest_version_that_works_is_the_default_and_a_pin_gets_what_it_names(zoo):
    first = newest(zoo)
    second = first.with_name(str(int(first.name) + 9))
    shutil.copytree(first, second)
    change_card(second, lambda card: card.update(version=second.name))
    registry = loaded(zoo)
    assert registry.find("power_control", None)[0].version == second.name
    assert registry.find("power_control", ("wcgcn", ""))[0].version == second.name
    assert registry.find("power_control", ("wcgcn", first.name))[0].version == first.name
    defaults = [e.version for e in registry.entries() if e.is_default and e.problem == "power_control"]
    assert defaults == [second.name]
    assert registry.newest("wcgcn", first.name).version == first.name
    assert registry.newest("none") is None
    (second / "model.onnx").write_bytes(b"")
    assert loaded(zoo).find("power_control", None)[0].version == first.name


def test_asking_for_a_device_that_is_not_there_is_an_error_and_auto_is_not():
    with pytest.raises(DeviceUnavailableError, match="CUDA"):
        loaded(SHIPPED, device=Device.CUDA)
    assert loaded(SHIPPED, device=Device.AUTO).find("power_control", None)[0].device == "cpu"


def test_the_domain_check_names_the_statistic():
    model, _ = loaded(SHIPPED).find("power_control", None)
    from airgraph_models.problems import PowerControl

    far = PowerControl.create(np.random.default_rng(0).exponential(size=(6, 6)) * 1e12)
    view = POWER_CONTROL.view(far)
    assert "direct_level" in model.out_of_domain(view.statistics, 6)
    usual = PowerControl.create(np.random.default_rng(0).exponential(size=(6, 6)), noise_power=0.1)
    assert model.out_of_domain(POWER_CONTROL.view(usual).statistics, 6) is None
    assert "nodes" in model.out_of_domain(POWER_CONTROL.view(usual).statistics, 10**7)
