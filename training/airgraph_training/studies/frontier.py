"""Mean objective against compute time, one instance at a time: where the network earns its place, and where not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

import airgraph_models
from airgraph_models.classical.random_power import random_power, sparse_power
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_models.problems.row_table import build_row_table
from airgraph_training.channels import PUBLISHED_FIELD, drop_pairs
from airgraph_training.export import onnx_session, run_onnx
from airgraph_training.studies.lab import TEST_SEED, WMMSE_ITERATIONS, FloatArray, Lab
from airgraph_training.studies.populations import RAYLEIGH
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ZOO = Path(airgraph_models.__file__).parent / "zoo" / "power_control" / "wcgcn" / "1" / "model.onnx"
ITERATIONS = (1, 3, 10, 30, 100)
STARTS = (4, 16, 100)
SIDE_OF_FIFTY = 1000.0

Solve = Callable[[PowerControl], FloatArray]


@dataclass(frozen=True)
class Point:
    """One system at one budget: milliseconds (median) and mean objective over that of WMMSE-100."""

    system: str
    setting: str
    milliseconds: float
    ratio: float

    @property
    def classical(self) -> bool:
        """Whether no network took part."""
        return self.system.startswith("WMMSE")


def _refined(instance: PowerControl, starts: FloatArray, iterations: int) -> FloatArray:
    power: FloatArray = POWER_CONTROL.refine([instance], [starts], Stopping(iterations))[0].allocation
    return power


def learned_systems() -> Iterator[tuple[str, str, Solve]]:
    """(system, setting, solver) with the shipped network; each does all of its work, features included."""
    session = onnx_session(ZOO)

    def network(instance: PowerControl) -> FloatArray:
        view = POWER_CONTROL.view(instance)
        output = run_onnx(session, build_row_table([view.graph]))
        answer: FloatArray = POWER_CONTROL.project(instance, view.read(output))
        return answer

    def auto(iterations: int) -> Solve:
        def solve(instance: PowerControl) -> FloatArray:
            starts = np.concatenate([network(instance)[None], POWER_CONTROL.polish_starts(instance)])
            return POWER_CONTROL.filled(instance, _refined(instance, starts, iterations))

        return solve

    yield "network alone", "", network
    for iterations in ITERATIONS[:-1]:
        yield "AUTO", f"{iterations} iterations", auto(iterations)


def classical_systems(seed: int) -> Iterator[tuple[str, str, Solve]]:
    """(system, setting, solver) without a network."""

    def wmmse(iterations: int) -> Solve:
        return lambda instance: _refined(instance, POWER_CONTROL.starts(instance), iterations)

    def many(draw: Callable[..., FloatArray], starts: int, iterations: int) -> Solve:
        rng = np.random.default_rng(seed)
        return lambda instance: _refined(instance, draw(instance.max_power[None], starts, rng), iterations)

    for iterations in ITERATIONS:
        yield "WMMSE, full power", f"{iterations} iterations", wmmse(iterations)
    for name, draw in (("WMMSE, uniform starts", random_power), ("WMMSE, sparse starts", sparse_power)):
        for starts in STARTS:
            for iterations in ITERATIONS[2:]:
                yield name, f"{starts} starts x {iterations}", many(draw, starts, iterations)


def measure(instances: list[PowerControl], seed: int) -> list[Point]:
    """Every system on every instance, one at a time."""
    reference = POWER_CONTROL.solve(instances, Stopping(WMMSE_ITERATIONS))
    one = float(np.mean([solution.objective for solution in reference]))
    points = []
    for system, setting, solve in (*learned_systems(), *classical_systems(seed)):
        solve(instances[0])
        seconds, objectives = [], []
        for instance in instances:
            began = perf_counter()
            power = solve(instance)
            seconds.append(perf_counter() - began)
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


def _best_classical(points: list[Point], milliseconds: float) -> float:
    """Largest ratio of a classical system within a time; 0 where none is that fast."""
    return max((p.ratio for p in points if p.classical and p.milliseconds <= milliseconds), default=0.0)


def _run(lab: Lab) -> Findings:
    sizes, count = ((4,), 3) if lab.quick else ((10, 30, 50, 200), 40)
    measured = {
        (f"K = {pairs}", kind): measure(instances, lab.seed)
        for pairs in sizes
        for kind, instances in _networks(lab, pairs, count).items()
    }
    rows = tuple(
        (*where, f"{p.system} {p.setting}".strip(), f"{p.milliseconds:.2f}", f"{p.ratio:.4f}", _against(points, p))
        for where, points in measured.items()
        for p in points
        if not p.classical
    )
    classical = tuple(
        (*where, f"{p.system}, {p.setting}", f"{p.milliseconds:.2f}", f"{p.ratio:.4f}")
        for where, points in measured.items()
        for p in points
        if p.classical
    )
    columns = ("pairs", "channels", "system", "ms", "ratio")
    return Findings(
        tables=(
            Table(
                f"Network and AUTO: mean objective over that of WMMSE-{WMMSE_ITERATIONS} from full power, and over the "
                "best classical system that is as fast",
                (*columns, "over the best classical in that time"),
                rows,
            ),
            Table("The classical systems", columns, classical),
        ),
        remarks=(
            f"Median time of one instance, one thread, {count} instances; features, tables and the network's run are "
            "counted, transport is not.",
            "Uniform starts are amplitudes uniform in 0..1; sparse ones fourth and eighth powers of uniform numbers.",
        ),
        draw=lambda axes: _draw(axes, next(reversed(measured.items())) if lab.quick else _shown(measured)),
    )


def _shown(measured: dict[tuple[str, str], list[Point]]) -> tuple[tuple[str, str], list[Point]]:
    where = ("K = 50", "Rayleigh, 10 dB")
    return where, measured[where]


def _against(points: list[Point], point: Point) -> str:
    best = _best_classical(points, point.milliseconds)
    return f"{point.ratio / best:.4f}" if best else "none is as fast"


def _draw(axes: Axes, shown: tuple[tuple[str, str], list[Point]]) -> None:
    where, points = shown
    for system in dict.fromkeys(point.system for point in points):
        mine = sorted((p.milliseconds, p.ratio) for p in points if p.system == system)
        style = "--s" if system.startswith("WMMSE") else "-o"
        axes.semilogx([t for t, _ in mine], [ratio for _, ratio in mine], style, label=system, markersize=5)
    axes.set_xlabel(f"compute time of one instance, ms ({', '.join(where)})")
    axes.set_ylabel("mean objective over WMMSE-100")
    axes.legend(fontsize=8)


FRONTIER = Study(
    name="frontier",
    title="Power control: objective against compute time",
    source="no paper: the question they leave open",
    run=_run,
)
