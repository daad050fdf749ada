"""The systems that paper 000 compares on path-loss channels: networks that read them in decibels, and FPLinQ."""

from __future__ import annotations

from dataclasses import asdict
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from airgraph_models.classical.fplinq import fplinq
from airgraph_models.classical.random_power import random_power
from airgraph_models.classical.scalar_wmmse import Crosstalk
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.sum_rate import weighted_sum_rate
from airgraph_models.gnn.dense_channels import ChannelInput, other_pairs
from airgraph_models.gnn.ecgnn import ECGNN, ECGNNArchitecture
from airgraph_models.gnn.pcgnn import PCGNN, PCGNNArchitecture
from airgraph_models.gnn.power_mlp import PowerMLP, PowerMLPArchitecture
from airgraph_training.studies.dense_fitting import DenseNetwork
from airgraph_training.studies.lab import WMMSE_ITERATIONS, FloatArray, Instances, Lab

STARTS = 100


class RelativeInput(ChannelInput):
    r"""Channels over 100 dB of path loss, in decibels over noise, interference measured from the wanted signal.

    .. math:: x_{kk} = \log(1 + \text{snr}_{kk}), \qquad x_{kj} = \log(1 + \text{snr}_{kj}) - x_{kk}

    both standardised. Amplitudes would nearly all be zero beside the largest; and without the difference, all inputs
    leave what training has shown as soon as the transmit power does, although well above the noise it changes nothing.
    """

    def shape(self, snr: Tensor) -> Tensor:
        """``[B, K, K]`` to ``[B, K, K]``."""
        level = torch.log1p(snr)
        signal = level.diagonal(dim1=1, dim2=2).unsqueeze(2)
        return torch.where(other_pairs(snr), level - signal, level)


def _relative(network: PCGNN | ECGNN | PowerMLP) -> nn.Module:
    network.inputs = RelativeInput("log")
    return network


def _sizes(architecture: PCGNNArchitecture | ECGNNArchitecture | PowerMLPArchitecture) -> dict[str, Any]:
    return {**asdict(architecture), "transform": "log, interference relative to the signal"}


RELATIVE_PCGNN = DenseNetwork(
    "pcgnn", "PCGNN", lambda pairs: _relative(PCGNN()), lambda pairs: _sizes(PCGNNArchitecture())
)
RELATIVE_ECGNN = DenseNetwork(
    "ecgnn", "ECGNN", lambda pairs: _relative(ECGNN()), lambda pairs: _sizes(ECGNNArchitecture())
)
RELATIVE_MLP = DenseNetwork(
    "mlp",
    "MLP",
    lambda pairs: _relative(PowerMLP(PowerMLPArchitecture(pairs))),
    lambda pairs: _sizes(PowerMLPArchitecture(pairs)),
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


def schedule_rate(instances: Instances) -> FloatArray:
    """Sum rate ``[n]`` of the best schedule of silent and full-power pairs, all ``2^K - 1`` of them tried."""
    pairs = instances.snr.shape[-1]
    schedules = np.array(list(product((0.0, 1.0), repeat=pairs)))[1:]
    ones = np.ones((1, pairs))
    rates = [weighted_sum_rate(Crosstalk.dense(snr), ones, ones, schedules).max() for snr in instances.snr]
    return np.array(rates)
