r"""The multiplier of one transmitter's power budget in the beamformer step of WMMSE.

Given Hermitian :math:`A \succeq 0` and right-hand sides b, find :math:`\mu \ge 0` with

    sum_b |(A + mu I)^-1 b|^2 <= P,   and equality where mu > 0.

In the eigenbasis of A the power is :math:`\varphi(\mu) = \sum_n \Phi_n / (\lambda_n + \mu)^2`. Newton's
iteration on :math:`1/\sqrt{\varphi} - 1/\sqrt{P}` (concave, nearly linear: the secular equation of trust-region
methods) climbs to the root from any lower bound without overshooting.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

RELATIVE_ACCURACY = 1e-12
MOST_STEPS = 60


def power_multiplier(eigenvalues: FloatArray, weight: FloatArray, budget: FloatArray) -> FloatArray:
    """Smallest multiplier that meets each budget.

    Args:
        eigenvalues: ``[..., N]`` of A, none below zero.
        weight: ``[..., N]`` squared right-hand sides in the eigenbasis, summed over the beams.
        budget: ``[...]`` power budgets P, positive.

    Returns:
        ``[...]`` multipliers; the power they give equals P to 1e-12, or is below P with a multiplier of 0.
    """
    # Each term alone must stay within P, which bounds the root from below and keeps every division finite.
    lower = np.sqrt(weight / budget[..., None]) - eigenvalues
    mu = np.maximum(lower.max(axis=-1), 0.0)
    for _ in range(MOST_STEPS):
        shifted = eigenvalues + mu[..., None]
        inverse = np.divide(1.0, shifted, out=np.zeros_like(shifted), where=shifted > 0)
        part = weight * inverse * inverse
        power = part.sum(axis=-1)
        excess = power > budget * (1 + RELATIVE_ACCURACY)
        if not excess.any():
            break
        slope = (part * inverse).sum(axis=-1)
        ratio = np.sqrt(power / budget)
        step = np.divide(power * (ratio - 1), slope, out=np.zeros_like(power), where=excess)
        mu = mu + step
    return mu
