"""Cell-free power control: the networks of paper 000 beside the coarse bisection."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from airgraph_models.classical.max_min_power import bisection
from airgraph_models.gnn.cell_free_networks import CFPCGNN, CellFreeMLP, HetGNN
from airgraph_models.problems import CELL_FREE, CellFree
from airgraph_training.studies.cell_free_fitting import (
    CELLS,
    COARSE,
    CellFreeFit,
    draw_networks,
    fit_cell_free,
    tensors,
)
from airgraph_training.studies.lab import TEST_SEED, FloatArray, Lab
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAINED_USERS = 6
SAMPLES, EPOCHS, TESTS = 10_000, 30, 2000
MAXIMUM, MLP, HET, PCGNN = "maximum power", "MLP", "HetGNN", "CF-PCGNN"
EARLY = "coarse bisection"
FEW = ", K_train = 6"
PAPER = {
    MAXIMUM: (46.3, 35.8, 29.4, 63.7, 55.5, 46.8),
    MLP: (84.4, 74.8, 70.5, 90.4, 84.2, 78.7),
    HET + FEW: (94.9, 90.2, 85.7, 96.2, 94.4, 93.1),
    PCGNN + FEW: (95.1, 92.1, 90.3, 96.8, 95.2, 94.5),
    HET: (94.9, 91.9, 90.8, 96.2, 95.6, 94.7),
    PCGNN: (95.1, 93.1, 91.4, 96.8, 95.6, 95.1),
}
"""Paper 000, table IV, per cent, at `CELLS`."""

Networks = list[CellFree]


def _rate(networks: Networks, power: FloatArray) -> float:
    """Mean smallest rate of powers ``[n, K]``."""
    pairs = zip(networks, power, strict=True)
    return float(np.mean([CELL_FREE.objective(one, CELL_FREE.project(one, given)) for one, given in pairs]))


def _trained(lab: Lab, label: str, build: Callable[[], nn.Module], points: int, users: int) -> nn.Module:
    samples, epochs = (256, 1) if lab.quick else (SAMPLES, EPOCHS)
    fit = CellFreeFit(points, users, samples, epochs, lab.seed)
    torch.manual_seed(lab.seed)
    module = build()
    name = f"{label.lower()}-{points}-{users}"
    settings = [label, [list(weight.shape) for weight in module.parameters()], fit.describe()]
    return lab.kept(name, settings, module, lambda: fit_cell_free(module, fit), f"{label}, {name}")


def _answers(module: nn.Module, networks: Networks) -> FloatArray:
    with torch.inference_mode():
        power: FloatArray = module(tensors(networks)[0]).double().numpy()
    return power


def _cell(lab: Lab, points: int, users: int, count: int) -> dict[str, float]:
    """Mean smallest rates of one cell by system."""
    rng = np.random.default_rng((TEST_SEED, points, users))
    networks = draw_networks(rng, points, users, count)
    couplings = [one.coupling for one in networks]
    found = {
        EARLY: float(np.mean([np.log2(1 + bisection(c.matrix, c.noise, width=COARSE).sinr) for c in couplings])),
        MAXIMUM: _rate(networks, np.ones((count, users))),
    }
    few = min(TRAINED_USERS, users)
    kinds: tuple[tuple[str, Callable[[], nn.Module]], ...] = ((HET, HetGNN), (PCGNN, CFPCGNN))
    for label, build in kinds:
        found[label + FEW] = _rate(networks, _answers(_trained(lab, label, build, points, few), networks))
        found[label] = _rate(networks, _answers(_trained(lab, label, build, points, users), networks))
    mlp = _trained(lab, MLP, lambda: CellFreeMLP(points, users), points, users)
    found[MLP] = _rate(networks, _answers(mlp, networks))
    return found


def _run(lab: Lab) -> Findings:
    cells = ((8, 4), (8, 6)) if lab.quick else CELLS
    count = 6 if lab.quick else TESTS
    measured = {cell: _cell(lab, *cell, count) for cell in cells}
    columns = ("system", *(f"M = {m}, K = {k}" for m, k in cells))
    learned = tuple(
        (name, *(_both(measured[cell], name, PAPER[name][i]) for i, cell in enumerate(cells))) for name in PAPER
    )
    return Findings(
        tables=(Table("Mean smallest rate over that of the coarse bisection, per cent (paper 000)", columns, learned),),
        remarks=(
            "Networks in a square of 0.5 km that wraps around, three-slope path loss, 20 pilots, 100 mW; "
            f"{count:,} test networks a cell. The networks are trained on {SAMPLES:,} samples x {EPOCHS} "
            "epochs, on the fading alone, against a smooth envelope of the smallest rate, and their averaged weights "
            "are tested: trained as published they swing from check to check. All answers are scaled so that one user "
            "sends at full power, in training too.",
            f"The coarse bisection stops when the bounds of the SINR are within {COARSE}: the published code stops "
            "early too and calls the result optimal. How far it is below the optimum, what the served network, "
            "which sees pilots and SNR too, reaches and what AUTO answers is in the study `cell-free-auto`.",
            "What CF-PCGNN misses is who disturbs whom: a user learns of the others only through a mean over them all.",
        ),
        draw=lambda axes: _draw(axes, cells, measured),
    )


def _both(found: dict[str, float], name: str, printed: float) -> str:
    return f"{100 * found[name] / found[EARLY]:.1f} ({printed})"


def _draw(axes: Axes, cells: tuple[tuple[int, int], ...], measured: dict[tuple[int, int], dict[str, float]]) -> None:
    place = np.arange(len(cells))
    styles = ((MAXIMUM, ":x"), (MLP, "--s"), (HET + FEW, ":s"), (HET, "-s"), (PCGNN + FEW, ":o"), (PCGNN, "-o"))
    for name, style in styles:
        ratios = [100 * measured[cell][name] / measured[cell][EARLY] for cell in cells]
        axes.plot(place, ratios, style, label=name, markersize=5)
    axes.set_xticks(place, [f"M = {m}\nK = {k}" for m, k in cells])
    axes.set_ylabel("mean smallest rate over the coarse bisection's, per cent")
    axes.set_xlabel("access points and users")
    axes.legend(fontsize=8)


CELL_FREE_STUDY = Study(
    name="cell-free",
    title="Cell-free power control",
    source="paper 000, table IV",
    run=_run,
)
