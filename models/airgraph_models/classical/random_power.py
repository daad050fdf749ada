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
