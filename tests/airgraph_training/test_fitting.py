"""Training is one command, the same every time, and a resumed run is the unbroken one."""

import csv

import pytest
import torch
from typer.testing import CliRunner

from airgraph_models.zoo.card import read_card
from airgraph_training.cli import app
from airgraph_training.fitting import fit
from airgraph_training.loading import Steps, draw
from airgraph_training.recipes import RECIPES
from airgraph_training.run import load_run

pytestmark = pytest.mark.filterwarnings("ignore")


def weights(run):
    return load_run(run).network.state_dict()


@pytest.mark.parametrize("name", list(RECIPES))
def test_a_resumed_run_is_the_unbroken_one(name, tmp_path):
    recipe = RECIPES[name].quick()
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
    command = ["fit", "wcgcn-beamforming", "--quick", "--no-progress", "--out", str(tmp_path), "--seed", "5"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    folder = tmp_path / "wcgcn-beamforming" / "zoo" / "beamforming" / "wcgcn" / "1"
    assert sorted(path.name for path in folder.iterdir()) == ["card.json", "model.onnx", "model.pt"]
    card = read_card(folder)
    card.verify(folder, "model.onnx", "model.pt")
    assert card.antennas == 2
    assert "--seed 5" in card.document["training"]["command"]
    again = CliRunner().invoke(app, ["export", str(tmp_path / "wcgcn-beamforming"), str(folder.parents[2])])
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


def test_recipes_stay_within_ten_thousand_samples():
    assert all(recipe.samples <= 10_000 for recipe in RECIPES.values())
