"""One checkpoint for everything: the shipped network beside each paper's network, over every kind of instance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_training.evaluation import Exported
from airgraph_training.studies.d2d_scaling import SETTINGS
from airgraph_training.studies.dense_fitting import Fit
from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.frontier_systems import AUTO_NETWORK, TOLERANCE, ZOO
from airgraph_training.studies.lab import WMMSE_ITERATIONS, FloatArray, Instances, Lab
from airgraph_training.studies.populations import Population
from airgraph_training.studies.study import Findings, Study, Table
from airgraph_training.studies.universal_cells import SIZES, populations

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAINED_AT = 20
"""Pairs that the papers' networks are trained with, at 10 dB: the middle of what they are tested on."""
QUICK_TRAINED_AT = 4
SERVED = (32, 120)
"""Starts and iterations of AUTO's polishing, as the server has them."""
TARGET = 0.99
ALONE, AUTO, EARLIER = "AirGraph, one checkpoint, network alone", "AirGraph AUTO", "WCGCN of the zoo"

Rates = Callable[[Instances], FloatArray]
Ratios = dict[str, dict[tuple[str, int], float]]
"""By system, then by kind and number of pairs."""


def _problems(instances: Instances) -> list[PowerControl]:
    weights = instances.weights[:, 0]
    return [PowerControl.create(snr, weights=row) for snr, row in zip(instances.snr, weights, strict=True)]


def _answers(network: Exported, instances: Instances) -> tuple[list[PowerControl], list[FloatArray]]:
    problems = _problems(instances)
    return problems, [POWER_CONTROL.project(p, network.answers([p])[0]) for p in problems]


def _alone(network: Exported) -> Rates:
    return lambda instances: instances.rate(np.stack(_answers(network, instances)[1]))


def _auto(network: Exported) -> Rates:
    starts, iterations = SERVED

    def rates(instances: Instances) -> FloatArray:
        problems, answers = _answers(network, instances)
        begun = [
            np.concatenate([answer[None], POWER_CONTROL.polish_starts(problem, starts - 1)])
            for problem, answer in zip(problems, answers, strict=True)
        ]
        stopping = Stopping(iterations, TOLERANCE)
        return np.array(
            [POWER_CONTROL.polish([p], [s], stopping)[0].objective for p, s in zip(problems, begun, strict=True)]
        )

    return rates


def _systems(lab: Lab) -> dict[str, Rates]:
    trained_at = QUICK_TRAINED_AT if lab.quick else TRAINED_AT
    samples, epochs = (64, 1) if lab.quick else SETTINGS[trained_at]
    fit = Fit(trained_at, samples, epochs, lab.seed)
    shipped = Exported.of_zoo(ZOO / AUTO_NETWORK / "1")
    systems = {ALONE: _alone(shipped), AUTO: _auto(shipped), EARLIER: _alone(Exported.of_zoo(ZOO / "wcgcn" / "1"))}
    for network in NETWORKS:
        # An MLP takes the one size that it was trained with: it has no row here.
        if network.name != "mlp":
            systems[network.label] = partial(lab.network_rate, lab.trained(network, fit))
    return systems


def _measure(lab: Lab, kinds: tuple[Population, ...], sizes: Mapping[int, int]) -> Ratios:
    ratios: Ratios = {}
    systems = _systems(lab)
    for kind in kinds:
        for pairs, count in sizes.items():
            instances = lab.test_set(kind, pairs, count)
            one = lab.wmmse(instances).mean()
            for name, rates in systems.items():
                ratios.setdefault(name, {})[kind.name, pairs] = float(rates(instances).mean() / one)
        lab.report(f"measured {kind.name}")
    return ratios


def _run(lab: Lab) -> Findings:
    kinds, sizes = (populations()[1:20:7], {2: 3, 4: 3}) if lab.quick else (populations(), SIZES)
    ratios = _measure(lab, kinds, sizes)
    summary = tuple(
        (
            name,
            f"{min(cells.values()):.3f}",
            "{}, K = {}".format(*min(cells, key=lambda cell: cells[cell])),
            f"{sum(ratio < TARGET for ratio in cells.values())} of {len(cells)}",
            f"{np.mean(list(cells.values())):.3f}",
        )
        for name, cells in ratios.items()
    )
    below = f"cells below {TARGET}"
    return Findings(
        tables=(
            Table(
                f"Every system over all cells: mean sum rate over that of WMMSE, {WMMSE_ITERATIONS} iterations from "
                "full power",
                ("system", "smallest ratio", "where", below, "mean over the cells"),
                summary,
            ),
            *(_grid(name, cells, kinds, tuple(sizes)) for name, cells in ratios.items()),
        ),
        remarks=(
            "A cell is one kind of instance at one number of pairs; test instances by K: "
            + ", ".join(f"{count} (K = {pairs})" for pairs, count in sizes.items())
            + ".",
            f"The papers' networks are trained once, at K = {QUICK_TRAINED_AT if lab.quick else TRAINED_AT} on "
            "Rayleigh channels at 10 dB, and used everywhere without retraining, as their own generalisation studies "
            "do. AirGraph's network is one checkpoint too, but trained over all these kinds, on other samples.",
            f"AUTO: the network's answer and {SERVED[0] - 1} classical starts, raced for at most {SERVED[1]} "
            "iterations, as the server does.",
        ),
        draw=lambda axes: _draw(axes, ratios),
    )


def _grid(
    name: str, cells: Mapping[tuple[str, int], float], kinds: tuple[Population, ...], sizes: tuple[int, ...]
) -> Table:
    rows = tuple((kind.name, *(f"{cells[kind.name, pairs]:.3f}" for pairs in sizes)) for kind in kinds)
    return Table(name, ("kind of instance", *(f"K = {pairs}" for pairs in sizes)), rows)


def _draw(axes: Axes, ratios: Ratios) -> None:
    """The cells of each system in ascending order: how low it falls, and how often."""
    for name, cells in ratios.items():
        ordered = np.sort(list(cells.values()))
        share = (np.arange(ordered.size) + 1) / ordered.size
        own = name in (ALONE, AUTO)
        axes.plot(ordered, share, label=name, linewidth=2.4 if own else 1.3, linestyle="-" if own else "--")
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.set_xlim(0.5, 1.2)
    axes.set_xlabel(f"mean sum rate over that of WMMSE, {WMMSE_ITERATIONS} iterations from full power")
    axes.set_ylabel("share of the cells at or below")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


UNIVERSAL = Study(
    name="universal",
    title="Power control: one checkpoint for everything",
    source="no paper: each trains a network for each case, and shows some of what happens outside it",
    run=_run,
)
