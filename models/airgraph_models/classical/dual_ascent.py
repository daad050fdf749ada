r"""Ascent of a downlink's weighted sum rate over the shares of its dual uplink.

With :math:`g_j = \partial R / \partial \log q_j` (`dual_uplink`), a stationary q has :math:`g_j = \lambda q_j` for
every user who sends, and :math:`\lambda = \sum_j g_j` as the shares add up to one. So the step is

.. math::
    q_j \leftarrow q_j \left(\frac{g_j}{\lambda q_j}\right)^{3/2}, \qquad \text{then scaled to } \sum_j q_j = 1,

with the factor kept within a tenth and ten: a user who costs the others more than it gains fades. The exponent of one
is the plain fixed point; three halves goes further, which pays while far from the end and may overshoot near it, so
the best shares met are what is returned. A step is one K x K inverse, costs about half of one of `reduced_wmmse`, and
takes the rate as far as two to four of those. Our own; the dual is that of `dual_uplink`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airgraph_models.classical.downlink import ComplexArray, FloatArray
from airgraph_models.classical.dual_uplink import dual_gradient, dual_rate, error_matrix
from airgraph_models.classical.stopping import Stopping

LARGEST_FACTOR = 10.0
FLOOR = 1e-7
"""Shares do not fall below it, so that a silent user may come back."""


@dataclass(frozen=True)
class Ascent:
    """Where an ascent ended.

    Attributes:
        share: ``[..., K]`` best shares met, each row adding up to one.
        rate: ``[...]`` their weighted sum rate, bit/s/Hz.
        iterations: Steps taken.
    """

    share: FloatArray
    rate: FloatArray
    iterations: int


def equal_shares(gram: ComplexArray) -> FloatArray:
    """``[..., K]``: where an ascent begins that knows nothing."""
    return np.full(gram.shape[:-1], 1.0 / gram.shape[-1])


def dual_step(error: ComplexArray, share: FloatArray, weights: FloatArray) -> FloatArray:
    """The next shares ``[..., K]``."""
    gradient = dual_gradient(error, weights)
    total = np.maximum(gradient.sum(axis=-1, keepdims=True), FLOOR)
    # Three halves is a product and a root, which cost a tenth of a power; so do two bounds against `np.clip`.
    factor = np.minimum(np.maximum(gradient / (total * share), 1.0 / LARGEST_FACTOR), LARGEST_FACTOR)
    moved = np.maximum(share * factor * np.sqrt(factor), FLOOR)
    following: FloatArray = moved / moved.sum(axis=-1, keepdims=True)
    return following


def first_steps(gram: ComplexArray, weights: FloatArray, count: int) -> tuple[FloatArray, ComplexArray]:
    """Shares ``[..., K]`` after ``count`` steps from equal ones, and their error matrices ``[..., K, K]``."""
    share = equal_shares(gram)
    error = error_matrix(gram, share)
    for _ in range(count):
        share = dual_step(error, share, weights)
        error = error_matrix(gram, share)
    return share, error


def dual_ascent(gram: ComplexArray, weights: FloatArray, start: FloatArray, stopping: Stopping) -> Ascent:
    """Climbs from every start at once.

    Args:
        gram: ``[..., K, K]`` Gram matrices of normalised channels; a batch axis of one spreads over the others.
        weights: ``[..., K]`` rate weights, not negative.
        start: ``[..., K]`` shares, not negative.
        stopping: When to end; the tolerance is on the best rate met, and ends it once no row gains more.
    """
    share = np.maximum(start, FLOOR)
    share = share / share.sum(axis=-1, keepdims=True)
    error = error_matrix(gram, share)
    best, top = share, dual_rate(error, weights)
    iteration = 0
    while iteration < stopping.iterations and not stopping.expired():
        share = dual_step(error, share, weights)
        error = error_matrix(gram, share)
        rate = dual_rate(error, weights)
        iteration += 1
        gained = rate > top
        settled = stopping.tolerance > 0 and bool((np.abs(rate - top) <= stopping.tolerance * top).all())
        if gained.all():
            best, top = share, rate
        else:
            best, top = np.where(gained[..., None], share, best), np.maximum(rate, top)
        if settled:
            break
    return Ascent(best, top, iteration)
