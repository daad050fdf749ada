"""Why a graph network learns faster than an MLP: losses by epoch, tangent kernels, training samples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from airgraph_training.studies.dense_fitting import DenseNetwork, Fit
from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.kernels_by_nodes import KERNEL_REMARKS, NODES, kernel_table, measure_kernels
from airgraph_training.studies.lab import WMMSE_ITERATIONS, Lab
from airgraph_training.studies.learning_curve import epochs_to, learning_curve, training_instances
from airgraph_training.studies.populations import rayleigh_population
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

POPULATION = rayleigh_population(0.0)
"""At 0 dB and in natural units the sum rates of WMMSE meet the axes of paper 002's figure 1: 1.4 at 5, 2.6 at 20."""
LEARNING_RATE = 1e-3
MEASURED = 1_000
SETTLED = 0.95
LABELS = {"wcgcn": "GNN (WCGCN)", "mlp": "MLP"}
COLOURS = {
    ("wcgcn", True): "tab:cyan",
    ("wcgcn", False): "tab:blue",
    ("mlp", True): "gold",
    ("mlp", False): "tab:red",
}
"""By network and whether there are few users."""

Plan = dict[tuple[int, str], dict[int, int]]
PLAN: Plan = {
    (5, "wcgcn"): {10_000: 30},
    (5, "mlp"): {10_000: 30},
    (20, "wcgcn"): {2_000: 75, 10_000: 15, 40_000: 4},
    (20, "mlp"): {2_000: 250, 10_000: 50, 40_000: 13},
}
"""Epochs by samples, by users and network; about the same number of steps whatever the samples."""
QUICK_PLAN: Plan = {
    (3, "wcgcn"): {64: 2},
    (3, "mlp"): {64: 2},
    (4, "wcgcn"): {64: 2, 128: 1},
    (4, "mlp"): {64: 2, 128: 1},
}
SHOWN = 10_000


class Curves(NamedTuple):
    """Mean sum rates by epoch, before training first, over those of WMMSE on the same instances.

    Attributes:
        train: On the first training samples.
        test: On instances of no training set.
        loss: Final negative sum rates in nats, train and test.
        steps: Gradient steps an epoch.
    """

    train: np.ndarray
    test: np.ndarray
    loss: tuple[float, float]
    steps: int


def measure_curves(lab: Lab, pairs: int, network: DenseNetwork, samples: int, epochs: int) -> Curves:
    """Trains one network and follows it."""
    fit = Fit(pairs, samples, epochs, lab.seed, POPULATION, learning_rate=LEARNING_RATE)
    count = 20 if lab.quick else MEASURED
    sets = {"train": training_instances(fit, count), "test": lab.test_set(POPULATION, pairs, count)}
    rates = {name: np.array(curve) for name, curve in learning_curve(lab, network, fit, **sets).items()}
    ratios = {name: curve / lab.wmmse(sets[name]).mean() for name, curve in rates.items()}
    loss = -math.log(2.0) * rates["train"][-1], -math.log(2.0) * rates["test"][-1]
    return Curves(ratios["train"], ratios["test"], loss, samples // fit.batch)


def _run(lab: Lab) -> Findings:
    plan = QUICK_PLAN if lab.quick else PLAN
    curves = {
        (pairs, name, samples): measure_curves(
            lab, pairs, next(network for network in NETWORKS if network.name == name), samples, epochs
        )
        for (pairs, name), by_samples in plan.items()
        for samples, epochs in by_samples.items()
    }
    measured = {nodes: measure_kernels(lab, nodes) for nodes in (NODES[:2] if lab.quick else NODES)}
    return Findings(
        tables=(
            Table(
                "Losses (negative sum rate in nats) after training, and mean sum rate over that of WMMSE, "
                f"{WMMSE_ITERATIONS} iterations from full power, on the same instances",
                (
                    "users",
                    "network",
                    "training samples",
                    "epochs",
                    "steps",
                    "train loss",
                    "test loss",
                    "train over WMMSE",
                    "test over WMMSE",
                    f"steps until {SETTLED:.0%} of its own final train value",
                ),
                tuple(_row(key, found) for key, found in curves.items()),
            ),
            kernel_table(measured),
        ),
        remarks=(
            "Users are pairs of an interference channel with i.i.d. Rayleigh fading at 0 dB. The paper's text names "
            "neither SNR nor unit: at 0 dB and in nats, the losses of WMMSE, about -1.4 at 5 users and -2.6 at 20, "
            "meet the axes of its figure 1.",
            f"Train and test values are taken on {MEASURED:,} instances each, with the weights after the epoch; Adam "
            f"at {LEARNING_RATE:g} without decay, batches of 64.",
            *KERNEL_REMARKS,
        ),
        draw=lambda axes: _draw(axes, {key: found for key, found in curves.items() if key[2] in (SHOWN, 64)}),
    )


def _row(key: tuple[int, str, int], found: Curves) -> tuple[str, ...]:
    pairs, name, samples = key
    epochs = len(found.train) - 1
    settled = epochs_to(found.train, SETTLED * found.train[-1]) * found.steps
    return (
        str(pairs),
        LABELS[name],
        f"{samples:,}",
        f"{epochs}",
        f"{epochs * found.steps:,}",
        *(f"{loss:.3f}" for loss in found.loss),
        f"{found.train[-1]:.3f}",
        f"{found.test[-1]:.3f}",
        f"{settled:,.0f}",
    )


def _draw(axes: Axes, curves: dict[tuple[int, str, int], Curves]) -> None:
    smallest = min(pairs for pairs, _, _ in curves)
    for (pairs, name, _), found in curves.items():
        colour = COLOURS[name, pairs == smallest]
        for part, style in (("train", "-"), ("test", "--")):
            curve = getattr(found, part)
            label = f"{LABELS[name]}, {pairs} users, {part}"
            axes.plot(np.arange(1, len(curve)), curve[1:], style, color=colour, label=label, linewidth=1.8)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_xlabel("epoch")
    axes.set_ylabel("mean sum rate over WMMSE")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


GNN_VS_MLP = Study(
    name="gnn-vs-mlp",
    title="Why graph networks learn faster than MLPs",
    source="paper 002, figures 1 to 3",
    run=_run,
)
