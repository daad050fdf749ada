"""Learning curves: the mean sum rate of a network on fixed instances before training and after every epoch."""

from __future__ import annotations

import numpy as np
from torch import nn

from airgraph_training.studies.dense_fitting import DenseNetwork, Fit, fit_dense
from airgraph_training.studies.lab import Instances, Lab

CONSTANT = 1.0
"""Final share of the learning rate: a schedule that decays would end every curve with a rise of its own."""


def training_instances(fit: Fit, count: int) -> Instances:
    """The first ``count`` samples of a training set."""
    snr, weights = (values[:count].double().numpy() for values in fit.draw())
    return Instances(snr, weights[:, None])


def learning_curve(lab: Lab, network: DenseNetwork, fit: Fit, **sets: Instances) -> dict[str, list[float]]:
    """Mean sum rate ``[epochs + 1]``, bit/s/Hz, on each of the named sets, before training first.

    The learning rate stays constant after the warm-up. Kept for the next visit; ``sets`` are known by name and size, so
    they must follow from the fit alone.
    """
    settings = {
        "network": [network.name, network.describe(fit)],
        "fit": fit.describe(),
        "final share": CONSTANT,
        "instances": {name: len(instances.snr) for name, instances in sets.items()},
    }
    name = f"curve-{network.name}-{fit.pairs}"
    curves: dict[str, list[float]] = lab.remembered(name, settings, lambda: _measured(lab, network, fit, sets))
    return curves


def _measured(lab: Lab, network: DenseNetwork, fit: Fit, sets: dict[str, Instances]) -> dict[str, list[float]]:
    lab.report(f"training {network.label}, K = {fit.pairs}, {fit.samples:,} samples, {fit.population.name}, by epoch")
    curves: dict[str, list[float]] = {name: [] for name in sets}

    def measure(epoch: int, module: nn.Module) -> None:
        for name, instances in sets.items():
            curves[name].append(float(lab.network_rate(module, instances).mean()))

    module = network.build(fit)
    measure(0, module.eval())
    fit_dense(module, fit, measure, CONSTANT)
    return curves


def epochs_to(curve: np.ndarray, level: float) -> float:
    """Epochs until a curve, linear between epochs, first reaches ``level``; infinite if it never does."""
    above = np.flatnonzero(curve >= level)
    if not above.size:
        return float("inf")
    after = int(above[0])
    if after == 0:
        return 0.0
    before, reached = curve[after - 1], curve[after]
    return float(after - 1 + (level - before) / (reached - before))
