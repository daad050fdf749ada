"""Training is one command, the same every time, and a resumed run is the unbroken one."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from airgraph_models.problems import FAMILIES
from airgraph_models.zoo.card import read_card
from airgraph_training.cli import app
from airgraph_training.data import collate
from airgraph_training.fitting import fit
from airgraph_training.loading import RecipeData, Steps, draw
from airgraph_training.recipes import RECIPES
from airgraph_training.run import load_run

pytestmark = pytest.mark.filterwarnings("ignore")


def weights(run):
    return load_run(run).network.state_dict()


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_resumed_run_is_the_unbroken_one(name, tmp_path):
    recipe = RECIPES[name].quick()
    if recipe.goes_on_from is not None:
        fit(RECIPES[recipe.goes_on_from].quick(), 3, tmp_path / recipe.goes_on_from, progress=False)
    fit(recipe, 3, tmp_path / "unbroken", progress=False)
    fit(recipe, 3, tmp_path / "broken", progress=False, stop_after=1)
    fit(recipe, 3, tmp_path / "broken", progress=False, resume=True)
    unbroken, broken = weights(tmp_path / "unbroken"), weights(tmp_path / "broken")
    assert all(torch.equal(unbroken[key], broken[key]) for key in unbroken)
    with (tmp_path / "broken" / "validation.csv").open() as stream:
        assert [row["epoch"] for row in csv.DictReader(stream)] == ["1", "2"]
    assert (tmp_path / "broken" / "validation.png").stat().st_size > 0


def test_another_seed_is_another_network(tmp_path):
    recipe = RECIPES["wcgcn-power-control"].quick()
    for seed in (0, 1):
        fit(recipe, seed, tmp_path / str(seed), progress=False)
    first, second = weights(tmp_path / "0"), weights(tmp_path / "1")
    assert not torch.equal(first["message_in.weight"], second["message_in.weight"])


def test_one_command_trains_exports_and_describes(tmp_path):
    name = "wcgcn-beamforming"
    recipe = RECIPES[name]
    command = ["fit", name, "--quick", "--no-progress", "--out", str(tmp_path), "--seed", "5"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    folder = tmp_path / name / "zoo" / recipe.problem / recipe.model / recipe.version
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.onnx", "model.pt"]
    card = read_card(folder)
    card.verify(folder, "model.onnx", "model.pt")
    assert (card.antennas, card.default) == (max(1, recipe.antennas), recipe.default)
    assert card.layout == recipe.architecture.layout
    assert "--seed 5" in card.document["training"]["command"]
    again = CliRunner().invoke(app, ["export", str(tmp_path / name), str(folder.parents[2])])
    assert again.exit_code == 0, again.output
    assert read_card(folder).files["model.onnx"] == card.files["model.onnx"]
    assert [path.name for path in folder.parent.iterdir()] == ["1"]


def test_unknown_names_are_refused(tmp_path):
    assert CliRunner().invoke(app, ["fit", "nothing"]).exit_code == 2
    assert CliRunner().invoke(app, ["evaluate", str(tmp_path)]).exit_code == 2
    result = CliRunner().invoke(app, ["fit", "wcgcn-beamforming", "--quick", "--resume", "--out", str(tmp_path)])
    assert result.exit_code == 2


def test_every_epoch_takes_every_sample_once():
    recipe = RECIPES["wcgcn-power-control"].quick()
    prepared = draw(recipe, 0)
    epochs = [Steps(recipe, prepared, 0, epoch) for epoch in (0, 1)]
    for epoch in epochs:
        assert sum(batch.weights.shape[0] for step in epoch for batch in step) == recipe.samples
    first, second = ([batch.channel.sum().item() for step in epoch for batch in step] for epoch in epochs)
    assert first != second


def test_training_sets_that_are_kept_stay_within_ten_thousand_samples():
    assert all(recipe.samples <= 10_000 for recipe in RECIPES.values() if not recipe.fresh)


def first_channels(data, epoch):
    """Channels of the samples that an epoch trains with."""
    data.trainer = SimpleNamespace(current_epoch=epoch)
    data.train_dataloader()
    return torch.cat([part.channel.flatten() for part in data.prepared])


@pytest.mark.parametrize("name", ["aligned-power-control", "wcgcn-power-control"])
def test_a_fresh_recipe_draws_every_epoch_anew_by_seed_and_epoch_alone(name):
    recipe = RECIPES[name].quick()
    unbroken, resumed, other = RecipeData(recipe, 3), RecipeData(recipe, 3), RecipeData(recipe, 4)
    epochs = [first_channels(unbroken, epoch) for epoch in range(3)]
    assert torch.equal(epochs[2], first_channels(resumed, 2))
    assert not torch.equal(epochs[2], first_channels(other, 2))
    assert torch.equal(epochs[0], epochs[1]) != recipe.fresh
    assert torch.equal(epochs[1], epochs[2]) != recipe.fresh


def test_one_default_model_a_family_with_models():
    problems = {recipe.problem for recipe in RECIPES.values()}
    assert problems <= set(FAMILIES)
    for problem in problems:
        assert sum(recipe.default for recipe in RECIPES.values() if recipe.problem == problem) == 1


@pytest.mark.parametrize("name", list(RECIPES))
def test_samples_are_laid_out_for_their_network(name):
    recipe = RECIPES[name].quick()
    network = recipe.architecture.build()
    for part in draw(recipe, 0):
        batch = collate(part, np.arange(len(part.graphs)))
        assert part.layout == recipe.architecture.layout
        assert network(*batch.inputs).shape[0] == batch.weights.numel()


def test_a_second_stage_goes_on_from_the_first(tmp_path):
    later = RECIPES["aligned-power-control"].quick()
    for seed in (1, 2):
        fit(RECIPES[later.goes_on_from].quick(), seed, tmp_path / str(seed), progress=False)
        fit(later, 3, tmp_path / f"later-{seed}", progress=False, start=tmp_path / str(seed))
    one, other = weights(tmp_path / "later-1"), weights(tmp_path / "later-2")
    start = weights(tmp_path / "1")
    far = sum(float((one[key] - other[key]).norm()) for key in one)
    near = sum(float((one[key] - start[key]).norm()) for key in one)
    assert 0 < near < 0.5 * far
    with pytest.raises(FileNotFoundError):
        fit(later, 3, tmp_path / "lost", progress=False, start=tmp_path / "nowhere")
