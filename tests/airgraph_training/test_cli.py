from typer.testing import CliRunner

from airgraph_training.cli import app
from airgraph_training.recipes import RECIPES


def test_names_of_recipes_are_listed_whole_however_narrow_the_terminal():
    listed = CliRunner().invoke(app, ["recipes"], env={"COLUMNS": "80"})
    assert listed.exit_code == 0
    assert RECIPES.keys() <= set(listed.stdout.split())
