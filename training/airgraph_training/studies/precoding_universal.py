"""Precoding, cell by cell: RZF, one WMMSE run, the one shipped network and AUTO, over the best of four WMMSE starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from airgraph_models.classical.downlink import ComplexArray
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import PRECODING, Precoding
from airgraph_training.studies.lab import FloatArray, Lab
from airgraph_training.studies.precoding_cells import OUTERMOST, RAYLEIGH, SQUARE, UMI, Cell, cells, corners
from airgraph_training.studies.precoding_systems import (
    REFERENCE_ITERATIONS,
    REFERENCE_STARTS,
    Solve,
    auto,
    features_alone,
    network_alone,
    rzf,
)
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ONE_RUN = "WMMSE, one run"
ALONE = "network alone"
SERVED = (12, 24)
"""Starts and steps of AUTO where a request does not say and no deadline is near."""
TARGETS = {RAYLEIGH: 0.995, SQUARE: 0.98, UMI: 0.97}
"""Of the network alone."""
AUTO_TARGET, RZF_IS_ENOUGH = 0.995, 0.995
MORE = (32, 60)
"""Where a request asks for more steps than the default."""
QUICKEST, LONGER = "AUTO, 1 start", "AUTO, 32 starts"
LARGER = ("AUTO", LONGER)
GUARDED = (QUICKEST, *LARGER)
COLUMNS = ("RZF", ONE_RUN, "features alone", ALONE, QUICKEST, "AUTO", LONGER)

Ratios = dict[str, float]


def _solvers() -> dict[str, Solve]:
    return {
        "RZF": rzf,
        "features alone": features_alone,
        ALONE: network_alone,
        QUICKEST: auto(1, SERVED[1]),
        "AUTO": auto(*SERVED),
        LONGER: auto(*MORE),
    }


def _references(instances: list[Precoding]) -> tuple[FloatArray, FloatArray]:
    """Objectives of the best of four starts and of the first of them alone, 500 iterations each."""
    stopping = Stopping(REFERENCE_ITERATIONS)
    starts = [PRECODING.starts(instance) for instance in instances]
    four, one = (
        np.array([found.objective for found in PRECODING.refine(instances, given, stopping)])
        for given in (starts, [start[:1] for start in starts])
    )
    return four, one


def reference_objectives(lab: Lab, cell: Cell, instances: list[Precoding]) -> tuple[list[float], list[float]]:
    """`_references` of a cell's instances, kept for the next visit."""
    settings = {"cell": [*cell.name], "count": len(instances), "iterations": REFERENCE_ITERATIONS}
    four, one = lab.remembered(
        "precoding-reference", settings, lambda: [objectives.tolist() for objectives in _references(instances)]
    )
    return four, one


def measure(lab: Lab, cell: Cell) -> Ratios:
    """Mean objective of every system over that of the best of four WMMSE starts."""
    instances = cell.draw(4 if lab.quick else 40)
    four, one = reference_objectives(lab, cell, instances)
    best = float(np.mean(four))
    ratios = {ONE_RUN: float(np.mean(one)) / best}
    smallest = np.inf
    for name, solve in _solvers().items():
        objectives = []
        for instance in instances:
            sent = _sent(instance, solve(instance))
            smallest = min(smallest, PRECODING.margin(instance, sent))
            objective = PRECODING.objective(instance, sent)
            # As the server does, which guards once more what rounding has left.
            closed = PRECODING.objective(instance, _sent(instance, rzf(instance))) if name in GUARDED else -np.inf
            objectives.append(max(objective, closed))
        ratios[name] = float(np.mean(objectives)) / best
    ratios["margin"] = smallest
    lab.report(f"measured {', '.join(cell.name)}: {ratios}")
    return ratios


def _sent(instance: Precoding, precoder: ComplexArray) -> ComplexArray:
    return PRECODING.rounded(instance, precoder).astype(np.complex128)


