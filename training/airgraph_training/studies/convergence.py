"""How many epochs the unrolled and the plain networks need."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from airgraph_training.studies.dense_fitting import WARM_UP_STEPS, DenseNetwork, Fit
from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.lab import WMMSE_ITERATIONS, Lab
from airgraph_training.studies.learning_curve import epochs_to, learning_curve
from airgraph_training.studies.populations import RAYLEIGH
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]

PAIRS, SAMPLES, EPOCHS, TESTS = 10, 10_000, 30, 1_000
QUICK = (4, 128, 3, 20)
LEARNING_RATE = 1e-3
"""Paper 003, section V, as are the samples and the batch of 64."""
SEEDS = {"uwgnn": 3, "wcgcn": 3, "uwmmse": 1, "mlp": 1}
"""Trainings of each network."""
PRINTED = (0, 1, 2, 3, 5, 10, 20, 30)
"""Epochs of the first table."""
LEVELS = (0.95, 0.98, 1.00)
SETTLED = (0.99, 0.995)
LAST = 5
"""Epochs whose mean is a network's final value."""
PAPER_SHARE = "1/3"

Curves = dict[str, FloatArray]
"""Mean sum rate over that of WMMSE ``[seeds, epochs + 1]`` by network."""


def _final(curve: FloatArray) -> float:
    return float(curve[-LAST:].mean())


def levels(curves: Curves) -> dict[str, dict[str, list[float]]]:
    """Epochs of each seed until each network reaches each level."""
    own = {
        f"{share:.1%} of its own final value": {
            name: [epochs_to(curve, share * _final(curve)) for curve in seeds] for name, seeds in curves.items()
        }
        for share in SETTLED
    }
    goals = {f"{level:.2f}": level for level in LEVELS}
    final = float(np.mean([_final(curve) for curve in curves["WCGCN"]]))
    goals.update(
        {f"{share * final:.3f}, {share:.1%} of WCGCN's final value": share * final for share in (*SETTLED, 1.0)}
    )
    common = {
        goal: {name: [epochs_to(curve, level) for curve in seeds] for name, seeds in curves.items()}
        for goal, level in goals.items()
    }
    return {**own, **common}


def _run(lab: Lab) -> Findings:
    pairs, samples, epochs, tests = QUICK if lab.quick else (PAIRS, SAMPLES, EPOCHS, TESTS)
    instances = lab.test_set(RAYLEIGH, pairs, tests)
    one = lab.wmmse(instances).mean()
    fit = Fit(pairs, samples, epochs, lab.seed, learning_rate=LEARNING_RATE)
    networks = [network for name in SEEDS for network in NETWORKS if network.name == name]

    def curve(network: DenseNetwork, seed: int) -> list[float]:
        return learning_curve(lab, network, replace(fit, seed=lab.seed + seed), test=instances)["test"]

    curves: Curves = {
        network.label: np.array([curve(network, seed) for seed in range(SEEDS[network.name])]) / one
        for network in networks
    }
    parameters = {
        network.label: sum(values.numel() for values in network.build(fit).parameters()) for network in networks
    }
    printed = [epoch for epoch in PRINTED if epoch < epochs] + [epochs]
    by_epoch = tuple(
        (name, str(len(seeds)), f"{parameters[name]:,}", *(f"{seeds[:, epoch].mean():.3f}" for epoch in printed))
        for name, seeds in curves.items()
    )
    reached = levels(curves)
    rows = tuple(
        (level, *(_cell(found) for found in by_network.values()), _share(by_network))
        for level, by_network in reached.items()
    )
    return Findings(
        tables=(
            Table(
                f"Mean test sum rate over that of WMMSE, {WMMSE_ITERATIONS} iterations from full power, after "
                "so many epochs; mean over the seeds",
                ("network", "seeds", "parameters", *(str(epoch) for epoch in printed)),
                by_epoch,
            ),
            Table(
                "Epochs until a level is reached, seed by seed, linear between epochs",
                ("level", *curves, f"UWGNN over WCGCN, paper 003: {PAPER_SHARE}"),
                rows,
            ),
        ),
        remarks=(
            f"K = {pairs}, i.i.d. Rayleigh channels at 10 dB, {samples:,} training samples in batches of "
            f"{fit.batch}, so {samples // fit.batch} gradient steps an epoch; {tests:,} test instances. "
            f"Adam at {LEARNING_RATE:g}, as in the paper, constant after {WARM_UP_STEPS} steps of warm-up: a decaying "
            "rate would end every curve with a rise of its own.",
            f"A network's final value is the mean of its last {LAST} epochs.",
            "The paper says that UWGNN converges in a third of WCGCN's epochs. So it is here for the value that WCGCN "
            "converges to, and the less so the further below it the level lies. To nearly each one's own final value, "
            "of which UWGNN's is the higher, it takes about seven tenths.",
            "As in the paper, UWMMSE starts highest and rises slowest. The MLP learns from the sum rate of the same "
            "samples, the paper's from ten times as many that WMMSE has labelled.",
        ),
        draw=lambda axes: _draw(axes, curves, samples // fit.batch),
    )


def _cell(epochs: list[float]) -> str:
    return " / ".join(f"{value:.1f}" if np.isfinite(value) else "never" for value in epochs)


def _share(by_network: dict[str, list[float]]) -> str:
    unrolled, plain = np.mean(by_network["UWGNN"]), np.mean(by_network["WCGCN"])
    return f"{unrolled / plain:.2f}" if 0.0 < plain < np.inf and unrolled < np.inf else ""


def _draw(axes: Axes, curves: Curves, steps: int) -> None:
    for name, seeds in curves.items():
        epochs = np.arange(seeds.shape[1])
        line = axes.plot(epochs, seeds.mean(axis=0), label=name, linewidth=1.8)[0]
        axes.fill_between(epochs, seeds.min(axis=0), seeds.max(axis=0), color=line.get_color(), alpha=0.2, linewidth=0)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xlabel(f"epoch ({steps} gradient steps each)")
    axes.set_ylabel("mean test sum rate over WMMSE")
    axes.legend()


CONVERGENCE = Study(
    name="convergence",
    title="Epochs that the power-control networks need",
    source="paper 003, figure 4",
    run=_run,
)
