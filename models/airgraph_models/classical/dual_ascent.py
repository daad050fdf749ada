r"""Ascent of a downlink's weighted sum rate over the shares of its dual uplink.

With :math:`g_j = \partial R / \partial \log q_j` (`dual_uplink`), a stationary q has :math:`g_j = \lambda q_j` for
every user who sends, and :math:`\lambda = \sum_j g_j` as the shares add up to one. So the step is

.. math::
    q_j \leftarrow q_j \left(\frac{g_j}{\lambda q_j}\right)^{3/2}, \qquad \text{then scaled to } \sum_j q_j = 1,

with the factor kept within a tenth and ten: a user who costs the others more than it gains fades. The exponent of one
is the plain fixed point; three halves goes further, which pays while far from the end and may overshoot near it, so
the best shares met are what is returned. A step is one K x K inverse, costs about half of one of `reduced_wmmse`, and
takes the rate as far as two to four of those. Our own; the dual is that of `dual_uplink`.

Many starts race: all take `FIRST_HEAT` step, the best third goes on for `NEXT_HEATS` steps, and so on until one is
left; their rates are looked at between heats. The first heat has as many steps as the next ones where there are only a
few starts. The winner is looked at after every step: while its rate rises its exponent grows, and falls back to one
where it does not, because users who are to fall silent at low levels would otherwise take a hundred steps.
Dropping what is behind is successive halving (Jamieson and Talwalkar 2016).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from airgraph_models.arrays.namespace import namespace_of
from airgraph_models.classical.beam_network import IndexArray
from airgraph_models.classical.downlink import ComplexArray, FloatArray
from airgraph_models.classical.dual_uplink import dual_gradient, dual_rate, regularised_inverse
from airgraph_models.classical.stopping import Stopping

LEAST_FACTOR = 0.1
LARGEST_CHANGE = 100.0
"""Of a share in one step, whatever the exponent."""
EXPONENT, CAUTIOUS_EXPONENT, LARGEST_EXPONENT = 1.5, 1.0, 8.0
"""Of a step; the winner's after a heat in which its rate did not rise, and the most."""
GROWTH = 1.5
"""Of the winner's exponent after every heat in which its rate rises."""
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
        gram: ``[I, 1, K, K]`` Gram matrices.
        weights: ``[I, 1, K]`` rate weights.
        share: ``[I, S, K]`` where they are.
        inverse: ``[I, S, K, K]`` the inverses F there.
        best: ``[I, S, K]`` best shares met where the rates were looked at.
        rate: ``[I, S]`` their rates.
        start: ``[I, S]`` where they come from.
    """

    gram: ComplexArray
    weights: FloatArray
    share: FloatArray
    inverse: ComplexArray
    best: FloatArray
    rate: FloatArray
    start: IndexArray

    def keep(self, count: int) -> None:
        """The best ``count`` of each instance go on."""
        if count == self.rate.shape[1]:
            return
        xp = namespace_of(self.rate)
        chosen = xp.argpartition(self.rate, -count, axis=1)[:, -count:]
        row = xp.arange(len(chosen), like=chosen)[:, None]
        self.share, self.inverse, self.best = self.share[row, chosen], self.inverse[row, chosen], self.best[row, chosen]
        self.rate, self.start = self.rate[row, chosen], self.start[row, chosen]

    def step(self, exponent: FloatArray | None) -> None:
        """All take a step."""
        self.share = dual_step(self.inverse, self.share, self.weights, exponent)
        self.inverse = regularised_inverse(self.gram, self.share)

    def look(self) -> FloatArray:
        """What each has gained ``[I, S]`` since the last look, below zero where it fell."""
        xp = namespace_of(self.rate)
        now = dual_rate(self.inverse, self.share, self.weights)
        gain: FloatArray = now - self.rate
        # A new array: the old one may still be the start's.
        self.best = xp.where((gain > 0)[..., None], self.share, self.best)
        self.rate = xp.maximum(now, self.rate)
        return gain


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
    inverse: ComplexArray, share: FloatArray, weights: FloatArray, exponent: FloatArray | None = None
) -> FloatArray:
    """The next shares ``[..., K]`` from inverses F; with exponents ``[..., 1]`` in place of three halves.

    They add up to one, and to `FLOOR` more for each user that it lifts.
    """
    xp = namespace_of(share)
    gradient = dual_gradient(inverse, share, weights)
    total = xp.maximum(xp.add.reduce(gradient, axis=-1, keepdims=True), FLOOR)
    least = total * share
    if exponent is None:
        # Three halves is a product and a root, which cost a tenth of a power, and what all shares have in common falls
        # out of them.
        gained = xp.maximum(gradient, LEAST_FACTOR * least)
        moved = gained * xp.sqrt(gained / share)
    else:
        factor = xp.minimum(xp.maximum(gradient / least, LEAST_FACTOR) ** exponent, LARGEST_CHANGE)
        moved = share * factor
    moved /= xp.add.reduce(moved, axis=-1, keepdims=True)
    lifted: FloatArray = xp.maximum(moved, FLOOR)
    return lifted


def further_steps(
    gram: ComplexArray, weights: FloatArray, share: FloatArray, count: int
) -> tuple[FloatArray, ComplexArray]:
    """Shares ``[..., K]`` after ``count`` steps from given ones, and the inverses F ``[..., K, K]`` there.

    Args:
        gram: ``[..., K, K]`` Gram matrices of normalised channels.
        weights: ``[..., K]`` rate weights, not negative.
        share: ``[..., K]`` shares, positive.
        count: Steps.
    """
    inverse = regularised_inverse(gram, share)
    for _ in range(count):
        share = dual_step(inverse, share, weights)
        inverse = regularised_inverse(gram, share)
    return share, inverse


def heats(starts: int, steps: int) -> list[tuple[int, int]]:
    """(starts still running, steps) of every heat, ``steps`` in all; the last ones are the winner's."""
    planned: list[tuple[int, int]] = []
    while steps > 0 or not planned:
        taken = min(NEXT_HEATS if planned or starts <= LEAVING else FIRST_HEAT, steps)
        planned.append((starts, taken))
        starts, steps = max(1, starts // LEAVING), steps - taken
    return planned


def dual_ascent(gram: ComplexArray, weights: FloatArray, start: FloatArray, stopping: Stopping) -> Ascent:
    """The best of several starts, which race.

    Args:
        gram: ``[..., K, K]`` Gram matrices of normalised channels.
        weights: ``[..., K]`` rate weights, not negative.
        start: ``[..., S, K]`` shares, not negative.
        stopping: When to end; the tolerance is on the winner's best rate met, over each of its heats.
    """
    xp = namespace_of(gram)
    shape, (starts, users) = gram.shape[:-2], start.shape[-2:]
    matrix = gram.reshape(-1, 1, users, users)
    weight = xp.empty((*shape, 1, users), dtype=xp.float64, like=weights)
    weight[..., 0, :] = weights
    weight = weight.reshape(-1, 1, users)
    share = xp.maximum(start, FLOOR).reshape(-1, starts, users)
    share /= xp.add.reduce(share, axis=-1, keepdims=True)
    inverse = regularised_inverse(matrix, share)
    begun = xp.arange(len(share) * starts, like=share).reshape(-1, starts) % starts
    climbers = _Climbers(matrix, weight, share, inverse, share, dual_rate(inverse, share, weight), begun)
    iterations = _race(climbers, heats(starts, stopping.iterations), stopping)
    climbers.keep(1)
    # Up to the floor under silent users' shares they add up to one already.
    best = climbers.best / xp.add.reduce(climbers.best, axis=-1, keepdims=True)
    return Ascent(best.reshape(*shape, users), climbers.rate.reshape(shape), climbers.start.reshape(shape), iterations)


def _race(climbers: _Climbers, planned: list[tuple[int, int]], stopping: Stopping) -> int:
    """Runs the heats; how many steps were taken."""
    xp = namespace_of(climbers.rate)
    taken, exponent = 0, None
    for running, steps in planned:
        climbers.keep(running)
        for done in range(steps):
            if stopping.expired():
                if done:
                    climbers.look()
                return taken + done
            climbers.step(exponent)
        gain = climbers.look()
        taken += steps
        if running == 1:
            if stopping.tolerance > 0 and bool((xp.abs(gain) <= steps * stopping.tolerance * climbers.rate).all()):
                break
            grown = xp.minimum(GROWTH * (EXPONENT if exponent is None else exponent), LARGEST_EXPONENT)
            exponent = xp.where(gain[..., None] > 0, grown, CAUTIOUS_EXPONENT)
    return taken
