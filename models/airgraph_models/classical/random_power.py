"""Random powers: a baseline, and the starts of the iterative algorithms."""

from __future__ import annotations

from typing import Literal

import numpy as np

from airgraph_models.classical.scalar_wmmse import FloatArray

Law = Literal["power", "amplitude"]


def random_power(max_power: FloatArray, starts: int, rng: np.random.Generator, law: Law = "amplitude") -> FloatArray:
    """Independent random powers ``[..., S, K]`` within the budgets.

    The two laws end in different optima. Uniform amplitudes make more pairs nearly silent, and the best of many such
    starts is up to a hundredth better in networks of 20 pairs and more. Paper 000's code starts FPLinQ from uniform
    powers.

    Args:
        max_power: ``[..., 1, K]`` budgets.
        starts: S, how many an instance.
        rng: Where chance comes from.
        law: What is uniform between 0 and its largest value: the power or its square root, the amplitude.
    """
    shape = (*max_power.shape[:-2], starts, max_power.shape[-1])
    share = rng.random(shape)
    return max_power * (share if law == "power" else share * share)


SPARSITY = (8.0, 16.0, 4.0)
"""Exponents of `sparse_power`, in turn: the larger suit dense networks of many pairs, the smaller those of few."""


def sparse_power(max_power: FloatArray, starts: int, rng: np.random.Generator) -> FloatArray:
    """Random powers ``[..., S, K]`` of which most are small: ``u ** a`` of the budget, u uniform in 0..1.

    WMMSE silences most pairs of a dense network, and a start that has silenced many already ends higher: with an a of
    4 and more, sixteen starts of 30 iterations reach what a hundred uniform ones of 100 iterations reach at K = 50.

    Args:
        max_power: ``[..., 1, K]`` budgets.
        starts: S, how many an instance.
        rng: Where chance comes from.
    """
    exponent = np.resize(SPARSITY, starts)[:, None]
    shape = (*max_power.shape[:-2], starts, max_power.shape[-1])
    power: FloatArray = rng.uniform(size=shape) ** exponent * max_power
    return power
