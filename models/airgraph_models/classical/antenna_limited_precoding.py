r"""Reduced WMMSE under limits of the antennas: a price for each antenna makes them one weighted power budget.

For prices :math:`\lambda \ge 0` of the antennas, normalised to :math:`\sum_n \lambda_n p_n = 1` over the limits p, the
budget :math:`\operatorname{tr}(V^H \Lambda V) \le 1` holds for every precoder within the limits. Under that one budget
the stationary precoders are :math:`V = \Lambda^{-1} H^H X`, and X follows from the Gram matrix
:math:`A = H \Lambda^{-1} H^H` by the step of `reduced_wmmse`. Between two steps every price moves towards its limit's
use: :math:`\lambda_n \leftarrow \lambda_n \sqrt{\|V_{n,:}\|^2 / p_n}`. The sum-power budget counts as one limit more.

Where the prices come to rest, each limit is met with equality or has no price: a stationary point of the problem
(the weighted-budget duality of Yu and Lan, "Transmitter optimization for the multi-antenna downlink with per-antenna
power constraints", 2007, section IV). Exact: every answer's feasibility, and that it is no worse than its start. Not
proved: that the prices converge; so the best iterate, scaled into the limits, is what is answered.
"""

from __future__ import annotations

import numpy as np

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import ComplexArray, FloatArray, adjoint, normalised, sinr_of
from airgraph_models.classical.precoding_wmmse import PrecodingSolution
from airgraph_models.classical.reduced_wmmse import SILENT, precoding_step
from airgraph_models.classical.stopping import Stopping

SMALLEST_SHARE = 1e-9
"""Share of all prices below which none falls: an antenna without a price would be free."""


def antenna_limited_wmmse(
    channel: ComplexArray,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    max_antenna_power: FloatArray,
    start: ComplexArray,
    stopping: Stopping,
) -> PrecodingSolution:
    """Runs R-WMMSE with moving antenna prices on a batch of equal size; the best scaled iterate of each is kept.

    Args:
        channel: ``[..., K, N]`` channels.
        weights: ``[..., K]`` rate weights, not negative.
        noise_power: ``[..., K]`` noise powers, positive.
        max_power: ``[...]`` sum-power budgets, positive.
        max_antenna_power: ``[..., N]`` limits of ``sum_k |V[n, k]|^2``, positive.
        start: ``[..., N, K]`` precoders of any scale.
        stopping: When to end.

    Returns:
        Precoders ``[..., N, K]`` that meet a limit; zero where the start is.
    """
    unit = normalised(channel, noise_power, np.ones(()))
    turned = adjoint(unit)
    limits = np.concatenate([max_antenna_power, np.asarray(max_power)[..., None]], axis=-1)
    share = np.full_like(limits, 1.0 / limits.shape[-1])
    precoder = start
    best, best_rate = start, np.full(start.shape[:-2], -np.inf)
    iteration = 0
    while True:
        use = _use(precoder, limits)
        heard = unit @ precoder
        fullest = np.maximum(use.max(axis=-1), SILENT)
        rate = (weights * np.log2(1.0 + sinr_of(heard, fullest[..., None]))).sum(axis=-1)
        gain = rate - best_rate
        better = gain > 0
        scaled = precoder / np.sqrt(fullest)[..., None, None]
        best = np.where(better[..., None, None], scaled, best)
        converged = iteration > 0 and bool((np.abs(gain) <= stopping.tolerance * best_rate).all())
        best_rate = np.where(better, rate, best_rate)
        if iteration >= stopping.iterations or (stopping.tolerance > 0 and converged) or stopping.expired():
            return PrecodingSolution(best, iteration)
        if iteration:
            share = share * np.sqrt(use)
            share = np.maximum(share / share.sum(axis=-1, keepdims=True), SMALLEST_SHARE)
        price = share[..., :-1] / max_antenna_power + share[..., -1:] / np.asarray(max_power)[..., None]
        precoder = _weighted_step(unit, turned, weights, price, heard, precoder)
        iteration += 1


def _use(precoder: ComplexArray, limits: FloatArray) -> FloatArray:
    """Used share of each antenna's limit and, last, of the budget ``[..., N + 1]``."""
    power = squared(precoder).sum(axis=-1)
    use: FloatArray = np.concatenate([power, power.sum(axis=-1, keepdims=True)], axis=-1) / limits
    return use


def _weighted_step(
    unit: ComplexArray,
    turned: ComplexArray,
    weights: FloatArray,
    price: FloatArray,
    heard: ComplexArray,
    precoder: ComplexArray,
) -> ComplexArray:
    """One step of R-WMMSE under ``sum_n price_n ||V_n||^2 <= 1``, scaled onto that budget."""
    noise = np.maximum((price * squared(precoder).sum(axis=-1)).sum(axis=-1), SILENT)[..., None]
    own = np.diagonal(heard, axis1=-2, axis2=-1)
    total = squared(heard).sum(axis=-1) + noise
    root = np.sqrt(weights * total / np.maximum(total - squared(own), noise))
    receiver = own / total
    spread = turned / price[..., :, None]
    moved = spread @ precoding_step(unit @ spread, root, receiver, squared(root * receiver).sum(axis=-1))
    spent = (price * squared(moved).sum(axis=-1)).sum(axis=-1)
    scaled: ComplexArray = moved / np.sqrt(np.maximum(spent, SILENT))[..., None, None]
    return scaled
