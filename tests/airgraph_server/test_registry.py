"""Only a model that is whole, reproduces its golden instance and is warm takes calls."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_models.zoo.card import read_card
from airgraph_server.errors import ModelNotFoundError
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.runtime.base import DeviceUnavailableError
from airgraph_server.settings import Device, RuntimeKind, Settings

SHIPPED = Settings().zoo
DEFAULT, OTHER = "aligned", "wcgcn"
MODEL = f"power_control/{DEFAULT}"


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


@pytest.fixture
def zoo(tmp_path):
    """A copy of the shipped default models to damage."""
    for model in (MODEL, "beamforming/wcgcn"):
        shutil.copytree(SHIPPED / model, tmp_path / model)
    return tmp_path


@pytest.fixture
def two_models(zoo):
    """Two power-control models, of which one says that it is the default."""
    shutil.copytree(SHIPPED / "power_control" / OTHER, zoo / "power_control" / OTHER)
    say_default(zoo, DEFAULT)
    return zoo


def say_default(zoo, *names):
    """Lets the cards of these power-control models, and of no other, say that they are the default."""
    for directory in (zoo / "power_control").glob("*/*"):
        change_card(directory, lambda card: card.update(default=card["name"] in names))


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
        (lambda d: change_card(d, lambda card: card.pop("default")), "'default' is missing"),
        (lambda d: change_card(d, lambda card: card["architecture"].pop("layout")), "'layout' is missing"),
        (
            lambda d: change_card(d, lambda card: card["architecture"].update(layout="spiral")),
            "layout 'spiral' is not one of row_table, gain_blocks, those of power_control",
        ),
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
        "no default",
        "no layout",
        "unknown layout",
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
        registry.find("power_control", (DEFAULT, ""))


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
    assert registry.find("power_control", (DEFAULT, ""))[0].version == second.name
    assert registry.find("power_control", (DEFAULT, first.name))[0].version == first.name
    defaults = [e.version for e in registry.entries() if e.is_default and e.problem == "power_control"]
    assert defaults == [second.name]
    assert registry.newest(DEFAULT, first.name).version == first.name
    assert registry.newest("none") is None
    (second / "model.onnx").write_bytes(b"")
    assert loaded(zoo).find("power_control", None)[0].version == first.name


@pytest.mark.parametrize("layout", ["row_table", "gain_blocks"])
def test_a_layout_that_is_not_the_networks_own_is_refused(zoo, layout):
    """A known name that the network does not read fails its golden instance."""
    own = read_card(newest(zoo)).layout
    change_card(newest(zoo), lambda card: card["architecture"].update(layout=layout))
    assert (loaded(zoo).find("power_control", None)[0] is not None) == (layout == own)


def test_a_layout_of_another_family_is_refused(zoo):
    directory = next((zoo / "beamforming" / "wcgcn").iterdir())
    change_card(directory, lambda card: card["architecture"].update(layout="gain_blocks"))
    model, detail = loaded(zoo).find("beamforming", None)
    assert model is None
    assert "layout 'gain_blocks' is not one of row_table, those of beamforming" in detail


def test_the_card_says_which_model_answers_without_a_pin(two_models):
    registry = loaded(two_models)
    assert registry.find("power_control", None)[0].name == DEFAULT
    for name in (DEFAULT, OTHER):
        assert registry.find("power_control", (name, ""))[0].name == name
    say_default(two_models, OTHER)
    registry = loaded(two_models)
    assert registry.find("power_control", None)[0].name == OTHER
    assert [e.name for e in registry.entries() if e.is_default and e.problem == "power_control"] == [OTHER]


def test_a_newer_version_of_another_model_does_not_take_the_place_of_the_default(two_models):
    (first,) = (two_models / "power_control" / OTHER).iterdir()
    newer = first.with_name("99")
    shutil.copytree(first, newer)
    change_card(newer, lambda card: card.update(version="99"))
    registry = loaded(two_models)
    assert registry.find("power_control", None)[0].name == DEFAULT
    assert registry.find("power_control", (OTHER, ""))[0].version == "99"


def test_another_ready_model_answers_where_the_default_is_not_ready(two_models):
    (newest(two_models) / "model.onnx").write_bytes(b"")
    registry = loaded(two_models)
    assert registry.find("power_control", None)[0].name == OTHER
    assert [e.name for e in registry.entries() if e.is_default and e.problem == "power_control"] == [OTHER]
    with pytest.raises(ModelNotFoundError, match="is not ready"):
        registry.find("power_control", (DEFAULT, ""))


def test_where_no_card_says_default_somebody_answers_all_the_same(two_models):
    say_default(two_models)
    names = [entry.name for entry in loaded(two_models).entries() if entry.is_default]
    assert len(names) == 2
    shutil.rmtree(two_models / MODEL)
    assert loaded(two_models).find("power_control", None)[0].name == OTHER


def test_asking_for_a_device_that_is_not_there_is_an_error_and_auto_is_not():
    with pytest.raises(DeviceUnavailableError, match="CUDA"):
        loaded(SHIPPED, device=Device.CUDA)
    assert loaded(SHIPPED, device=Device.AUTO).find("power_control", None)[0].device == "cpu"


@pytest.mark.parametrize("name", [DEFAULT, OTHER])
def test_the_domain_check_names_the_statistic(name):
    model, _ = loaded(SHIPPED).find("power_control", (name, ""))
    far = PowerControl.create(np.random.default_rng(0).exponential(size=(6, 6)) * 1e16)
    view = POWER_CONTROL.view(far, model.layout)
    assert "direct_level" in model.out_of_domain(view.statistics, 6)
    usual = PowerControl.create(np.random.default_rng(0).exponential(size=(6, 6)), noise_power=0.1)
    assert model.out_of_domain(POWER_CONTROL.view(usual, model.layout).statistics, 6) is None
    assert "nodes" in model.out_of_domain(POWER_CONTROL.view(usual, model.layout).statistics, 10**7)
