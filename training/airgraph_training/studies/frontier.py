"""Mean objective against compute time, one instance at a time: where the network earns its place, and where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_training.channels import PUBLISHED_FIELD, drop_pairs
from airgraph_training.studies.frontier_systems import auto_systems, classical_systems, network_systems
from airgraph_training.studies.lab import TEST_SEED, WMMSE_ITERATIONS, Lab
from airgraph_training.studies.populations import RAYLEIGH
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIDE_OF_FIFTY = 1000.0
BUDGETS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
"""Milliseconds."""
LOWEST_DRAWN = 0.9
REPEATS = 3
"""The fastest of so many runs on each instance: other processes only ever add time."""

Where = tuple[str, str]


@dataclass(frozen=True)
class Point:
    """One system at one setting: milliseconds (median) and mean objective over that of WMMSE-100."""

    system: str
    setting: str
    milliseconds: float
    ratio: float

    @property
    def classical(self) -> bool:
        """Whether it is one of the classical curves."""
        return self.system.startswith("WMMSE")

    @property
    def name(self) -> str:
        """System and setting."""
        return ", ".join(part for part in (self.system, self.setting) if part)


def measure(instances: list[PowerControl], seed: int) -> list[Point]:
    """Every system on every instance, one at a time."""
    reference = POWER_CONTROL.solve(instances, Stopping(WMMSE_ITERATIONS))
    one = float(np.mean([solution.objective for solution in reference]))
    points = []
    for system, setting, solve in (*auto_systems(), *network_systems(), *classical_systems(seed)):
        solve(instances[0])
        seconds, objectives = [], []
        for instance in instances:
            runs = []
            for _ in range(REPEATS):
                fresh = PowerControl.create(instance.gain)
                began = perf_counter()
                power = solve(fresh)
                runs.append(perf_counter() - began)
            seconds.append(min(runs))
            objectives.append(POWER_CONTROL.objective(instance, power))
        points.append(Point(system, setting, float(np.median(seconds)) * 1e3, float(np.mean(objectives)) / one))
    return points


def _networks(lab: Lab, pairs: int, count: int) -> dict[str, list[PowerControl]]:
    rng = np.random.default_rng((TEST_SEED, pairs, 1))
    side = SIDE_OF_FIFTY * (pairs / 50) ** 0.5
    drops = [drop_pairs(rng, pairs, side, PUBLISHED_FIELD).channel[..., 0] for _ in range(count)]
    rayleigh = lab.test_set(RAYLEIGH, pairs, count).snr
    return {
        "Rayleigh, 10 dB": [PowerControl.create(snr) for snr in rayleigh],
        "path loss": [PowerControl.create(np.abs(channel) ** 2) for channel in drops],
    }


def within(points: Sequence[Point], milliseconds: float) -> Point | None:
    """The best of the points that are fast enough; None where none is."""
    return max((p for p in points if p.milliseconds <= milliseconds), key=lambda p: p.ratio, default=None)


def chosen(points: Sequence[Point], milliseconds: float) -> Point | None:
    """What AUTO runs in a time: the slowest of its settings that fit, whatever it turns out to be worth."""
    fitting = [p for p in points if p.system == "AUTO" and p.milliseconds <= milliseconds]
    return max(fitting, key=lambda p: p.milliseconds, default=None)


def _run(lab: Lab) -> Findings:
    sizes, count = ((4,), 3) if lab.quick else ((10, 30, 50, 200), 40)
    measured: dict[Where, list[Point]] = {
        (f"K = {pairs}", kind): measure(instances, lab.seed)
        for pairs in sizes
        for kind, instances in _networks(lab, pairs, count).items()
    }
    budgets = tuple(
        (*where, f"{budget:g}", *_duel(points, budget)) for where, points in measured.items() for budget in BUDGETS
    )
    every = tuple(
        (*where, p.name, f"{p.milliseconds:.2f}", f"{p.ratio:.4f}", _against(points, p))
        for where, points in measured.items()
        for p in points
    )
    return Findings(
        tables=(
            Table(
                f"By budget: mean objective over that of WMMSE-{WMMSE_ITERATIONS} from full power. AUTO is the slowest "
                "of its settings that fits; of the classical systems it is the one that turns out best",
                ("pairs", "channels", "budget, ms", "AUTO", "its ratio", "best classical", "its ratio", "AUTO over it"),
                budgets,
            ),
            Table(
                "Every system and setting, and its ratio to the best classical system that is as fast",
                ("pairs", "channels", "system", "ms", "ratio", "over the best classical in that time"),
                every,
            ),
        ),
        remarks=(
            f"Time of one instance on one thread, median over {count} instances of the fastest of {REPEATS} runs; "
            "laying the channels out, features and the network's run are counted, transport is not.",
            "Uniform starts are amplitudes uniform in 0..1; sparse ones fourth, eighth and sixteenth powers of uniform "
            "numbers. AUTO's own classical starts are full power and sparse ones.",
            "AUTO's polishing is a race of its starts with doubled steps; the classical curves are WMMSE as published, "
            "vectorised over the starts.",
        ),
        draw=lambda axes: _draw(axes, *_shown(measured)),
    )


def _duel(points: Sequence[Point], budget: float) -> tuple[str, ...]:
    auto, rival = chosen(points, budget), within([p for p in points if p.classical], budget)
    told = [(p.name, f"{p.ratio:.4f}") if p else ("none", "") for p in (auto, rival)]
    over = f"{auto.ratio / rival.ratio:.4f}" if auto and rival else ""
    return (*told[0], *told[1], over)


def _against(points: Sequence[Point], point: Point) -> str:
    best = within([p for p in points if p.classical], point.milliseconds)
    return f"{point.ratio / best.ratio:.4f}" if best else "none is as fast"


def _shown(measured: dict[Where, list[Point]]) -> tuple[Where, list[Point]]:
    where = ("K = 50", "Rayleigh, 10 dB")
    return (where, measured[where]) if where in measured else next(iter(measured.items()))


def _draw(axes: Axes, where: Where, points: Sequence[Point]) -> None:
    for system in dict.fromkeys(point.system for point in points):
        mine = sorted((p.milliseconds, p.ratio) for p in points if p.system == system)
        style = "--s" if system.startswith("WMMSE") else "-o"
        axes.semilogx([t for t, _ in mine], [ratio for _, ratio in mine], style, label=system, markersize=5)
    axes.set_ylim(bottom=LOWEST_DRAWN)
    axes.set_xlabel(f"compute time of one instance, ms ({', '.join(where)})")
    axes.set_ylabel("mean objective over WMMSE-100")
    axes.legend(fontsize=8)


FRONTIER = Study(
    name="frontier",
    title="Power control: objective against compute time",
    source="no paper: the question they leave open",
    run=_run,
)
