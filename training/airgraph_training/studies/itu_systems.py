"""The systems that paper 000 compares on path-loss channels: networks that read them in decibels, and FPLinQ."""

from __future__ import annotations

from dataclasses import asdict
from typing import NamedTuple

import numpy as np

from airgraph_models.classical.fplinq import fplinq
from airgraph_models.classical.random_power import random_power
from airgraph_models.classical.scalar_wmmse import Crosstalk
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.sum_rate import weighted_sum_rate
from airgraph_models.gnn.ecgnn import ECGNN, ECGNNArchitecture
from airgraph_models.gnn.pcgnn import PCGNN, PCGNNArchitecture
from airgraph_models.gnn.power_mlp import PowerMLP, PowerMLPArchitecture
from airgraph_training.studies.dense_fitting import DenseNetwork
from airgraph_training.studies.lab import WMMSE_ITERATIONS, FloatArray, Instances, Lab

STARTS = 100
TRANSFORM = "log"
"""Amplitudes over 100 dB of path loss are nearly all zero beside the largest; their logarithms are not."""

PCGNN_DB = DenseNetwork(
    "pcgnn",
    "PCGNN",
    lambda pairs: PCGNN(PCGNNArchitecture(transform=TRANSFORM)),
    lambda pairs: asdict(PCGNNArchitecture(transform=TRANSFORM)),
)
ECGNN_DB = DenseNetwork(
    "ecgnn",
    "ECGNN",
    lambda pairs: ECGNN(ECGNNArchitecture(transform=TRANSFORM)),
    lambda pairs: asdict(ECGNNArchitecture(transform=TRANSFORM)),
)
MLP_DB = DenseNetwork(
    "mlp",
    "MLP",
    lambda pairs: PowerMLP(PowerMLPArchitecture(pairs, transform=TRANSFORM)),
    lambda pairs: asdict(PowerMLPArchitecture(pairs, transform=TRANSFORM)),
)


class FPLinQRates(NamedTuple):
    """Sum rates ``[n]`` of FPLinQ, 100 iterations from random starts.

    Attributes:
        one: Of one start: the mean over all that were tried.
        best: Of the best of them.
    """

    one: FloatArray
    best: FloatArray


def fplinq_rates(lab: Lab, instances: Instances) -> FPLinQRates:
    """FPLinQ as paper 000's published code runs it: 100 starts, powers uniform between 0 and the budget."""
    crosstalk, ones = Crosstalk.dense(instances.snr), instances.ones
    start = random_power(ones, 3 if lab.quick else STARTS, np.random.default_rng(lab.seed), "power")
    found = fplinq(crosstalk, instances.weights, ones, ones, start, Stopping(WMMSE_ITERATIONS))
    rates = weighted_sum_rate(crosstalk, instances.weights, ones, found.power)
    return FPLinQRates(rates.mean(axis=1), rates.max(axis=1))
