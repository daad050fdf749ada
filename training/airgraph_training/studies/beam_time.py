"""CPU time of the shipped beamforming network against that of WMMSE."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from airgraph_models.problems import BEAMFORMING, Beamforming
from airgraph_models.problems.beamforming_features import beamforming_graph
from airgraph_models.problems.row_table import build_row_table
from airgraph_training.export import run_onnx
from airgraph_training.studies.beam_fields import (
    ONE,
    STOPPED,
    STOPPING_TOLERANCE,
    beam_remarks,
    beam_tests,
    learned_beams,
    shipped_beams,
    wmmse_beams,
)
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.scale import field_as_dense
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZES, QUICK = (50, 100, 200, 400, 1000), (6, 12)
REPEATS, LONG = 5, 2.0
"""What takes longer than so many seconds runs once."""
NETWORK, LEARNED = "WCGCN, network alone", "WCGCN with its graph, links within 500 m"
LOCAL = "WMMSE, sparse, links within 500 m"
PAPER_MS = 6.0
"""Of 1000 pairs on a GeForce GTX 1080 Ti, paper 001, section V-C."""


def _cpu_seconds(work: Callable[[], object]) -> float:
    """Least processor time of a few runs."""
    least = float("inf")
    for _ in range(REPEATS):
        before = time.process_time()
        work()
        least = min(least, time.process_time() - before)
        if least > LONG:
            break
    return least


def _times(pairs: int) -> dict[str, float]:
    whole, seen = beam_tests(field_as_dense(pairs), pairs, 1)[0]
    start = BEAMFORMING.starts(whole)[:1]
    joined = build_row_table([beamforming_graph(seen)[0]])
    learned_beams(seen)
    return {
        NETWORK: _cpu_seconds(lambda: run_onnx(shipped_beams().session, joined)),
        LEARNED: _cpu_seconds(lambda: learned_beams(seen)),
        STOPPED: _cpu_seconds(lambda: wmmse_beams(_fresh(whole), start, STOPPING_TOLERANCE)),
        ONE: _cpu_seconds(lambda: wmmse_beams(_fresh(whole), start)),
        LOCAL: _cpu_seconds(lambda: wmmse_beams(_fresh(seen), start)),
    }


def _fresh(instance: Beamforming) -> Beamforming:
    """Without the layout that an earlier run left behind."""
    return Beamforming.create(instance.channel, links=instance.links)


def _run(lab: Lab) -> Findings:
    sizes = QUICK if lab.quick else SIZES
    seconds = {}
    for pairs in sizes:
        lab.report(f"timing K = {pairs}")
        seconds[pairs] = _times(pairs)
    systems = tuple(seconds[sizes[0]])
    columns = ("system", *(f"K = {pairs}" for pairs in sizes))
    milliseconds = tuple((s, *(f"{1e3 * seconds[k][s]:.3g}" for k in sizes)) for s in systems)
    ratios = tuple((s, *(f"{seconds[k][s] / seconds[k][LEARNED]:.3g}" for k in sizes)) for s in systems)
    return Findings(
        tables=(
            Table("Milliseconds of processor time for one instance", columns, milliseconds),
            Table(f"The same over that of {LEARNED}", columns, ratios),
        ),
        remarks=(
            f"Processor time of one instance, least of {REPEATS} runs, one thread; what takes longer than {LONG:g} s "
            "runs once. The square grows with the number of pairs, 50 in a square kilometre.",
            "Not measured on a GPU: none was at hand. The paper reports 1000 pairs in less than "
            f"{PAPER_MS:g} ms on a GeForce GTX 1080 Ti; its other times are a figure only.",
            "The network's time with its graph is all that a caller waits for: features, network, reading back.",
            *beam_remarks("one for each size"),
        ),
        draw=lambda axes: _draw(axes, seconds, systems),
    )


def _draw(axes: Axes, seconds: dict[int, dict[str, float]], systems: tuple[str, ...]) -> None:
    for system in systems:
        style = "-o" if system.startswith("WCGCN") else "--s"
        axes.loglog(list(seconds), [1e3 * by[system] for by in seconds.values()], style, label=system, markersize=5)
    axes.axhline(PAPER_MS, color="gray", linewidth=0.8, linestyle=":", label="paper, 1000 pairs, GTX 1080 Ti")
    axes.set_xticks(list(seconds), [str(pairs) for pairs in seconds])
    axes.minorticks_off()
    axes.set_xlabel("pairs K")
    axes.set_ylabel("processor time of one instance, ms")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


BF_TIME = Study(
    name="bf-time",
    title="Time of WCGCN and of WMMSE by number of pairs",
    source="paper 001, figure 4",
    run=_run,
)
