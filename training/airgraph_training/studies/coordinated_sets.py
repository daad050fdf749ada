"""Instances of several cells, what WMMSE reaches on them from several starts, and networks' sum rates."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from airgraph_models.classical.beam_network import DenseBeamNetwork, IndexArray
from airgraph_models.classical.beamforming_wmmse import beamforming_wmmse
from airgraph_models.classical.downlink import ComplexArray, adjoint, sinr_of
from airgraph_models.classical.linear_precoding import (
    maximum_ratio,
    regularised_zero_forcing,
    with_equal_power,
    with_sum_power,
)
from airgraph_models.classical.stopping import Stopping
from airgraph_training.studies.lab import TEST_SEED
from airgraph_training.studies.precoding_sets import FloatArray, draw_channels, real_pairs

CONVERGED = Stopping(500, tolerance=1e-7)
BATCH = 25
SERVED = 1e-3
"""Share of a budget from which on a user counts as served."""
MRT, RZF, LEAKAGE, RANDOM = "MRT", "RZF of the own cell", "RZF over all cells' users", "random beams"


@dataclass(frozen=True)
class Layout:
    """M cells of K users, each with a transmitter of N antennas."""

    cells: int
    antennas: int
    users: int

    def __str__(self) -> str:
        """For tables and file names."""
        return f"({self.cells}, {self.antennas}, {self.users})"


def draw_cells(rng: np.random.Generator, layout: Layout, count: int, snr_db: float) -> ComplexArray:
    """I.i.d. Rayleigh channels ``[count, M, K, M, N]`` of one mean gain, times root of budget over noise."""
    flat = draw_channels(rng, count, layout.cells * layout.users, layout.cells * layout.antennas, snr_db)
    return flat.reshape(count, layout.cells, layout.users, layout.cells, layout.antennas)


@dataclass(frozen=True)
class Cells:
    """Instances of one layout, budgets and noise one.

    Attributes:
        channel: ``[n, M, K, M, N]``: cell, user, transmitter, antenna.
    """

    channel: ComplexArray

    @classmethod
    def tests(cls, layout: Layout, snr_db: float, count: int) -> Cells:
        """Instances that no training set holds."""
        rng = np.random.default_rng((TEST_SEED, layout.cells, layout.antennas, layout.users))
        return cls(draw_cells(rng, layout, count, snr_db))

    @property
    def by_user(self) -> ComplexArray:
        """``[n, M K, M, N]``: users of all cells in one row."""
        return self.channel.reshape(len(self.channel), -1, *self.channel.shape[3:])

    @property
    def serving(self) -> IndexArray:
        """``[M K]`` transmitter of each user."""
        return np.repeat(np.arange(self.channel.shape[1]), self.channel.shape[2])

    def rate(self, precoder: ComplexArray) -> FloatArray:
        """Sum rate ``[n]`` of precoders ``[n, M, N, K]``."""
        heard = np.moveaxis(self.by_user, 1, 2) @ precoder
        beams = np.moveaxis(heard, 1, 2).reshape(len(heard), self.serving.size, -1)
        total: FloatArray = np.log2(1.0 + sinr_of(beams, 1.0)).sum(axis=-1)
        return total

    def starts(self) -> dict[str, ComplexArray]:
        """Where WMMSE begins, ``[n, M, N, K]`` each and every transmitter on its budget."""
        count, cells, users = self.channel.shape[:3]
        own = np.moveaxis(self.channel[:, np.arange(cells), :, np.arange(cells)], 0, 1)
        ones, budget = np.ones((count, cells, users)), np.ones((count, cells))
        everyone = np.moveaxis(self.by_user, 1, 2)
        whole = regularised_zero_forcing(everyone, np.ones(everyone.shape[:-1]), budget / cells)
        columns = whole.reshape(*whole.shape[:-1], cells, users)
        beams = np.moveaxis(columns[:, np.arange(cells), :, np.arange(cells)], 0, 1)
        drawn = np.random.default_rng(TEST_SEED).standard_normal((2, *adjoint(own).shape))
        return {
            MRT: with_equal_power(maximum_ratio(own), budget),
            RZF: with_equal_power(regularised_zero_forcing(own, ones, budget), budget),
            LEAKAGE: with_equal_power(beams, budget),
            RANDOM: with_sum_power(drawn[0] + 1j * drawn[1], budget),
        }

    def wmmse(self, start: ComplexArray, stopping: Stopping = CONVERGED) -> ComplexArray:
        """Precoders ``[n, M, N, K]`` of WMMSE from ``start``."""
        count, cells, antennas, users = start.shape
        beams = np.swapaxes(start, -1, -2).reshape(count, cells * users, antennas)
        ones = np.ones((count, cells * users))
        network = DenseBeamNetwork(self.by_user, self.serving)
        found = beamforming_wmmse(network, ones, ones, np.ones((count, cells)), beams, stopping).beams
        return np.swapaxes(found.reshape(count, cells, users, antennas), -1, -2)

    @staticmethod
    def served(precoder: ComplexArray) -> float:
        """Mean number of users that get power in precoders ``[n, M, N, K]``."""
        power = (np.abs(precoder) ** 2).sum(axis=2)
        return float((power > SERVED).sum(axis=(1, 2)).mean())

    def network(self, module: Callable[[Tensor], Tensor]) -> FloatArray:
        """Sum rate ``[n]`` of a network's answers, in float64 and on the budgets."""
        with torch.inference_mode():
            parts = [module(batch) for batch in torch.split(real_pairs(self.channel), BATCH)]
        precoder = torch.view_as_complex(torch.cat(parts).double().contiguous()).numpy()
        return self.rate(with_sum_power(precoder, np.ones(precoder.shape[:2])))
