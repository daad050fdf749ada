r"""Closed-form linear precoders: MRT, ZF and RZF, and the power of their columns.

With the channel H (user first, y = H V s) and its Gram matrix :math:`A = H H^H`,

    MRT: V = H^H        ZF: V = H^H A^+        RZF: V = H^H (A + (K / P) diag(noise))^-1

each followed by a power allocation. Source: paper 004, section II-A, below (2), where all users have one noise power.
"""

from __future__ import annotations

import numpy as np

from airgraph_models.arrays.namespace import namespace_of
from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import ComplexArray, FloatArray, adjoint

SINGULAR = 1e-12
"""Share of its own diagonal that is added to a Gram matrix: below -120 dB, it keeps equal channels invertible."""


def maximum_ratio(channel: ComplexArray) -> ComplexArray:
    """Maximum-ratio transmission ``[..., N, K]`` of ``channel [..., K, N]``, not scaled."""
    return adjoint(channel)


def zero_forcing(channel: ComplexArray) -> ComplexArray:
    """Pseudo-inverse ``[..., N, K]`` of ``channel [..., K, N]``, not scaled; with K > N it cannot null everything."""
    inverse = np.linalg.pinv(channel).astype(np.complex128, copy=False)
    # Rounding leaves a trace of a precoder for a user without a channel, which equal power would blow up.
    return np.where(np.any(channel != 0, axis=-1)[..., None, :], inverse, 0.0)


def regularised_zero_forcing(channel: ComplexArray, noise_power: FloatArray, max_power: FloatArray) -> ComplexArray:
    """Regularised zero forcing with regularisation ``K noise_power / max_power``, not scaled.

    Args:
        channel: ``[..., K, N]`` channels.
        noise_power: ``[..., K]`` noise powers, positive.
        max_power: ``[...]`` sum-power budgets, positive.

    Returns:
        ``[..., N, K]``.
    """
    turned = adjoint(channel)
    gram = channel @ turned
    users = channel.shape[-2]
    own = np.arange(users)
    ridge = users / np.asarray(max_power)[..., None] * noise_power
    gram[..., own, own] = gram[..., own, own].real * (1.0 + SINGULAR) + ridge
    return turned @ np.linalg.inv(gram)


def column_power(precoder: ComplexArray) -> FloatArray:
    """Power of each user's column ``[..., K]``."""
    power: FloatArray = namespace_of(precoder).add.reduce(squared(precoder), axis=-2)
    return power


def with_power(precoder: ComplexArray, power: FloatArray) -> ComplexArray:
    """Columns scaled to ``power [..., K]`` each; a column of zeros stays one."""
    present = column_power(precoder)
    factor = np.sqrt(np.divide(power, present, out=np.zeros_like(present), where=present > 0))
    return precoder * factor[..., None, :]


def with_equal_power(precoder: ComplexArray, max_power: FloatArray) -> ComplexArray:
    """The budget ``[...]`` split evenly over the columns that are not zero."""
    present = column_power(precoder)
    if np.count_nonzero(present) == present.size:
        even: ComplexArray = (
            precoder * np.sqrt(np.asarray(max_power / present.shape[-1])[..., None] / present)[..., None, :]
        )
        return even
    active = present > 0
    share = np.asarray(max_power)[..., None] / np.maximum(active.sum(axis=-1, keepdims=True), 1)
    factor = np.sqrt(np.divide(share, present, out=np.zeros_like(present), where=active))
    scaled: ComplexArray = precoder * factor[..., None, :]
    return scaled


def with_sum_power(precoder: ComplexArray, max_power: FloatArray) -> ComplexArray:
    """All columns scaled by one factor to ``||V||_F^2 = max_power [...]``; silence stays silence."""
    xp = namespace_of(precoder)
    present = xp.asarray(column_power(precoder).sum(axis=-1))
    factor = xp.sqrt(xp.divide(max_power, present, out=xp.zeros_like(present), where=present > 0))
    scaled: ComplexArray = precoder * factor[..., None, None]
    return scaled
