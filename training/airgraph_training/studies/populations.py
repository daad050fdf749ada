"""The random networks that studies train and test on: a name, and how one instance is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from airgraph_training.channels import rayleigh, rician

FloatArray = npt.NDArray[np.float64]


class Sample(NamedTuple):
    """One power-control instance, budgets and noise one.

    Attributes:
        snr: ``[K, K]`` gain times budget over noise, receiver first.
        weights: ``[K]`` rate weights.
    """

    snr: FloatArray
    weights: FloatArray


@dataclass(frozen=True)
class Population:
    """A law of random instances of any size.

    Attributes:
        name: Says all that the law depends on: a trained network is kept under it.
        draw: One instance of K pairs.
    """

    name: str
    draw: Callable[[np.random.Generator, int], Sample]


def rayleigh_population(snr_db: float) -> Population:
    """Independent Rayleigh fading, weights of one."""
    scale = 10 ** (snr_db / 10)

    def draw(rng: np.random.Generator, pairs: int) -> Sample:
        return Sample(scale * np.abs(rayleigh(rng, pairs, pairs)) ** 2, np.ones(pairs))

    return Population(f"Rayleigh, {snr_db:g} dB", draw)


def rician_population(snr_db: float, k_factor: float, mean_power: float) -> Population:
    """Independent Rician fading of mean power ``mean_power`` beside a noise of ``-snr_db``, weights of one."""
    scale = 10 ** (snr_db / 10)

    def draw(rng: np.random.Generator, pairs: int) -> Sample:
        channel = rician(rng, pairs, pairs, k_factor=k_factor, mean_power=mean_power)
        return Sample(scale * np.abs(channel) ** 2, np.ones(pairs))

    return Population(f"Rician, {snr_db:g} dB, K-factor {k_factor:g}, mean power {mean_power:g}", draw)


def thinned_population(snr_db: float, lost: float, *, weighted: bool) -> Population:
    """Independent Rayleigh fading where each interfering link is missing with probability ``lost``.

    Weights are one, or uniform in 0..1. The same generator draws the same channels and weights whatever ``lost`` is,
    and more of it only takes more links away.
    """
    scale = 10 ** (snr_db / 10)

    def draw(rng: np.random.Generator, pairs: int) -> Sample:
        snr = scale * np.abs(rayleigh(rng, pairs, pairs)) ** 2
        kept = rng.random((pairs, pairs)) >= lost
        np.fill_diagonal(kept, True)
        drawn = rng.random(pairs)
        return Sample(np.where(kept, snr, 0.0), drawn if weighted else np.ones(pairs))

    weights = "uniform in 0..1" if weighted else "one"
    return Population(f"Rayleigh, {snr_db:g} dB, {lost:g} of interfering links lost, weights {weights}", draw)


RAYLEIGH = rayleigh_population(10.0)
"""The papers' usual case: 10 dB."""
