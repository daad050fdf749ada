r"""A race of WMMSE starts: many short runs, the best few go on, the winner runs to the end.

Multi-start WMMSE spends most of its time on starts that are behind after a few iterations. Here S starts run sixteen
iterations, the best quarter sixteen more, the best sixteenth twenty more, and so on until one is left. And every
iteration takes twice the step that WMMSE takes, in the logarithm of the amplitude,

.. math::
    v \leftarrow \min\bigl(\sqrt{P}, v_\text{WMMSE}(v)^2 / v\bigr),

which reaches the rate of 30 plain iterations in 10 to 15, because WMMSE approaches silence and full power from one
side and slowly. A doubled step may overshoot, so that the race alone ascends only in the mean: whoever needs a monotone
answer compares the winner with the best start and ends with plain iterations.

Source: the iteration is that of `airgraph_models.classical.scalar_wmmse`; dropping what is behind is successive halving
(Jamieson and Talwalkar 2016); over-relaxation is standard for fixed-point iterations. All in single precision, with
noise and budgets one. Dense gains race where their arrays lie (`airgraph_models.arrays`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt
from scipy import sparse

from airgraph_models.arrays.namespace import namespace_of
from airgraph_models.classical.stopping import Stopping

Float32Array = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]
IndexArray = npt.NDArray[np.intp]

LEAVING = 4
"""One start in so many goes on to the next stage."""
FIRST_STAGE, NEXT_STAGES = 16, (16, 20)
"""Iterations; with half as many, starts that would have won drop out at 30 dB and above."""
SMALLEST_AMPLITUDE = np.float32(1e-15)
"""Silence in the logarithm: 300 dB below the budget."""
SMALLEST_SNR = 1e-20
"""In place of none at all: so a step never divides by zero."""
SMALLEST_WEIGHT = 1e-12
"""Of the largest; in place of zero, for the same reason."""
CHECKED_EVERY = 5
"""Iterations of the winner between two looks at its rate."""


@dataclass(frozen=True)
class Interference:
    """Gains as the two products that the race needs; noise and budgets one.

    Attributes:
        direct: ``[..., 1, K]`` signal-to-noise ratios of the pairs themselves, never quite zero.
        received: ``[..., S, K]`` powers -> ``sum_{j != k} snr[k, j] p_j``; without the pair's own, which would drown a
            weak sum in single precision.
        caused: ``[..., S, K]`` prices -> ``sum_k snr[k, j] x_k``, the pair's own among them.
    """

    direct: Float32Array
    received: Callable[[Float32Array], Float32Array]
    caused: Callable[[Float32Array], Float32Array]

    @classmethod
    def dense(cls, snr: npt.NDArray[np.floating]) -> Interference:
        """From ``snr [..., K, K]``, receiver first."""
        xp = namespace_of(snr)
        gain = xp.maximum(xp.asarray(snr, xp.float32), SMALLEST_SNR)
        pairs = gain.shape[-1]
        # A copy even of one pair, whose matrix is its own transpose.
        turned = xp.copy(gain.swapaxes(-1, -2), "C")
        own = turned.reshape(*gain.shape[:-2], -1)[..., :: pairs + 1]
        direct = xp.copy(own[..., None, :], "C")
        own[...] = 0.0
        matmul = xp.matmul
        return cls(direct, lambda power: matmul(power, turned), lambda price: matmul(price, gain))

    @classmethod
    def sparse(cls, snr: sparse.csr_array) -> Interference:
        """From a ``[K, K]`` sparse matrix."""
        own = np.maximum(snr.diagonal(), SMALLEST_SNR)
        others = snr - sparse.diags_array(snr.diagonal())
        gain = others.astype(np.float32).tocsr()
        turned = (others + sparse.diags_array(own)).T.astype(np.float32).tocsr()
        direct = own.astype(np.float32)[None]
        return cls(direct, lambda power: (gain @ power.T).T, lambda price: (turned @ price.T).T)

    def rate(self, weights: Float32Array, amplitude: Float32Array) -> Float32Array:
        """Weighted sum rate ``[..., S]`` in nat/s/Hz."""
        xp = namespace_of(amplitude)
        power = amplitude * amplitude
        ratio = self.direct * power / (1.0 + self.received(power))
        total: Float32Array = (weights * xp.log1p(ratio)).sum(axis=-1)
        return total


@dataclass(frozen=True)
class Winner:
    """Who is left.

    Attributes:
        power: ``[..., K]`` shares of the budgets, single precision.
        start: ``[...]`` which start led to it.
        iterations: Of the winner.
    """

    power: Float32Array
    start: IndexArray
    iterations: int


def stages(starts: int, iterations: int) -> Iterator[tuple[int, int]]:
    """(starts still running, iterations) of every stage, ``iterations`` in all; the last stage is the winner's."""
    left = iterations
    for wanted in chain((FIRST_STAGE, *NEXT_STAGES), repeat(NEXT_STAGES[-1])):
        if starts == 1 or left == 0:
            break
        yield starts, min(wanted, left)
        left -= min(wanted, left)
        starts = max(1, starts // LEAVING)
    if left:
        yield 1, left


def race(interference: Interference, weights: FloatArray, start: FloatArray, stopping: Stopping) -> Winner:
    """Runs the race.

    Args:
        interference: The gains.
        weights: ``[..., 1, K]`` rate weights.
        start: ``[..., S, K]`` shares of the budgets, S starts an instance.
        stopping: Bounds the iterations of the winner; its tolerance is for the last stage.
    """
    xp = namespace_of(start)
    largest = xp.maximum.reduce(weights, axis=-1, keepdims=True)
    shares = weights / xp.where(largest > 0, largest, 1.0)
    rate_weights = xp.asarray(xp.maximum(shares, SMALLEST_WEIGHT), xp.float32)
    amplitude = xp.maximum(xp.asarray(xp.sqrt(start), xp.float32), SMALLEST_AMPLITUDE)
    alive: IndexArray = xp.broadcast_to(xp.arange(start.shape[-2], like=start), start.shape[:-1])
    spent = 0
    for running, planned in stages(start.shape[-2], stopping.iterations):
        amplitude, alive = _fittest(interference, rate_weights, amplitude, alive, running)
        if running == 1:
            spent += _finish(interference, rate_weights, amplitude, planned, stopping)
            break
        done = _relax(interference, rate_weights, amplitude, planned, stopping)
        spent += done
        if done < planned:
            break
    amplitude, alive = _fittest(interference, rate_weights, amplitude, alive, 1)
    power = (amplitude * amplitude)[..., 0, :]
    return Winner(xp.where(power > SMALLEST_AMPLITUDE, power, np.float32(0.0)), alive[..., 0], spent)


def _fittest(
    interference: Interference, weights: Float32Array, amplitude: Float32Array, alive: IndexArray, kept: int
) -> tuple[Float32Array, IndexArray]:
    if kept == alive.shape[-1]:
        return amplitude, alive
    xp = namespace_of(amplitude)
    rate = interference.rate(weights, amplitude)
    best = xp.argpartition(rate, -kept, axis=-1)[..., -kept:]
    return xp.take_along_axis(amplitude, best[..., None], axis=-2), xp.take_along_axis(alive, best, axis=-1)


def _finish(
    interference: Interference, weights: Float32Array, amplitude: Float32Array, iterations: int, stopping: Stopping
) -> int:
    """Iterates in place until the rate stands still; how many iterations that took."""
    before: Float32Array | float = -np.inf
    spent = 0
    while spent < iterations:
        planned = min(CHECKED_EVERY, iterations - spent)
        done = _relax(interference, weights, amplitude, planned, stopping)
        spent += done
        if done < planned:
            break
        if stopping.tolerance > 0:
            rate = interference.rate(weights, amplitude)
            if bool((rate - before <= CHECKED_EVERY * stopping.tolerance * rate).all()):
                break
            before = rate
    return spent


# A step beyond single precision is infinite or nothing: full power or silence, whichever it was headed for.
@np.errstate(over="ignore", divide="ignore")
def _relax(
    interference: Interference, weights: Float32Array, amplitude: Float32Array, iterations: int, stopping: Stopping
) -> int:
    """Doubled WMMSE steps on ``amplitude`` in place; how many were done before the clock ran out."""
    xp = namespace_of(amplitude)
    direct = interference.direct
    gain_weight = weights * direct
    power, total = xp.empty_like(amplitude), xp.empty_like(amplitude)
    for done in range(iterations):
        if stopping.expired():
            return done
        xp.multiply(amplitude, amplitude, out=power)
        rest = interference.received(power)
        rest += 1.0
        xp.multiply(power, direct, out=total)
        total += rest
        # What a unit of interference costs each receiver: alpha w u^2 of WMMSE.
        power *= gain_weight
        # One after the other: their product exceeds single precision where there is next to no noise.
        power /= total
        power /= rest
        price = interference.caused(power)
        # v_WMMSE / v is alpha g_kk over this product, and the doubled step takes it twice.
        price *= rest
        xp.divide(gain_weight, price, out=price)
        price *= price
        amplitude *= price
        xp.minimum(amplitude, 1.0, out=amplitude)
        xp.maximum(amplitude, SMALLEST_AMPLITUDE, out=amplitude)
    return iterations
