"""Cell-free power control: AUTO beside the optimum, the bisection and the served network, in rate and time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

import numpy as np

import airgraph_models
from airgraph_models.classical.max_min_power import bisection, fixed_point, spectral_optimum
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import CELL_FREE, CellFree
from airgraph_models.problems.family import Refined
from airgraph_training.evaluation import Exported
from airgraph_training.studies.cell_free_fitting import CELLS, COARSE, draw_networks
from airgraph_training.studies.lab import TEST_SEED, Lab
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGE = (100, 20)
"""Beyond the paper: access points and users."""
TESTS, TIMED, ROUNDS = 1000, 60, 15
FIXED_STEPS = 20
BISECTION_ACCURACY = 1e-6
POLISH = Stopping(120, 1e-5)
"""What the server polishes with where nothing else is said."""
MODEL = Path(airgraph_models.__file__).parent / "zoo" / "cell_free" / "max_min" / "1"
MAXIMUM, SERVED = "maximum power", "the served network alone"
AUTO, BOTH = "AUTO: the fixed point in leaps, from full power", "the same from the network's answer"
FIXED = f"plain fixed point from full power, {FIXED_STEPS} steps"
BISECTION, EARLY = "bisection to 1e-6", "coarse bisection"

Networks = list[CellFree]
Solve = Callable[[CellFree], float]
"""From a network to the smallest SINR reached."""


def _leaps(one: CellFree) -> Refined:
    """As AUTO: from full power."""
    return CELL_FREE.polish([one], [CELL_FREE.starts(one)], POLISH)[0]


def _learned_leaps(served: Exported, one: CellFree) -> Refined:
    """From the network's answer."""
    return CELL_FREE.polish([one], [CELL_FREE.project(one, served.answers([one])[0])[None]], POLISH)[0]


def _systems(served: Exported) -> dict[str, Callable[[CellFree], float]]:
    """Smallest rate, bit/s/Hz, by system; each lays out the couplings itself."""

    def halved(one: CellFree, accuracy: float, width: float = 0.0) -> float:
        return float(np.log2(1 + bisection(one.coupling.matrix, one.coupling.noise, accuracy, width).sinr))

    def plain(one: CellFree) -> float:
        start = CELL_FREE.baseline(one)
        found = fixed_point(one.coupling.matrix, one.coupling.noise, start, Stopping(FIXED_STEPS))
        return float(np.log2(1 + found.sinr))

    return {
        BISECTION: lambda one: halved(one, BISECTION_ACCURACY),
        AUTO: lambda one: _leaps(one).objective,
        BOTH: lambda one: _learned_leaps(served, one).objective,
        SERVED: lambda one: CELL_FREE.objective(one, CELL_FREE.project(one, served.answers([one])[0])),
        FIXED: plain,
        EARLY: lambda one: halved(one, 0.0, COARSE),
        MAXIMUM: lambda one: CELL_FREE.objective(one, CELL_FREE.baseline(one)),
    }


def _rates(served: Exported, networks: Networks) -> dict[str, tuple[float, float]]:
    """Mean rate over the optimum's mean, and the worst ratio of one network, by system."""
    couplings = [one.coupling for one in networks]
    exact = spectral_optimum(np.stack([c.matrix for c in couplings]), np.stack([c.noise for c in couplings]))
    optimum = np.log2(1 + exact.sinr)
    found = {}
    for name, solve in _systems(served).items():
        rates = np.array([solve(one) for one in networks])
        found[name] = float(rates.mean() / optimum.mean()), float((rates / optimum).min())
    return found


def _times(served: Exported, networks: Networks, rounds: int) -> dict[str, float]:
    """CPU time of one network, ms: the smallest mean of some rounds, in which the systems take turns."""
    solves = {name: solve for name, solve in _systems(served).items() if name not in (EARLY, MAXIMUM)}
    times: dict[str, list[float]] = {name: [] for name in solves}
    for _ in range(rounds):
        for name, solve in solves.items():
            # Created anew: couplings are laid out once an instance, and every system does that work itself.
            fresh = [CellFree(o.fading, o.snr, o.pilot_overlap, o.pilot_length, o.dtype) for o in networks]
            began = process_time()
            for one in fresh:
                solve(one)
            times[name].append((process_time() - began) / len(fresh) * 1e3)
    return {name: min(found) for name, found in times.items()}


