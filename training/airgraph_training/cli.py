"""``airgraph-train``: fit a recipe, export a run, measure a zoo, reproduce a study."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

import airgraph_models
from airgraph_training.recipes import RECIPES, Recipe

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Trains the networks that AirGraph serves.")

channels = typer.Typer(no_args_is_help=True, help="Keeps channels that take long to draw in a file.")
app.add_typer(channels, name="channels")

SHIPPED_ZOO = Path(airgraph_models.__file__).parent / "zoo"
Reference = Annotated[
    Path | None, typer.Option(help="Folder of the frozen reference instances, to measure on them as well.")
]


@app.command()
def recipes() -> None:
    """Lists the recipes."""
    table = Table()
    for name in ("recipe", "problem", "samples", "epochs", "description"):
        # A name cut off could not be given to `fit`.
        table.add_column(name, no_wrap=name == "recipe")
    for recipe in RECIPES.values():
        table.add_row(recipe.name, recipe.problem, str(recipe.samples), str(recipe.epochs), recipe.description)
    Console().print(table)


@app.command()
def fit(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe; see `airgraph-train recipes`.")],
    seed: Annotated[int, typer.Option(min=0, help="Fixes samples, weights and order.")] = 0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Instead of the recipe's own.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the run; its name gets the recipe's.")] = Path("runs"),
    resume: Annotated[bool, typer.Option(help="Go on from the run's last checkpoint.")] = False,
    quick: Annotated[bool, typer.Option(help="A few samples and two epochs, to try it out.")] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch; sums depend on it in the last bits.")] = 1,
    zoo: Annotated[Path | None, typer.Option(help="Zoo to export to; by default OUT/RECIPE/zoo.")] = None,
    start: Annotated[
        Path | None, typer.Option(help="Run to go on from, where the recipe does; by default OUT/ITS-RECIPE.")
    ] = None,
    reference: Reference = None,
    progress: Annotated[bool, typer.Option(help="Show a progress bar.")] = True,
) -> None:
    """Trains a recipe, exports its best checkpoint and measures it."""
    # Torch and Lightning take seconds to import: only the commands that need them pay.
    import torch

    from airgraph_training.fitting import fit as fit_recipe

    chosen = _recipe(recipe)
    chosen = chosen.quick() if quick else chosen
    chosen = replace(chosen, epochs=epochs) if epochs else chosen
    torch.set_num_threads(threads)
    folder = out / chosen.name
    try:
        fit_recipe(chosen, seed, folder, resume=resume, progress=progress, start=start)
    except FileNotFoundError as error:
        raise typer.BadParameter(str(error), param_hint="--resume or --start") from error
    export(folder, zoo or folder / "zoo", reference)


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run.", exists=True, file_okay=False)],
    zoo: Annotated[Path, typer.Argument(help="Zoo to write to.")],
    reference: Reference = None,
) -> None:
    """Exports a run's best checkpoint to ONNX and TorchScript with a model card, whole or not at all."""
    from airgraph_training.evaluation import figures
    from airgraph_training.model_card import write_model
    from airgraph_training.run import load_run

    trained = load_run(run)
    measured = figures(trained, reference)
    target = write_model(trained, zoo, measured)
    _show([figure.document() for figure in measured])
    typer.echo(f"wrote {target}")


@app.command()
def evaluate(
    zoo: Annotated[Path, typer.Argument(help="Zoo to measure.")] = SHIPPED_ZOO,
    reference: Annotated[Path, typer.Option(help="Folder of the frozen reference instances.")] = Path(
        "tests/data/reference"
    ),
) -> None:
    """Measures every model of a zoo on the frozen reference instances."""
    from airgraph_models.zoo.card import CARD_FILE
    from airgraph_training.evaluation import REFERENCE_FILES, Exported, reference_figures

    cards = sorted(zoo.glob(f"*/*/*/{CARD_FILE}"))
    if not cards:
        raise typer.BadParameter(f"no model under {zoo}", param_hint="ZOO")
    for path in cards:
        network = Exported.of_zoo(path.parent)
        if not (reference / REFERENCE_FILES[network.problem]).exists():
            missing = REFERENCE_FILES[network.problem]
            raise typer.BadParameter(f"{missing} is not in {reference}", param_hint="--reference")
        typer.echo("/".join(path.parent.parts[-3:]))
        _show([figure.document() for figure in reference_figures(network, reference)])


@channels.command()
def umi(
    name: Annotated[str, typer.Option(help="File, in the folder that the recipes and studies read.")] = "umi.npz",
    seed: Annotated[int, typer.Option(min=0, help="Fixes the drops.")] = 0,
    drops: Annotated[int, typer.Option(min=1, help="Sectors of 32 users.")] = 400,
) -> None:
    """Drops users in urban microcells of 3GPP TR 38.901; needs the extra `channels`."""
    from airgraph_training.channels.umi import FOLDER, write

    write(FOLDER / name, seed, drops)
    typer.echo(f"wrote {FOLDER / name}")


@channels.callback()
def _kinds() -> None:
    """Keeps channels that take long to draw in a file."""


@app.command()
def study(
    name: Annotated[str, typer.Argument(help="Name of a study; `list` lists them.")],
    seed: Annotated[int, typer.Option(min=0, help="Fixes training sets and initial weights.")] = 0,
    quick: Annotated[bool, typer.Option(help="Seconds instead of hours, to see that it works.")] = False,
    out: Annotated[Path, typer.Option(help="Folder of the page and its plot.")] = Path("docs/studies"),
    cache: Annotated[Path, typer.Option(help="Folder of trained networks.")] = Path("runs/studies"),
    threads: Annotated[int, typer.Option(min=1, help="Threads of torch.")] = 1,
) -> None:
    """Reproduces a table or figure of a paper and writes its page."""
    from time import perf_counter

    import torch

    from airgraph_training.studies import STUDIES, Lab
    from airgraph_training.studies.page import write_page

    if name == "list":
        for known in STUDIES.values():
            typer.echo(f"{known.name:20} {known.title} ({known.source})")
        return
    if name not in STUDIES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(STUDIES)}", param_hint="NAME")
    torch.set_num_threads(threads)
    began = perf_counter()
    lab = Lab(quick=quick, seed=seed, cache=cache, report=typer.echo)
    findings = STUDIES[name].run(lab)
    typer.echo(f"wrote {write_page(STUDIES[name], findings, lab, out, perf_counter() - began)}")


def _recipe(name: str) -> Recipe:
    if name not in RECIPES:
        raise typer.BadParameter(f"{name!r} is not one of {', '.join(RECIPES)}", param_hint="RECIPE")
    return RECIPES[name]


def _show(documents: list[dict[str, object]]) -> None:
    table = Table("instances", "count", "over", "mean of ratios", "ratio of means", "closed form")
    for d in documents:
        shares = (f"{d[k]:.4f}" for k in ("mean_of_ratios", "ratio_of_means", "baseline_ratio"))
        table.add_row(str(d["instances"]), str(d["count"]), str(d["denominator"]), *shares)
    Console().print(table)


if __name__ == "__main__":
    app()
