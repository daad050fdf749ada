"""Precoding: mean objective against compute time, one instance at a time on one thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import process_time
from typing import TYPE_CHECKING

import numpy as np

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import PRECODING, Precoding
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_cells import RAYLEIGH, SQUARE, UMI, Cell
from airgraph_training.studies.precoding_systems import REFERENCE_ITERATIONS, REFERENCE_STARTS, systems
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BUDGETS = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Milliseconds."""
REPEATS = 3
"""The fastest of so many runs on each instance: other processes only ever add time."""
AS_GOOD = 0.9995
"""Of a rival, below which AUTO counts as under its curve: timing moves a point by more than that."""
CELLS = (Cell(RAYLEIGH, 64, 16, 10), Cell(SQUARE, 16, 16, 10), Cell(UMI, 32, 16, 10))


@dataclass(frozen=True)
class Point:
    """One system at one setting: milliseconds of CPU time (median) and mean objective over the best of four."""

    system: str
    setting: str
    milliseconds: float
    ratio: float

    @property
    def name(self) -> str:
        """System and setting."""
        return ", ".join(part for part in (self.system, self.setting) if part)

    @property
    def classical(self) -> bool:
        """Whether AUTO is to be held against it."""
        return self.system.startswith(("RZF", "R-WMMSE"))


def measure(instances: list[Precoding]) -> list[Point]:
    """Every system on every instance, one at a time."""
    starts = [PRECODING.starts(instance) for instance in instances]
    best = np.mean([f.objective for f in PRECODING.refine(instances, starts, Stopping(REFERENCE_ITERATIONS))])
    points = []
    for system, setting, solve in systems():
        solve(instances[0])
        seconds, objectives = [], []
        for instance in instances:
            runs = []
            for _ in range(REPEATS):
                fresh = Precoding.create(instance.channel)
                began = process_time()
                precoder = solve(fresh)
                runs.append(process_time() - began)
            seconds.append(min(runs))
            objectives.append(PRECODING.objective(instance, precoder))
        points.append(Point(system, setting, float(np.median(seconds)) * 1e3, float(np.mean(objectives) / best)))
    return points


def within(points: Sequence[Point], milliseconds: float) -> Point | None:
    """The best of the points that are fast enough; None where none is."""
    return max((p for p in points if p.milliseconds <= milliseconds), key=lambda p: p.ratio, default=None)


def _run(lab: Lab) -> Findings:
    wanted, count = ((Cell(SQUARE, 4, 4, 10),), 2) if lab.quick else (CELLS, 30)
    measured: dict[Cell, list[Point]] = {}
    for cell in wanted:
        measured[cell] = measure(cell.draw(count))
        lab.report(f"measured {', '.join(cell.name)}")
    budgets = tuple(
        (*c.name, f"{budget:g}", *_duel(points, budget)) for c, points in measured.items() for budget in BUDGETS
    )
    every = tuple(
        (*c.name, p.name, f"{p.milliseconds:.3f}", f"{p.ratio:.4f}") for c, points in measured.items() for p in points
    )
    denominator = f"the best of {REFERENCE_STARTS} WMMSE starts, {REFERENCE_ITERATIONS} iterations each"
    head = ("channels", "N x K", "dB")
    return Findings(
        tables=(
            Table(
                f"By budget: mean objective over that of {denominator}. AUTO and its rival are the best of their "
                "settings that fit",
                (*head, "budget, ms", "AUTO", "its ratio", "best classical", "its ratio", "AUTO on or above"),
                budgets,
            ),
            Table(f"Every system and setting, over {denominator}", (*head, "system", "ms", "ratio"), every),
        ),
        remarks=(
            f"CPU time of one instance on one thread, median over {count} instances of the fastest of {REPEATS} runs; "
            "features, the network's run and its decoding are counted, validation and transport are not.",
            "AUTO climbs in the dual uplink: from RZF and other classical starts alone where there is no time for the "
            "network, or from the network's answer, alone or with them.",
            f'"On or above" allows AUTO {1 - AS_GOOD:.2%} less, which is below what timing moves a point by.',
        ),
        draw=lambda axes: _draw(axes, *next(item for item in reversed(measured.items()))),
    )


def _duel(points: Sequence[Point], budget: float) -> tuple[str, ...]:
    own = within([p for p in points if p.system == "AUTO"], budget)
    rival = within([p for p in points if p.classical], budget)
    told = [(p.name, f"{p.ratio:.4f}") if p else ("none", "") for p in (own, rival)]
    above = "" if own is None or rival is None else "yes" if own.ratio >= AS_GOOD * rival.ratio else "no"
    return (*told[0], *told[1], above)


def _draw(axes: Axes, cell: Cell, points: Sequence[Point]) -> None:
    for system in dict.fromkeys(point.system for point in points):
        mine = sorted((p.milliseconds, p.ratio) for p in points if p.system == system)
        style = "--s" if system.startswith("R") else "-o"
        axes.semilogx([t for t, _ in mine], [ratio for _, ratio in mine], style, label=system, markersize=5)
    axes.set_xlabel(f"CPU time of one instance, ms ({cell.kind}, {cell.antennas} x {cell.users}, {cell.level} dB)")
    axes.set_ylabel(f"mean objective over the best of {REFERENCE_STARTS} starts")
    axes.legend(fontsize=8, loc="lower right")


PRECODING_FRONTIER = Study(
    name="precoding-frontier",
    title="Precoding: objective against compute time",
    source="no paper: the question they leave open",
    run=_run,
)
