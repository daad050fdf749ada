"""Weighted sum rate of many power vectors at once."""

from __future__ import annotations

from airgraph_models.arrays.namespace import namespace_of
from airgraph_models.classical.scalar_wmmse import Crosstalk, FloatArray


def spectral_efficiency(crosstalk: Crosstalk, noise_power: FloatArray, power: FloatArray) -> FloatArray:
    r""":math:`\log_2(1 + g_{kk} p_k / (\sigma_k^2 + \sum_{j \ne k} g_{kj} p_j))` of every pair.

    Args:
        crosstalk: The gains.
        noise_power: ``[..., 1, K]`` noise powers, positive.
        power: ``[..., S, K]`` powers.

    Returns:
        ``[..., S, K]`` bit/s/Hz.
    """
    return rates_of(crosstalk.received(power), crosstalk.direct * power, noise_power)


def rates_of(received: FloatArray, own: FloatArray, noise_power: FloatArray) -> FloatArray:
    """Bit/s/Hz of receivers that hear ``received`` power in all, of it ``own`` of their own signals."""
    xp = namespace_of(received)
    total = received + noise_power
    # Interference plus noise is never below the noise: the maximum undoes cancellation at high SNR.
    rates: FloatArray = xp.log2(total / xp.maximum(total - own, noise_power))
    return rates


def weighted_sum_rate(
    crosstalk: Crosstalk, weights: FloatArray, noise_power: FloatArray, power: FloatArray
) -> FloatArray:
    r"""Objective :math:`\sum_k \alpha_k \log_2(1 + g_{kk} p_k / (\sigma_k^2 + \sum_{j \ne k} g_{kj} p_j))`.

    Source: paper 001, (5); paper 003, (3).

    Args:
        crosstalk: The gains.
        weights: ``[..., 1, K]`` rate weights.
        noise_power: ``[..., 1, K]`` noise powers, positive.
        power: ``[..., S, K]`` powers.

    Returns:
        ``[..., S]`` bit/s/Hz.
    """
    rate: FloatArray = (weights * spectral_efficiency(crosstalk, noise_power, power)).sum(axis=-1)
    return rate