def _leap_counts(served: Exported, networks: Networks) -> tuple[float, float]:
    """Mean leaps from full power and from the network's answer."""
    plain = [_leaps(one).iterations for one in networks]
    learned = [_learned_leaps(served, one).iterations for one in networks]
    return float(np.mean(plain)), float(np.mean(learned))


def _run(lab: Lab) -> Findings:
    cells = ((8, 4), (10, 8)) if lab.quick else (*CELLS, LARGE)
    count, timed, rounds = (6, 2, 1) if lab.quick else (TESTS, TIMED, ROUNDS)
    served = Exported.of_zoo(MODEL)
    drawn = {cell: draw_networks(np.random.default_rng((TEST_SEED, *cell)), *cell, count) for cell in cells}
    rates = {cell: _rates(served, drawn[cell]) for cell in cells}
    leaps = {cell: _leap_counts(served, drawn[cell]) for cell in cells}
    times = {cell: _times(served, drawn[cell][:timed], rounds) for cell in cells}
    columns = ("system", *(f"M = {m}, K = {k}" for m, k in cells))
    names = tuple(rates[cells[0]])
    return Findings(
        tables=(
            Table(
                "Mean smallest rate over the optimum's (worst ratio of one network)",
                columns,
                tuple((n, *(f"{rates[c][n][0]:.4f} ({rates[c][n][1]:.4f})" for c in cells)) for n in names),
            ),
            Table(
                "CPU time of one network on one thread, batch 1, ms, couplings included",
                columns,
                (
                    *((n, *(f"{times[c][n]:.3f}" for c in cells)) for n in times[cells[0]]),
                    ("bisection over AUTO", *(f"{times[c][BISECTION] / times[c][AUTO]:.2f}" for c in cells)),
                ),
            ),
            Table(
                "Leaps until the bounds of the optimum meet, mean",
                columns,
                (
                    ("from full power", *(f"{leaps[c][0]:.2f}" for c in cells)),
                    ("from the network's answer", *(f"{leaps[c][1]:.2f}" for c in cells)),
                ),
            ),
        ),
        remarks=_remarks(count, timed, rounds, leaps),
        draw=lambda axes: _draw(axes, cells, times),
    )


def _remarks(count: int, timed: int, rounds: int, leaps: dict[tuple[int, int], tuple[float, float]]) -> tuple[str, ...]:
    full, learned = (float(np.mean([found[i] for found in leaps.values()])) for i in (0, 1))
    return (
        "Networks in a square of 0.5 km that wraps around, three-slope path loss, 20 pilots, 100 mW; "
        f"{count:,} test networks a cell, the first {timed} of them timed, the smallest mean of {rounds} rounds. The "
        "optimum is the spectral radius.",
        "AUTO does not ask the network here. As long as one user has the largest load the normalised fixed point is "
        "the power iteration of one matrix, and squaring that eight times takes 256 of its steps; powers of which "
        "one is full bound the optimum from both sides, so that it is known when to end: within 1e-5.",
        "What the network is worth: it sees couplings and noise, so pilots and SNR too, and is trained once for all "
        f"cells. As a start it saves {full - learned:.2f} of {full:.2f} leaps, less than its own run costs. It is "
        "served to whoever asks for it alone, or for its answer beside (`shadow`).",
        "The whole of AUTO's decision, with guard, rates and rounding, is timed beside the bisection in "
        "docs/measurements.md.",
    )


def _draw(axes: Axes, cells: tuple[tuple[int, int], ...], times: dict[tuple[int, int], dict[str, float]]) -> None:
    place = np.arange(len(cells))
    for name, style in ((BISECTION, "-s"), (FIXED, ":^"), (SERVED, "--d"), (BOTH, "-v"), (AUTO, "-o")):
        axes.plot(place, [times[cell][name] for cell in cells], style, label=name, markersize=5)
    axes.set_xticks(place, [f"M = {m}\nK = {k}" for m, k in cells])
    axes.set_ylim(bottom=0.0)
    axes.set_ylabel("CPU time of one network, ms")
    axes.set_xlabel("access points and users")
    axes.legend(fontsize=8)


CELL_FREE_AUTO = Study(
    name="cell-free-auto",
    title="Cell-free power control: the optimum, and what it costs",
    source="paper 000, (5)-(6) and VI-B",
    run=_run,
)
