"""Downlink instances of precoding studies, what the closed forms and WMMSE reach on them, and networks' sum rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from airgraph_models.classical.downlink import ComplexArray, downlink_rates
from airgraph_models.classical.linear_precoding import (
    maximum_ratio,
    regularised_zero_forcing,
    with_equal_power,
    with_sum_power,
    zero_forcing,
)
from airgraph_models.classical.reduced_wmmse import reduced_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_training.channels import rayleigh
from airgraph_training.studies.lab import TEST_SEED, Lab

FloatArray = npt.NDArray[np.float64]

ITERATIONS = 500
BATCH = 25
CONVERGED = Stopping(ITERATIONS, tolerance=1e-8)
DENOMINATOR = f"WMMSE from RZF until it gains under {CONVERGED.tolerance:g} an iteration, {ITERATIONS} at most"
BEST = "the best of WMMSE from RZF, MRT, ZF and one random start"


def draw_channels(rng: np.random.Generator, count: int, users: int, antennas: int, snr_db: float) -> ComplexArray:
    """I.i.d. Rayleigh channels ``[count, K, N]`` times root of budget over noise."""
    scale = 10 ** (snr_db / 20)
    drawn: ComplexArray = scale * np.stack([rayleigh(rng, users, antennas) for _ in range(count)])
    return drawn


def real_pairs(channel: ComplexArray) -> torch.Tensor:
    """``[..., 2]`` float32 (re, im) of complex numbers: what networks read."""
    return torch.view_as_real(torch.from_numpy(channel.astype(np.complex64)))


@dataclass(frozen=True)
class Downlinks:
    """Instances of one size, budgets and noise one.

    Attributes:
        channel: ``[n, K, N]``.
    """

    channel: ComplexArray

    @classmethod
    def tests(cls, users: int, antennas: int, snr_db: float, count: int) -> Downlinks:
        """Instances that no training set holds; the same fading at every SNR."""
        rng = np.random.default_rng((TEST_SEED, users, antennas))
        return cls(draw_channels(rng, count, users, antennas, snr_db))

    @property
    def noise(self) -> FloatArray:
        """``[n, K]`` of ones."""
        return np.ones(self.channel.shape[:2])

    @property
    def budget(self) -> FloatArray:
        """``[n]`` of ones."""
        return np.ones(len(self.channel))

    def rate(self, precoder: ComplexArray) -> FloatArray:
        """Sum rate ``[n]`` of precoders ``[n, N, K]``."""
        total: FloatArray = downlink_rates(self.channel, self.noise, precoder).sum(axis=-1)
        return total

    def closed_forms(self) -> dict[str, ComplexArray]:
        """RZF, ZF and MRT, ``[n, N, K]`` each: RZF and ZF with equal power, MRT scaled as a whole."""
        rzf = regularised_zero_forcing(self.channel, self.noise, self.budget)
        return {
            "RZF": with_equal_power(rzf, self.budget),
            "ZF": with_equal_power(zero_forcing(self.channel), self.budget),
            "MRT": with_sum_power(maximum_ratio(self.channel), self.budget),
        }

    def wmmse(self, start: ComplexArray, stopping: Stopping = CONVERGED) -> ComplexArray:
        """Precoders ``[n, N, K]`` of reduced WMMSE from ``start``."""
        ones = self.noise
        return reduced_wmmse(self.channel, ones, ones, self.budget, start, stopping).precoder

    def network(self, module: nn.Module) -> FloatArray:
        """Sum rate ``[n]`` of a network's answers, in float64 and on the budget."""
        with torch.inference_mode():
            parts = [module(batch) for batch in torch.split(real_pairs(self.channel), BATCH)]
        precoder = torch.view_as_complex(torch.cat(parts).double().contiguous()).numpy()
        return self.rate(with_sum_power(precoder, self.budget))


@dataclass(frozen=True)
class References:
    """Mean sum rates, bit/s/Hz.

    Attributes:
        wmmse: Of `DENOMINATOR`.
        best: Of `BEST`.
        closed: Of each closed form.
    """

    wmmse: float
    best: float
    closed: dict[str, float]


def references(lab: Lab, users: int, antennas: int, snr_db: float, count: int) -> References:
    """What is reached without a network on `Downlinks.tests`; kept for the next visit."""
    settings = {"users": users, "antennas": antennas, "snr": snr_db, "count": count, "stop": [ITERATIONS, 1e-8]}

    def measure() -> dict[str, float]:
        lab.report(f"WMMSE, N = {antennas}, K = {users}, {snr_db:g} dB")
        instances = Downlinks.tests(users, antennas, snr_db, count)
        closed = instances.closed_forms()
        rng = np.random.default_rng((TEST_SEED, users))
        drawn = rng.standard_normal((2, users, users))
        random = with_sum_power(maximum_ratio(instances.channel) @ (drawn[0] + 1j * drawn[1]), instances.budget)
        reached = {name: instances.rate(precoder) for name, precoder in closed.items()}
        ends = [instances.rate(instances.wmmse(start)) for start in (*closed.values(), random)]
        means = {name: float(rates.mean()) for name, rates in reached.items()}
        return {**means, "wmmse": float(ends[0].mean()), "best": float(np.max(ends, axis=0).mean())}

    found: dict[str, float] = lab.remembered(f"downlink-{antennas}-{users}", settings, measure)
    wmmse, best = found["wmmse"], found["best"]
    return References(wmmse, best, {name: rate for name, rate in found.items() if name not in ("wmmse", "best")})
