r"""WMMSE for one transmitter with a sum-power budget and, where given, limits of the antennas: the reference.

Maximises :math:`\sum_k \alpha_k R_k` over the precoder V. With T = H V, one iteration is

    u_k = t_kk / (sum_i |t_ki|^2 + noise_k),     w_k = 1 / (1 - |t_kk|^2 / (sum_i |t_ki|^2 + noise_k))
    V = (H^H diag(alpha w |u|^2) H + mu I)^-1 H^H diag(alpha w u),   mu >= 0 from the budget, exact to 1e-10

and the objective never falls. Source: Shi et al. 2011, table I; paper 004's reference [1]. `reduced_wmmse` reaches
the same rates at a fraction of the cost.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airgraph_models.classical.antenna_limits import antenna_limited_step
from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import ComplexArray, FloatArray, adjoint
from airgraph_models.classical.hermitian_eigen import hermitian_eigen
from airgraph_models.classical.power_multiplier import TINY, power_multiplier
from airgraph_models.classical.stopping import Stopping


@dataclass(frozen=True)
class PrecodingSolution:
    """Precoders ``[..., N, K]`` and the number of iterations spent on them."""

    precoder: ComplexArray
    iterations: int


def precoding_wmmse(
    channel: ComplexArray,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    start: ComplexArray,
    stopping: Stopping,
    max_antenna_power: FloatArray | None = None,
) -> PrecodingSolution:
    """Runs WMMSE on a batch of equal size; a batch axis of one spreads over the others.

    Args:
        channel: ``[..., K, N]`` channels.
        weights: ``[..., K]`` rate weights, not negative.
        noise_power: ``[..., K]`` noise powers, positive.
        max_power: ``[...]`` sum-power budgets, positive.
        start: ``[..., N, K]`` feasible precoders.
        stopping: When to end.
        max_antenna_power: ``[..., N]`` limits of ``sum_k |V[n, k]|^2``, or None. The precoder step is then exact
            block minimisation over the antennas: monotone too, but its fixed points need not be stationary.
    """
    turned = adjoint(channel)
    precoder = start
    previous: FloatArray | None = None
    multiplier: FloatArray | None = None
    iteration = 0
    while iteration < stopping.iterations and not stopping.expired():
        heard = channel @ precoder
        own = np.diagonal(heard, axis1=-2, axis2=-1)
        total = squared(heard).sum(axis=-1) + noise_power
        # Interference plus noise is never below the noise: the maximum undoes cancellation at high SNR.
        ratio = total / np.maximum(total - squared(own), noise_power)
        if stopping.tolerance > 0:
            objective = (weights * np.log2(ratio)).sum(axis=-1)
            if previous is not None and bool((objective - previous <= stopping.tolerance * objective).all()):
                break
            previous = objective
        receiver = own / total
        priced = weights * ratio
        leakage = (turned * (priced * squared(receiver))[..., None, :]) @ channel
        target = turned * (priced * receiver)[..., None, :]
        if max_antenna_power is None:
            precoder, multiplier = _budgeted_step(leakage, target, max_power, multiplier)
        else:
            precoder = _antenna_limited(leakage, target, precoder, max_antenna_power, max_power)
        iteration += 1
    return PrecodingSolution(precoder, iteration)


def _budgeted_step(
    leakage: ComplexArray, target: ComplexArray, max_power: FloatArray, guess: FloatArray | None
) -> tuple[ComplexArray, FloatArray]:
    """``(A + mu I)^-1 B`` in the eigenbasis of A, and the multiplier."""
    values, vectors = hermitian_eigen(leakage)
    inside = adjoint(vectors) @ target
    weight = np.moveaxis(squared(inside).sum(axis=-1), -1, 0)
    mu = power_multiplier(values, weight, np.asarray(max_power), guess)
    shifted = np.moveaxis(np.maximum(values + mu, TINY), 0, -1)
    return vectors @ (inside / shifted[..., None]), mu


def _antenna_limited(
    leakage: ComplexArray, target: ComplexArray, precoder: ComplexArray, limit: FloatArray, max_power: FloatArray
) -> ComplexArray:
    """One transmitter serves all users: its axis has length one."""
    beams = antenna_limited_step(
        leakage[..., None, :, :],
        np.swapaxes(target, -1, -2),
        np.swapaxes(precoder, -1, -2),
        limit[..., None, :],
        np.asarray(max_power)[..., None],
        np.zeros(precoder.shape[-1], np.int64),
        lambda values: values.sum(axis=-1, keepdims=True),
    )
    return np.swapaxes(beams, -1, -2)
