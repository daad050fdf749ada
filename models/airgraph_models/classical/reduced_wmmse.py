r"""Reduced WMMSE (R-WMMSE): WMMSE for one transmitter on the K x K Gram matrix of its channel.

Every stationary precoder lies in the span of the users' channels, :math:`V = H^H X`, and uses the whole budget. So
the iteration runs on X alone and the budget is met once, at the end. With :math:`A = H H^H`, T = A X,
:math:`C = \operatorname{diag}(\sqrt{\alpha w}\, u)` and :math:`D = \operatorname{diag}(\sqrt{\alpha w})`,

    r_k = sum_i |t_ki|^2 + (noise_k / P) tr(X^H A X),     u_k = t_kk / r_k,     w_k = 1 / (1 - |t_kk|^2 / r_k)
    X = C (eta I + C^H A C)^-1 D,                          eta = sum_k (noise_k / P) alpha_k w_k |u_k|^2

where r_k is the received power of the precoder scaled to the budget. The objective of that scaled precoder never
falls. The form with C and D on both sides of the inverse equals the paper's and needs no positive weights.
Source: Zhao et al., "Rethinking WMMSE: can its complexity scale linearly with the number of BS antennas?",
arXiv 2205.06225, algorithm 2.
"""

from __future__ import annotations

from airgraph_models.arrays.namespace import namespace_of
from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import ComplexArray, FloatArray, adjoint, normalised
from airgraph_models.classical.linear_precoding import SINGULAR, with_sum_power
from airgraph_models.classical.precoding_wmmse import PrecodingSolution
from airgraph_models.classical.stopping import Stopping

SILENT = 1e-150
"""Price of power where no user is heard: nothing is asked there, and nothing over this is still nothing."""


def reduced_wmmse(
    channel: ComplexArray,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    start: ComplexArray,
    stopping: Stopping,
) -> PrecodingSolution:
    """Runs R-WMMSE on a batch of equal size; a batch axis of one (the starts, say) spreads over the others.

    Args:
        channel: ``[..., K, N]`` channels.
        weights: ``[..., K]`` rate weights, not negative.
        noise_power: ``[..., K]`` noise powers, positive.
        max_power: ``[...]`` sum-power budgets, positive.
        start: ``[..., N, K]`` precoders of any scale.
        stopping: When to end.

    Returns:
        Precoders ``[..., N, K]`` on the budget; the starts themselves where no iteration was allowed.
    """
    xp = namespace_of(start)
    unit = normalised(channel, noise_power, max_power)
    turned = adjoint(unit)
    gram = unit @ turned
    heard = xp.ascontiguousarray(unit @ start)
    spent = squared(start).sum(axis=(-2, -1))
    coefficient: ComplexArray | None = None
    previous: FloatArray | None = None
    iteration = 0
    while iteration < stopping.iterations and not stopping.expired():
        own = xp.diagonal(heard, axis1=-2, axis2=-1)
        # Noise of the precoder scaled to the budget, in the unscaled one's unit.
        noise = xp.maximum(spent, SILENT)[..., None]
        total = _inner(heard, heard) + noise
        # Interference plus noise is never below the noise: the maximum undoes cancellation at high SNR.
        ratio = total / xp.maximum(total - squared(own), noise)
        if stopping.tolerance > 0:
            objective = (weights * xp.log2(ratio)).sum(axis=-1)
            if previous is not None and bool((objective - previous <= stopping.tolerance * objective).all()):
                break
            previous = objective
        receiver = own / total
        priced = weights * ratio
        root = xp.sqrt(priced)
        coefficient = precoding_step(gram, root, receiver, (priced * squared(receiver)).sum(axis=-1))
        heard = gram @ coefficient
        spent = _inner(coefficient, heard).sum(axis=-1)
        iteration += 1
    if coefficient is None:
        return PrecodingSolution(start, iteration)
    return PrecodingSolution(with_sum_power(turned @ coefficient, xp.asarray(max_power)), iteration)


def _inner(left: ComplexArray, right: ComplexArray) -> FloatArray:
    """``Re sum_i conj(left_ki) right_ki`` of contiguous matrices, as one real product."""
    xp = namespace_of(left)
    product: FloatArray = xp.einsum("...i,...i->...", left.view(xp.float64), right.view(xp.float64))
    return product


def precoding_step(gram: ComplexArray, root: FloatArray, receiver: ComplexArray, price: FloatArray) -> ComplexArray:
    """The coefficients X that minimise the weighted mean-square error plus the price of power.

    Minimises ``sum_k root_k^2 e_k + price ||H^H X||_F^2``, where ``e_k`` is the mean-square error of user k behind
    the receiver ``u_k``: ``X = C (price I + C^H A C)^-1 diag(root)`` with ``C = diag(root u)``.

    Args:
        gram: ``[..., K, K]`` Gram matrices A in units of noise and budget.
        root: ``[..., K]`` square roots of the weights.
        receiver: ``[..., K]`` receivers u.
        price: ``[...]`` price of power, not negative.
    """
    xp = namespace_of(gram)
    scaled = root * receiver
    system: ComplexArray = scaled.conj()[..., :, None] * gram * scaled[..., None, :]
    # A view, whatever the order of the matrix.
    diagonal = xp.einsum("...ii->...i", system)
    # Users with one channel make the matrix singular up to the price of power, which vanishes at high SNR.
    diagonal[...] = diagonal.real * (1.0 + SINGULAR) + xp.maximum(price, SILENT)[..., None]
    coefficients: ComplexArray = scaled[..., :, None] * xp.linalg.inv(system) * root[..., None, :]
    return coefficients
