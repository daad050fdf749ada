"""The shipped models are the ones their cards describe, and as good as the project promises."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch

import airgraph_models
from airgraph_models.problems import FAMILIES, Beamforming, PowerControl
from airgraph_models.problems.row_table import build_row_table
from airgraph_models.zoo.card import CARD_FILE, parse_card, read_card
from airgraph_training.evaluation import held_out_figures, reference_figures
from airgraph_training.export import onnx_session, random_graph, run_onnx, tensors
from airgraph_training.model_card import ONNX_FILE, TORCHSCRIPT_FILE
from airgraph_training.recipes import RECIPES

ZOO = Path(airgraph_models.__file__).parent / "zoo"
REFERENCE = Path(__file__).parents[2] / "data" / "reference"
MODELS = ["power_control/wcgcn/1", "beamforming/wcgcn/1"]
MOST_SAMPLES = 10_000

# Mean over the reference instances of objective / WMMSE (stored): what the project promises.
PROMISED = {
    "power_control/wcgcn/1": {"K = 10": 1.020, "K = 30": 1.015, "K = 50": 1.010},
    "beamforming/wcgcn/1": {"K = 50: all links": 0.93, "K = 50: the network": 0.93, "K = 10: all links": 0.93},
}


@pytest.fixture(params=MODELS)
def model(request):
    return request.param


@pytest.fixture
def session(model):
    return onnx_session(ZOO / model / ONNX_FILE)


def test_files_are_the_ones_the_card_was_made_for(model):
    read_card(ZOO / model).verify(ZOO / model, ONNX_FILE, TORCHSCRIPT_FILE)


def test_the_card_tells_how_the_model_was_made(model):
    document = read_card(ZOO / model).document
    assert parse_card(document).problem == model.split("/")[0]
    training = document["training"]
    assert training["samples"] <= MOST_SAMPLES
    assert "--quick" not in training["command"]
    assert sum(part["samples"] for part in training["distribution"]) == training["samples"]


def test_files_name_nobodys_folders(model):
    # TorchScript would keep the paths of the sources, of no use to anyone else.
    for name in (ONNX_FILE, TORCHSCRIPT_FILE, CARD_FILE):
        content = (ZOO / model / name).read_bytes()
        assert str(Path(airgraph_models.__file__).parents[2]).encode() not in content
        assert b"site-packages" not in content


def test_golden_instance_is_reproduced_by_both_formats(model, session):
    card = read_card(ZOO / model)
    given = dict(card.golden["instance"])
    if card.problem == "power_control":
        instance = PowerControl.create(given.pop("gain"), **given)
    else:
        channel = np.array(given.pop("channel_real")) + 1j * np.array(given.pop("channel_imag"))
        instance = Beamforming.create(channel, **given)
    table = build_row_table([FAMILIES[card.problem].view(instance).graph])
    scripted = torch.jit.load(str(ZOO / model / TORCHSCRIPT_FILE))
    with torch.inference_mode():
        answers = (run_onnx(session, table), scripted(*tensors(table)).numpy())
    for answer in answers:
        np.testing.assert_allclose(answer, card.golden["output"], atol=card.golden["tolerance"], rtol=0)


def test_formats_agree_on_any_size(model, session):
    sizes = read_card(ZOO / model).document["architecture"]
    scripted = torch.jit.load(io.BytesIO((ZOO / model / TORCHSCRIPT_FILE).read_bytes()))
    rng = np.random.default_rng(0)
    for nodes in (1, 2, 5, 31):
        graph = random_graph(rng, nodes, sizes["node_features"], sizes["link_features"])
        table = build_row_table([graph, graph])
        with torch.inference_mode():
            expected = scripted(*tensors(table)).numpy()
        np.testing.assert_allclose(run_onnx(session, table), expected, atol=1e-5, rtol=0)


def test_quality_on_the_reference_instances(model, session):
    figures = list(reference_figures(session, model.split("/")[0], REFERENCE))
    for name, promised in PROMISED[model].items():
        measured = next(f.mean_of_ratios for f in figures if name in f.instances)
        assert measured >= promised, name
    claimed = {f["instances"]: f["mean_of_ratios"] for f in read_card(ZOO / model).document["quality"]}
    for figure in figures:
        assert figure.mean_of_ratios == pytest.approx(claimed[figure.instances], abs=1e-3)


def test_quality_on_dropped_pairs():
    session = onnx_session(ZOO / "power_control/wcgcn/1" / ONNX_FILE)
    recipe = RECIPES["wcgcn-power-control"]
    streets = tuple(group for group in recipe.validation if group.name == "street-50")
    (figure,) = held_out_figures(session, "power_control", 0, streets)
    assert figure.mean_of_ratios >= 0.975