def _run(lab: Lab) -> Findings:
    measured = {cell: measure(lab, cell) for cell in cells(quick=lab.quick)}
    outer = {cell: measure(lab, cell) for cell in corners(quick=lab.quick)}
    lowest = min(outer, key=lambda cell: outer[cell][ALONE])
    return Findings(
        tables=(
            Table(
                f"Mean objective over that of the best of {REFERENCE_STARTS} WMMSE starts, {REFERENCE_ITERATIONS} "
                "iterations each",
                ("channels", "N x K", "dB", *COLUMNS),
                _rows(measured),
            ),
            Table(
                "The same at the corners of what the checkpoint is made for: fewest and most antennas and users, "
                f"{OUTERMOST[0]} and {OUTERMOST[1]} dB, and as many users as antennas on UMi",
                ("channels", "N x K", "dB", *COLUMNS),
                _rows(outer),
            ),
            Table("What was aimed at, and where it is missed", ("aim", "met in", "missed in"), _aims(measured, outer)),
        ),
        remarks=(
            'The starts are RZF, MRT, ZF and a random precoder; "one run" is the first of them. All answers are '
            "rounded to single precision first; the smallest unused share of the budget after that is "
            f"{min(ratios['margin'] for ratios in (measured | outer).values()):.1e}.",
            "UMi channels are drops of 3GPP TR 38.901 at 3.5 GHz, users anywhere in one sector, and other drops than "
            'in training. "At one level": power control gives every user the same mean gain; "as dropped": with path '
            "loss and shadowing, 50 dB at most, and the level is the mean over the users.",
            '"Features alone" is what the network is given: four steps of ascent in the dual uplink from equal shares, '
            'without the network. The difference to "network alone" is what was learned.',
            f"AUTO: the network's answer and {SERVED[0] - 1} classical starts, at most {SERVED[1]} steps, as "
            "the server does where no deadline is near; from the network's answer alone with 1 start; with "
            f"{MORE[0]} where a request allows {MORE[1]} steps. What each costs is in the study precoding-frontier.",
            f"At the corners the network alone is weakest with {outer[lowest][ALONE]:.4f}, {_told(lowest)}. Two users "
            "at one level look the same to a network that treats users alike: it gives both the same share, as RZF "
            "does, where at low levels one of them should be served alone.",
        ),
        draw=lambda axes: _draw(axes, measured),
    )


def _rows(measured: dict[Cell, Ratios]) -> tuple[tuple[str, ...], ...]:
    return tuple((*cell.name, *(f"{ratios[name]:.4f}" for name in COLUMNS)) for cell, ratios in measured.items())


def _told(cell: Cell) -> str:
    return f"{cell.kind}, {cell.antennas} x {cell.users}, {cell.level} dB"


def _aims(measured: dict[Cell, Ratios], outer: dict[Cell, Ratios]) -> tuple[tuple[str, ...], ...]:
    aims = [
        (f"network alone at least {target} ({kind})", [c for c in measured if c.kind == kind], ALONE, target)
        for kind, target in TARGETS.items()
    ]
    aims.append((f"AUTO at least {AUTO_TARGET}", list(measured), "AUTO", AUTO_TARGET))
    aims.append((f"{QUICKEST}, at least {AUTO_TARGET}", list(measured), QUICKEST, AUTO_TARGET))
    aims += [(f"{name} at least {AUTO_TARGET}, at the corners", list(outer), name, AUTO_TARGET) for name in LARGER]
    everywhere = measured | outer
    told = [(aim, [(c, everywhere[c][name] >= target) for c in where]) for aim, where, name, target in aims]
    for place, found in (("", measured), (", at the corners", outer)):
        hard = [(c, r) for c, r in found.items() if r["RZF"] < RZF_IS_ENOUGH]
        above = [(c, r[ALONE] > r["RZF"]) for c, r in hard]
        told.append((f"network alone above RZF where RZF is below {RZF_IS_ENOUGH}{place}", above))
        told.append((f"AUTO never below RZF{place}", [(c, r["AUTO"] >= r["RZF"]) for c, r in found.items()]))
    return tuple(
        (
            aim,
            f"{sum(met for _, met in results)} of {len(results)} cells",
            "; ".join(_told(c) for c, met in results if not met) or "none",
        )
        for aim, results in told
    )


def _draw(axes: Axes, measured: dict[Cell, Ratios]) -> None:
    """A row a cell, a mark a system."""
    names = [_told(c) for c in measured]
    for system, mark in zip(("RZF", ONE_RUN, ALONE, "AUTO"), "xs^o", strict=True):
        axes.plot([ratios[system] for ratios in measured.values()], range(len(names)), mark, label=system, markersize=4)
    axes.set_yticks(range(len(names)), names, fontsize=6)
    axes.invert_yaxis()
    axes.set_xlabel(
        f"mean objective over the best of {REFERENCE_STARTS} WMMSE starts, {REFERENCE_ITERATIONS} iterations"
    )
    axes.grid(axis="x", alpha=0.3)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


PRECODING_UNIVERSAL = Study(
    name="precoding-universal",
    title="Precoding: one checkpoint, cell by cell",
    source="no paper: paper 004 trains a network for each case on Rayleigh channels, where RZF is near the optimum",
    run=_run,
)
