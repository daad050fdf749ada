"""What is written to a zoo is a model that can be served, with a card that describes it."""

import numpy as np
import pytest
import torch

from airgraph_models.problems import FAMILIES, Beamforming, CellFree, HybridPrecoding, PowerControl, Precoding
from airgraph_models.zoo.card import read_card
from airgraph_training.data import collate
from airgraph_training.evaluation import Exported
from airgraph_training.export import ONNX_FILE, TORCHSCRIPT_FILE
from airgraph_training.loading import draw
from airgraph_training.model_card import write_model
from airgraph_training.recipes import RECIPES
from airgraph_training.run import RunRecord, TrainedRun

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", params=list(RECIPES))
def written(request, tmp_path_factory):
    """A run of random weights, and the folder it was written to."""
    recipe = RECIPES[request.param].quick()
    prepared = draw(recipe, 5)
    torch.manual_seed(5)
    run = TrainedRun(RunRecord.of(recipe, 5, prepared, 1), recipe.architecture.build().eval(), 1, 0.5)
    return run, prepared, write_model(run, tmp_path_factory.mktemp("zoo"), [])


def test_the_card_is_the_recipes(written):
    run, prepared, folder = written
    recipe, card = run.record.full_recipe(), read_card(folder)
    card.verify(folder, ONNX_FILE, TORCHSCRIPT_FILE)
    assert folder.parts[-3:] == (card.problem, card.name, card.version)
    assert (card.problem, card.name, card.version) == (recipe.problem, recipe.model, recipe.version)
    assert (card.layout, card.default) == (recipe.architecture.layout, recipe.default)
    assert card.antennas == (0 if "precoding" in recipe.problem else max(1, recipe.antennas))
    assert card.parameters == sum(p.numel() for p in run.network.parameters())
    # Every sample of the training set lies in the domain, and the domain names nothing that a view does not have.
    for part in prepared:
        for statistics in part.statistics:
            assert set(card.domain) == {*statistics, "nodes"}
            for name, value in statistics.items():
                low, high = card.domain[name]
                assert low - 1e-4 <= value <= high + 1e-4


def test_the_written_network_answers_as_the_trained_one_in_its_own_layout(written):
    run, prepared, folder = written
    network, part = Exported.of_zoo(folder), prepared[0]
    # Weighted samples of a limited view are left out: the instance kept beside the graph has all links.
    seen = [i for i, graph in enumerate(part.graphs) if graph.links == part.graphs[0].links]
    batch = collate(part, np.array(seen))
    with torch.inference_mode():
        expected = run.network(*batch.inputs).numpy().reshape(len(seen), part.graphs[0].nodes, -1)
    views = [FAMILIES[network.problem].view(part.instances[i], network.layout) for i in seen]
    answers = network.answers([part.instances[i] for i in seen])
    for view, answer, raw in zip(views, answers, expected, strict=True):
        np.testing.assert_allclose(answer, view.read(raw), atol=1e-4)


def test_quality_is_measured_on_what_the_caller_would_get(written):
    _, _, folder = written
    network, rng = Exported.of_zoo(folder), np.random.default_rng(0)
    if network.problem == "power_control":
        instances = [PowerControl.create(rng.exponential(size=(n, n))) for n in (2, 5)]
    elif network.problem == "cell_free":
        drops = [rng.exponential(size=(9, users)) for users in (2, 5)]
        instances = [CellFree.create(fading, snr=10.0, pilot_length=5) for fading in drops]
    elif network.problem == "hybrid_precoding":
        drawn = [rng.normal(size=(4 * n, 2)) + 1j * rng.normal(size=(4 * n, 2)) for n in (2, 5)]
        instances = [HybridPrecoding.create(f_opt, chains=4) for f_opt in drawn]
    elif network.problem == "precoding":
        shapes = [(2, 4), (5, 5)]
        instances = [Precoding.create(rng.normal(size=s) + 1j * rng.normal(size=s)) for s in shapes]
    else:
        shapes = [(n, n, read_card(folder).antennas) for n in (2, 5)]
        instances = [Beamforming.create(rng.normal(size=s) + 1j * rng.normal(size=s)) for s in shapes]
    family = FAMILIES[network.problem]
    measured = network.objectives(instances, instances)
    for instance, objective in zip(instances, measured, strict=True):
        allocation = family.project(instance, network.answers([instance])[0])
        assert objective == pytest.approx(family.objective(instance, allocation))
        assert family.margin(instance, allocation) >= -1e-9
