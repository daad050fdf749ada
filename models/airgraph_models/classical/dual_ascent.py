r"""Ascent of a downlink's weighted sum rate over the shares of its dual uplink.

With :math:`g_j = \partial R / \partial \log q_j` (`dual_uplink`), a stationary q has :math:`g_j = \lambda q_j` for
every user who sends, and :math:`\lambda = \sum_j g_j` as the shares add up to one. So the step is

.. math::
    q_j \leftarrow q_j \left(\frac{g_j}{\lambda q_j}\right)^{3/2}, \qquad \text{then scaled to } \sum_j q_j = 1,

with the factor kept within a tenth and ten: a user who costs the others more than it gains fades. The exponent of one
is the plain fixed point; three halves goes further, which pays while far from the end and may overshoot near it, so
the best shares met are what is returned. While a start's rate rises its exponent grows, and falls back to one where it
does not: users who are to fall silent at low levels would otherwise take a hundred steps. A step is one K x K inverse,
costs about half of one of `reduced_wmmse`, and takes the rate as far as two to four of those. Our own; the dual is that
of `dual_uplink`.

Many starts race: all take `FIRST_HEAT` step, the best third goes on for `NEXT_HEATS` steps, and so on until one is
left. The first heat begins with squared steps, and has as many as the next ones where there are only a few starts.
Dropping what is behind is successive halving (Jamieson and Talwalkar 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from airgraph_models.classical.beam_network import IndexArray
from airgraph_models.classical.downlink import ComplexArray, FloatArray
from airgraph_models.classical.dual_uplink import dual_gradient, dual_rate, error_matrix
from airgraph_models.classical.stopping import Stopping

LARGEST_FACTOR = 10.0
LARGEST_CHANGE = 100.0
"""Of a share in one step, whatever the exponent."""
EXPONENT, FIRST_EXPONENT, CAUTIOUS_EXPONENT, LARGEST_EXPONENT = 1.5, 2.0, 1.0, 8.0
"""Where a heat begins, where the first one does, after a rate that did not rise, and the most."""
GROWTH = 1.3
"""Of the exponent while the rate rises. Faster growth wins at the end of a long climb and loses in the first steps."""
FLOOR = 1e-7
"""Shares do not fall below it, so that a silent user may come back."""
FIRST_HEAT, NEXT_HEATS = 1, 3
"""Steps."""
LEAVING = 3
"""One start in so many goes on to the next heat."""
SPREAD = 1.5
"""Standard deviation of the logarithm of random shares; with 1 they end more alike, with 3 more of them end low."""


@dataclass(frozen=True)
class Ascent:
    """Where an ascent ended.

    Attributes:
        share: ``[..., K]`` best shares met, each row adding up to one.
        rate: ``[...]`` their weighted sum rate, bit/s/Hz.
        start: ``[...]`` which start led there.
        iterations: Steps taken.
    """

    share: FloatArray
    rate: FloatArray
    start: IndexArray
    iterations: int


@dataclass
class _Climbers:
    """Starts under way, a row an instance.

    Attributes:
        share: ``[I, S, K]`` where they are.
        error: ``[I, S, K, K]`` the error matrices there.
        best: ``[I, S, K]`` best shares met.
        rate: ``[I, S]`` their rates.
        start: ``[I, S]`` where they come from.
    """

    share: FloatArray
    error: ComplexArray
    best: FloatArray
    rate: FloatArray
    start: IndexArray

    def keep(self, count: int) -> None:
        """The best ``count`` of each instance go on."""
        if count == self.rate.shape[1]:
            return
        row = np.arange(len(self.rate))[:, None]
        if count == 1:
            chosen = self.rate.argmax(axis=1)[:, None]
        else:
            chosen = np.argpartition(self.rate, -count, axis=1)[:, -count:]
        self.share, self.error, self.best, self.rate, self.start = (
            values[row, chosen] for values in (self.share, self.error, self.best, self.rate, self.start)
        )


def equal_shares(gram: ComplexArray) -> FloatArray:
    """``[..., K]``: where an ascent begins that knows nothing."""
    return np.full(gram.shape[:-1], 1.0 / gram.shape[-1])


@lru_cache(maxsize=256)
def many_shares(users: int, count: int) -> FloatArray:
    """Starts that know nothing, ``[count, K]``: equal shares, then random ones, always the same for a number of users.

    A larger count begins with those of a smaller one.
    """
    drawn = np.exp(SPREAD * np.random.default_rng(users).standard_normal((max(count - 1, 0), users)))
    shares = np.concatenate([np.ones((1, users)), drawn])[:count]
    shares /= shares.sum(axis=-1, keepdims=True)
    shares.flags.writeable = False
    return shares


def dual_step(
    error: ComplexArray, share: FloatArray, weights: FloatArray, exponent: FloatArray | None = None
) -> FloatArray:
    """The next shares ``[..., K]``; with exponents ``[..., 1]`` in place of three halves."""
    gradient = dual_gradient(error, weights)
    total = np.maximum(np.add.reduce(gradient, axis=-1, keepdims=True), FLOOR)
    # Three halves is a product and a root, which cost a tenth of a power; so do two bounds against `np.clip`.
    factor = np.minimum(np.maximum(gradient / (total * share), 1.0 / LARGEST_FACTOR), LARGEST_FACTOR)
    if exponent is None:
        factor *= np.sqrt(factor)
    else:
        factor = np.minimum(np.maximum(factor**exponent, 1.0 / LARGEST_CHANGE), LARGEST_CHANGE)
    moved = np.maximum(share * factor, FLOOR)
    following: FloatArray = moved / np.add.reduce(moved, axis=-1, keepdims=True)
    return following


def first_steps(
    gram: ComplexArray, weights: FloatArray, count: int, error: ComplexArray | None = None
) -> tuple[FloatArray, ComplexArray]:
    """Shares ``[..., K]`` after ``count`` steps from equal ones, and their error matrices ``[..., K, K]``.

    Args:
        gram: ``[..., K, K]`` Gram matrices of normalised channels.
        weights: ``[..., K]`` rate weights, not negative.
        count: Steps.
        error: ``[..., K, K]`` error matrices of equal shares, where they are known.
    """
    share = equal_shares(gram)
    error = error_matrix(gram, share) if error is None else error
    for _ in range(count):
        share = dual_step(error, share, weights)
        error = error_matrix(gram, share)
    return share, error


def heats(starts: int, steps: int) -> list[tuple[int, int]]:
    """(starts still running, steps) of every heat, ``steps`` in all; the last is the winner's."""
    planned: list[tuple[int, int]] = []
    while starts > 1 and steps > 0:
        taken = min(NEXT_HEATS if planned or starts <= LEAVING else FIRST_HEAT, steps)
        planned.append((starts, taken))
        starts, steps = -(-starts // LEAVING), steps - taken
    if steps > 0 or not planned:
        planned.append((starts, steps))
    return planned


def dual_ascent(gram: ComplexArray, weights: FloatArray, start: FloatArray, stopping: Stopping) -> Ascent:
    """The best of several starts, which race.

    Args:
        gram: ``[..., K, K]`` Gram matrices of normalised channels.
        weights: ``[..., K]`` rate weights, not negative.
        start: ``[..., S, K]`` shares, not negative.
        stopping: When to end; the tolerance is on the best rates met, and ends a heat once no start gains more.
    """
    shape, (starts, users) = gram.shape[:-2], start.shape[-2:]
    matrix = gram.reshape(-1, 1, users, users)
    weight = np.empty((*shape, 1, users))
    weight[..., 0, :] = weights
    weight = weight.reshape(-1, 1, users)
    share = np.maximum(start, FLOOR).reshape(-1, starts, users)
    share = share / share.sum(axis=-1, keepdims=True)
    error = error_matrix(matrix, share)
    begun = np.arange(starts)[None].repeat(len(share), axis=0)
    climbers = _Climbers(share, error, share, dual_rate(error, weight), begun)
    iterations = 0
    for running, steps in heats(starts, stopping.iterations):
        climbers.keep(running)
        exponent = FIRST_EXPONENT if iterations == 0 and starts > 1 else EXPONENT
        taken, expired = _climb(matrix, weight, climbers, steps, stopping, exponent)
        iterations += taken
        if expired:
            break
    climbers.keep(1)
    return Ascent(
        climbers.best.reshape(*shape, users), climbers.rate.reshape(shape), climbers.start.reshape(shape), iterations
    )


def _climb(
    gram: ComplexArray, weights: FloatArray, climbers: _Climbers, steps: int, stopping: Stopping, exponent: float
) -> tuple[int, bool]:
    """Steps taken, the first with ``exponent``, and whether the clock ran out."""
    exponents = np.full((*climbers.rate.shape, 1), exponent)
    for done in range(steps):
        if stopping.expired():
            return done, True
        climbers.share = dual_step(climbers.error, climbers.share, weights, exponents)
        climbers.error = error_matrix(gram, climbers.share)
        top = climbers.rate
        gain = dual_rate(climbers.error, weights) - top
        rose = (gain > 0)[..., None]
        climbers.best = np.where(rose, climbers.share, climbers.best)
        exponents = np.where(rose, np.minimum(GROWTH * exponents, LARGEST_EXPONENT), CAUTIOUS_EXPONENT)
        climbers.rate = top + np.maximum(gain, 0.0)
        if stopping.tolerance > 0 and bool((np.abs(gain) <= stopping.tolerance * top).all()):
            return done + 1, False
    return steps, False
