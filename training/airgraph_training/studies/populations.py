"""The random networks that studies train and test on: a name, and how one instance is drawn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from airgraph_training.channels import rayleigh

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


RAYLEIGH = rayleigh_population(10.0)
"""The papers' usual case: 10 dB."""
