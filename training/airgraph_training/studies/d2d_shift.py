"""PCGNN on channels of another kind than those it was trained on: the four shifts of paper 000."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from airgraph_training.studies.dense_fitting import Fit
from airgraph_training.studies.itu_populations import (
    ITU,
    LTE,
    OBSTRUCTED,
    RAISED,
    SAME_REACH,
)
from airgraph_training.studies.itu_systems import RELATIVE_PCGNN, STARTS, fplinq_rates
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.populations import Population
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIRS, SAMPLES, EPOCHS, TESTS = 10, 10_000, 40, 1000
LEARNING_RATE = 1e-2
SYSTEMS = ("PCGNN, trained before the shift", "PCGNN, trained after the shift", "FPLinQ, one random start")


@dataclass(frozen=True)
class Shift:
    """One row of paper 000, table III.

    Attributes:
        label: What changes.
        before: What the network is trained on.
        after: What it is tested on.
        paper: The printed ratios, in the order of `SYSTEMS`.
    """

    label: str
    before: Population
    after: Population
    paper: tuple[float, float, float]


SHIFTS = (
    Shift("distance of the pairs", SAME_REACH, ITU, (0.9762, 0.9778, 0.9351)),
    Shift("antenna heights", ITU, RAISED, (0.9763, 0.9763, 0.9366)),
    Shift("LoS to LoS and NLoS", ITU, OBSTRUCTED, (0.9443, 0.9753, 0.9351)),
    Shift("ITU to LTE", ITU, LTE, (0.8871, 0.9657, 0.9432)),
)


def _measure(lab: Lab, shift: Shift) -> tuple[float, ...]:
    """Ratios in the order of `SYSTEMS`."""
    pairs, samples, epochs = (4, 64, 1) if lab.quick else (PAIRS, SAMPLES, EPOCHS)
    instances = lab.test_set(shift.after, pairs, 5 if lab.quick else TESTS)
    found = fplinq_rates(lab, instances)
    learned = (
        lab.network_rate(lab.trained(RELATIVE_PCGNN, Fit(pairs, samples, epochs, lab.seed, population)), instances)
        for population in (shift.before, shift.after)
    )
    return tuple(float(rate.mean() / found.best.mean()) for rate in (*learned, found.one))


def _run(lab: Lab) -> Findings:
    measured = {shift: _measure(lab, shift) for shift in SHIFTS}
    columns = ("shift", *(cell for system in SYSTEMS for cell in (system, "paper 000")))
    rows = tuple(
        (shift.label, *(f"{v:.3f}" for both in zip(ratios, shift.paper, strict=True) for v in both))
        for shift, ratios in measured.items()
    )
    best = f"the best of {STARTS} random starts of FPLinQ"
    return Findings(
        tables=(Table(f"Mean sum rate after the shift over that of {best}", columns, rows),),
        remarks=(),
        draw=lambda axes: _draw(axes, measured),
    )


def _draw(axes: Axes, measured: dict[Shift, tuple[float, ...]]) -> None:
    place, width = np.arange(len(measured)), 0.26
    for system, offset, colour in zip(SYSTEMS, (-width, 0.0, width), ("tab:blue", "tab:green", "tab:red"), strict=True):
        index = SYSTEMS.index(system)
        here = [ratios[index] for ratios in measured.values()]
        axes.bar(place + offset, here, width, color=colour, label=system)
        printed = [shift.paper[index] for shift in measured]
        axes.plot(place + offset, printed, "k_", markersize=16, label="paper 000" if index == 0 else None)
    axes.set_xticks(place, [shift.label for shift in measured])
    lowest = min(*(min(ratios) for ratios in measured.values()), *(min(shift.paper) for shift in measured))
    axes.set_ylim(max(0.0, lowest - 0.05), 1.0)
    axes.set_xlabel("change between training and test")
    axes.set_ylabel("mean sum rate over best FPLinQ")
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=4)


D2D_SHIFT = Study(
    name="d2d-shift",
    title="A graph network on channels that it was not trained on",
    source="paper 000, table III",
    run=_run,
)
