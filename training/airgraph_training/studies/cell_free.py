"""Cell-free power control: the networks of paper 000, the optimum, and what AUTO serves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

import airgraph_models
from airgraph_models.classical.max_min_power import bisection, fixed_point, spectral_optimum
from airgraph_models.classical.stopping import Stopping
from airgraph_models.gnn.cell_free_networks import CFPCGNN, CellFreeMLP, HetGNN
from airgraph_models.problems import CELL_FREE, CellFree
from airgraph_training.evaluation import Exported
from airgraph_training.studies.cell_free_fitting import CellFreeFit, draw_networks, fit_cell_free, tensors
from airgraph_training.studies.lab import TEST_SEED, FloatArray, Lab
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CELLS = ((30, 6), (30, 8), (30, 10), (50, 6), (50, 8), (50, 10))
LARGE = (100, 20)
"""Beyond the paper: access points and users."""
TRAINED_USERS = 6
SAMPLES, EPOCHS, TESTS, TIMED = 10_000, 30, 1000, 60
COARSE = 0.1
"""Width of the SINR interval at which the published kind of bisection ends."""
FIXED_STEPS = 20
MAXIMUM, MLP, HET, PCGNN = "maximum power", "MLP", "HetGNN", "CF-PCGNN"
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
MODEL = Path(airgraph_models.__file__).parent / "zoo" / "cell_free" / "max_min" / "1"
SERVED, AUTO = "the served network alone", "AUTO (network and fixed point)"
FIXED = f"fixed point from full power, {FIXED_STEPS} steps"

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
    return lab.kept(name, [label, fit.describe()], module, lambda: fit_cell_free(module, fit), f"{label}, {name}")


def _answers(module: nn.Module, networks: Networks) -> FloatArray:
    with torch.inference_mode():
        power: FloatArray = module(tensors(networks)[0]).double().numpy()
    return power


def _auto(served: Exported, one: CellFree) -> FloatArray:
    start = CELL_FREE.project(one, served.answers([one])[0])[None]
    polished: FloatArray = CELL_FREE.polish([one], [start], Stopping(120, 1e-5))[0].allocation
    return polished


def _cell(lab: Lab, served: Exported, points: int, users: int, count: int) -> dict[str, float]:
    """Mean smallest rates of one cell by system."""
    rng = np.random.default_rng((TEST_SEED, points, users))
    networks = draw_networks(rng, points, users, count)
    couplings = [one.coupling for one in networks]
    matrix, noise = np.stack([c.matrix for c in couplings]), np.stack([c.noise for c in couplings])
    found = {
        "optimum": float(np.log2(1 + spectral_optimum(matrix, noise).sinr).mean()),
        "coarse": float(np.mean([np.log2(1 + bisection(c.matrix, c.noise, width=COARSE).sinr) for c in couplings])),
        MAXIMUM: _rate(networks, np.ones(noise.shape)),
        FIXED: _rate(networks, fixed_point(matrix, noise, np.ones(noise.shape), Stopping(FIXED_STEPS)).power),
        SERVED: _rate(networks, np.stack([served.answers([one])[0] for one in networks])),
        AUTO: _rate(networks, np.stack([_auto(served, one) for one in networks])),
    }
    if (points, users) == LARGE:
        return found
    few = min(TRAINED_USERS, users)
    kinds: tuple[tuple[str, Callable[[], nn.Module]], ...] = ((HET, HetGNN), (PCGNN, CFPCGNN))
    for label, build in kinds:
        found[label + FEW] = _rate(networks, _answers(_trained(lab, label, build, points, few), networks))
        found[label] = _rate(networks, _answers(_trained(lab, label, build, points, users), networks))
    mlp = _trained(lab, MLP, lambda: CellFreeMLP(points, users), points, users)
    found[MLP] = _rate(networks, _answers(mlp, networks))
    return found


def _milliseconds(served: Exported, points: int, users: int, count: int) -> tuple[float, ...]:
    """CPU time of one instance each: bisection, AUTO, network alone, fixed point; the smallest of three rounds."""
    networks = draw_networks(np.random.default_rng((TEST_SEED, points, users, 1)), points, users, count)

    def fresh() -> Networks:
        # Couplings are laid out once an instance: every system does that work itself.
        return [CellFree(o.fading, o.snr, o.pilot_overlap, o.pilot_length, o.dtype) for o in networks]

    systems: tuple[Callable[[CellFree], object], ...] = (
        lambda one: bisection(one.coupling.matrix, one.coupling.noise, 1e-6),
        lambda one: _auto(served, one),
        lambda one: served.answers([one]),
        lambda one: CELL_FREE.polish([one], [CELL_FREE.starts(one)], Stopping(FIXED_STEPS)),
    )
    times = []
    for solve in systems:
        rounds = []
        for _ in range(3):
            instances = fresh()
            began = process_time()
            for one in instances:
                solve(one)
            rounds.append((process_time() - began) / count * 1e3)
        times.append(min(rounds))
    return tuple(times)


def _run(lab: Lab) -> Findings:
    cells = ((8, 4), (8, 6)) if lab.quick else CELLS
    large = (10, 8) if lab.quick else LARGE
    count, timed = (6, 2) if lab.quick else (TESTS, TIMED)
    served = Exported.of_zoo(MODEL)
    measured = {cell: _cell(lab, served, *cell, count) for cell in cells}
    columns = ("system", *(f"M = {m}, K = {k}" for m, k in cells))
    learned = tuple(
        (name, *(_both(measured[cell], name, PAPER[name][i]) for i, cell in enumerate(cells))) for name in PAPER
    )
    everything = {**measured, large: _cell(lab, served, *large, count)} if not lab.quick else measured
    ours = tuple(
        (name, *(f"{found[name] / found['optimum']:.4f}" for found in everything.values()))
        for name in (MAXIMUM, FIXED, SERVED, AUTO)
    )
    coarse = ("coarse bisection", *(f"{found['coarse'] / found['optimum']:.4f}" for found in everything.values()))
    wide = ("system", *(f"M = {m}, K = {k}" for m, k in everything))
    times = tuple((f"M = {m}, K = {k}", *_timed(served, m, k, timed)) for m, k in everything)
    return Findings(
        tables=(
            Table("Mean smallest rate over that of the coarse bisection, per cent (paper 000)", columns, learned),
            Table("Mean smallest rate over the optimum's", wide, (*ours, coarse)),
            Table(
                "CPU time of one instance on one thread, ms, couplings included",
                ("cell", "bisection to 1e-6", "AUTO", SERVED, FIXED, "bisection over AUTO"),
                times,
            ),
        ),
        remarks=(
            "Networks in a square of 0.5 km that wraps around, three-slope path loss, 20 pilots, 100 mW; "
            f"{count:,} test networks a cell. The paper's networks are trained on {SAMPLES:,} samples x {EPOCHS} "
            "epochs, on the fading alone, against a smooth envelope of the smallest rate, and their averaged weights "
            "are tested: trained as published they swing from check to check.",
            f"The coarse bisection stops when the bounds of the SINR are within {COARSE}: the published code stops "
            "early too and calls the result optimal. The optimum is the spectral radius.",
            "The served network sees couplings and noise, so pilots and SNR too, and is trained once for all cells. "
            "It unrolls the fixed point; AUTO goes on from its answer with the fixed point itself.",
            "What the network is worth: six learned steps in place of some twenty plain ones. But a plain step costs "
            "microseconds: the fixed point alone is about as good, and faster than the bisection, while AUTO, which "
            "runs both, takes longer than either.",
        ),
        draw=lambda axes: _draw(axes, cells, measured),
    )


def _both(found: dict[str, float], name: str, printed: float) -> str:
    return f"{100 * found[name] / found['coarse']:.1f} ({printed})"


def _timed(served: Exported, points: int, users: int, count: int) -> tuple[str, ...]:
    times = _milliseconds(served, points, users, count)
    return (*(f"{time:.3f}" for time in times), f"{times[0] / times[1]:.2f}")


def _draw(axes: Axes, cells: tuple[tuple[int, int], ...], measured: dict[tuple[int, int], dict[str, float]]) -> None:
    place = np.arange(len(cells))
    for name, style in ((MLP, "--s"), (HET, "-s"), (PCGNN, "-o"), (SERVED, "-^"), (AUTO, "-v")):
        ratios = [measured[cell][name] / measured[cell]["optimum"] for cell in cells]
        axes.plot(place, ratios, style, label=name, markersize=5)
    axes.set_xticks(place, [f"M = {m}\nK = {k}" for m, k in cells])
    axes.set_ylabel("mean smallest rate over the optimum's")
    axes.set_xlabel("access points and users")
    axes.legend(fontsize=8)


CELL_FREE_STUDY = Study(
    name="cell-free",
    title="Cell-free power control",
    source="paper 000, table IV",
    run=_run,
)
