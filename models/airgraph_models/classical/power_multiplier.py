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

from airgraph_models.arrays.namespace import namespace_of

FloatArray = npt.NDArray[np.float64]

RELATIVE_ACCURACY = 1e-10
MOST_STEPS = 60
TINY = 1e-150
"""Keeps squares of reciprocals finite where A is singular and nothing is asked in its null space."""


def power_multiplier(
    eigenvalues: FloatArray, weight: FloatArray, budget: FloatArray, guess: FloatArray | None = None
) -> FloatArray:
    """Smallest multiplier that meets each budget.

    Args:
        eigenvalues: ``[N, ...]`` of A, none below zero. The short axis comes first: sums over it are then
            additions of long rows.
        weight: ``[N, ...]`` squared right-hand sides in the eigenbasis, summed over the beams.
        budget: ``[...]`` power budgets P, positive.
        guess: ``[...]`` where to begin, the previous iteration's multipliers say.

    Returns:
        ``[...]`` multipliers; the power they give equals P to 1e-10, or is below P with a multiplier of 0.
    """
    xp = namespace_of(eigenvalues)
    # Each term alone must stay within P, which bounds the root from below and keeps every division finite.
    share = weight / budget
    lower: FloatArray = xp.maximum(xp.maximum.reduce(xp.sqrt(share) - eigenvalues, axis=0), 0.0)
    mu: FloatArray = lower if guess is None else xp.maximum(lower, guess)
    floor = xp.maximum(eigenvalues, TINY)
    for _ in range(MOST_STEPS):
        inverse = 1.0 / (floor + mu)
        part = share * inverse * inverse
        power = part.sum(axis=0)
        # Left of the root every step climbs; right of it (the guess was too large) one step leads to its left.
        if not (power > 1.0 + RELATIVE_ACCURACY).any() and not _too_little(power, mu, lower):
            break
        slope = (part * inverse).sum(axis=0)
        mu = xp.maximum(mu + power * (xp.sqrt(power) - 1.0) / xp.maximum(slope, TINY), lower)
    return mu


def _too_little(power: FloatArray, mu: FloatArray, lower: FloatArray) -> bool:
    """Whether a multiplier above its bound leaves some of the budget unused."""
    return bool(((power < 1.0 - RELATIVE_ACCURACY) & (mu > lower)).any())
