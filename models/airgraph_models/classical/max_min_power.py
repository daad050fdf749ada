r"""Powers that maximise the smallest SINR, where interference is linear in the powers.

K users with powers :math:`0 \le p_k \le 1` reach

.. math::
    \text{SINR}_k(p) = \frac{p_k}{I_k(p)}, \qquad I(p) = F p + u, \qquad F \ge 0,\ u > 0,

and :math:`t^\star = \max_p \min_k \text{SINR}_k(p)` is reached where all SINRs are equal and one power is full. Four
ways there, all exact:

* the spectral radius: :math:`t^\star = \min_k 1 / \rho(F + u e_k^T)`, the powers are the Perron vector of the matrix
  that attains it (Tan, Chiang, Srikant 2013);
* bisection on t, feasible where :math:`\rho(tF) < 1` and :math:`(I - tF)^{-1} t u \le 1` (paper 000, VI-B5);
* the normalised fixed point :math:`p \leftarrow I(p) / \max_k I_k(p)`, which converges geometrically from any start and
  whose smallest SINR never falls: with :math:`p \ge t I(p)` and :math:`c = \max I(p) \le 1/t`, the next powers
  :math:`p' = I(p)/c` satisfy :math:`t I(p') \le F p / c + t u \le p'`;
* the same in leaps: as long as one user k has the largest load, the fixed point is the power iteration of
  :math:`B_k = F + u e_k^T`, and :math:`2^n` of its steps are n squarings of a small matrix.

Powers of which one is full bound the optimum from both sides (Collatz and Wielandt, for :math:`B_k` with
:math:`p_k = 1`): :math:`\min_k \text{SINR}_k(p) \le t^\star \le \max_k \text{SINR}_k(p)`. Leaps end where both meet.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.stopping import Stopping

FloatArray = npt.NDArray[np.float64]

BISECTION_ACCURACY = 1e-9
"""Relative, of the smallest SINR."""
SQUARINGS = (4, 4)
"""Of a leap; after each group the matrix is brought back to a largest entry of one."""
LARGEST_SQUARED = 64
"""Users: above, 256 plain steps are cheaper than eight products of matrices."""
MOST_LEAPS = 12
"""Two to four are usual. A leap with the wrong k may descend; after so many only plain steps follow, which ascend."""
ROUNDING = 1e-12
"""Bounds this close have met."""


@dataclass(frozen=True)
class MaxMin:
    """Powers found.

    Attributes:
        power: ``[..., K]`` in 0..1.
        sinr: ``[...]`` smallest SINR, linear.
        iterations: How many were run.
    """

    power: FloatArray
    sinr: FloatArray
    iterations: int


def interference(coupling: FloatArray, noise: FloatArray, power: FloatArray) -> FloatArray:
    """:math:`F p + u` for ``coupling [..., K, K]``, ``noise [..., K]`` and ``power [..., K]``."""
    total: FloatArray = (coupling @ power[..., None])[..., 0] + noise
    return total


def smallest_sinr(coupling: FloatArray, noise: FloatArray, power: FloatArray) -> FloatArray:
    """``[...]`` smallest SINR, linear."""
    smallest: FloatArray = (power / interference(coupling, noise, power)).min(axis=-1)
    return smallest


def fixed_point(coupling: FloatArray, noise: FloatArray, start: FloatArray, stopping: Stopping) -> MaxMin:
    """The normalised fixed point.

    Args:
        coupling: ``[..., K, K]`` F, victim first, not negative.
        noise: ``[..., K]`` u, positive.
        start: ``[..., K]`` powers in 0..1.
        stopping: When to end; the tolerance is on the smallest SINR, of the slowest instance of a batch.
    """
    power = start
    load = interference(coupling, noise, power)
    reached = (power / load).min(axis=-1)
    iterations = 0
    while iterations < stopping.iterations and not stopping.expired():
        moved = load / load.max(axis=-1, keepdims=True)
        load = interference(coupling, noise, moved)
        sinr = (moved / load).min(axis=-1)
        iterations += 1
        gain = sinr - reached
        # Rounding at convergence may undo a last digit: what was there stays.
        power = np.where((gain >= 0)[..., None], moved, power)
        converged = bool((gain <= stopping.tolerance * sinr).all())
        reached = np.maximum(sinr, reached)
        if stopping.tolerance > 0 and converged:
            break
    return MaxMin(power, reached, iterations)


def leaping_fixed_point(coupling: FloatArray, noise: FloatArray, start: FloatArray, stopping: Stopping) -> MaxMin:
    """The normalised fixed point in leaps of 256 steps, each iteration a leap and two plain steps.

    Args:
        coupling: ``[..., K, K]`` F, victim first, not negative.
        noise: ``[..., K]`` u, positive.
        start: ``[..., K]`` powers in 0..1.
        stopping: When to end; the tolerance is on the bound of the optimum over the smallest SINR, less one, of the
            slowest instance of a batch.

    Returns:
        The best powers of any iteration, never worse than the start.
    """
    power, load = start, interference(coupling, noise, start)
    reached = (power / load).min(axis=-1)
    bound: FloatArray = np.full(reached.shape, np.inf)
    enough = 1.0 + max(stopping.tolerance, ROUNDING)
    leaps = MOST_LEAPS if noise.shape[-1] <= LARGEST_SQUARED else 0
    iterations = 0
    while iterations < stopping.iterations and not stopping.expired():
        if iterations < leaps:
            load = _leap(coupling, noise, load)
        elif iterations == leaps:
            load = interference(coupling, noise, power)
        moved = load / load.max(axis=-1, keepdims=True)
        load = interference(coupling, noise, moved)
        ratio = moved / load
        smallest = ratio.min(axis=-1)
        bound = np.minimum(bound, ratio.max(axis=-1))
        power = np.where((smallest > reached)[..., None], moved, power)
        reached = np.maximum(reached, smallest)
        iterations += 1
        if (bound <= enough * reached).all():
            break
    return MaxMin(power, reached, iterations)


def _leap(coupling: FloatArray, noise: FloatArray, load: FloatArray) -> FloatArray:
    """The load ``[..., K]``, up to a factor, after 256 steps in which the user of the largest load stays the same."""
    full = np.arange(noise.shape[-1]) == load.argmax(axis=-1)[..., None]
    steps = coupling + noise[..., None] * full[..., None, :]
    for count in SQUARINGS:
        steps = steps / steps.max(axis=(-2, -1), keepdims=True)
        for _ in range(count):
            steps = steps @ steps
    moved = (steps @ load[..., None])[..., 0]
    later: FloatArray = interference(coupling, noise * moved.max(axis=-1, keepdims=True), moved)
    return later


def spectral_optimum(coupling: FloatArray, noise: FloatArray) -> MaxMin:
    """The exact optimum by the spectral radius, for ``coupling [..., K, K]`` and ``noise [..., K]``."""
    users = noise.shape[-1]
    # Axes: ..., which power is full, K, K.
    matrices = coupling[..., None, :, :] + noise[..., None, :, None] * np.eye(users)[:, None, :]
    values, vectors = np.linalg.eig(matrices)
    largest = np.argmax(values.real, axis=-1)
    radius = np.take_along_axis(values.real, largest[..., None], axis=-1)[..., 0]
    full = np.argmax(radius, axis=-1)
    perron = np.take_along_axis(vectors, largest[..., None, None], axis=-1)[..., 0]
    power = np.abs(np.take_along_axis(perron, full[..., None, None], axis=-2)[..., 0, :])
    power /= power.max(axis=-1, keepdims=True)
    return MaxMin(power, smallest_sinr(coupling, noise, power), 1)


def bisection(
    coupling: FloatArray, noise: FloatArray, accuracy: float = BISECTION_ACCURACY, width: float = 0.0
) -> MaxMin:
    """The optimum by bisection on the smallest SINR, for one instance ``[K, K]``, ``[K]``.

    It ends at a relative ``accuracy``, or when the bounds are within an absolute ``width`` of each other.
    """
    users = len(noise)
    power: FloatArray = np.ones(users)
    low = float(smallest_sinr(coupling, noise, power))
    high = float((1.0 / (noise + np.diagonal(coupling))).min())
    steps = 0
    while high > max(low * (1.0 + accuracy), low + width):
        target = 0.5 * (low + high)
        needed = _powers_for(coupling, noise, target)
        steps += 1
        if needed is None:
            high = target
        else:
            low, power = target, needed
    return MaxMin(power, smallest_sinr(coupling, noise, power), steps)


def _powers_for(coupling: FloatArray, noise: FloatArray, target: float) -> FloatArray | None:
    """The least powers that give everyone ``target``; None where there are none within the budget."""
    power = np.asarray(np.linalg.solve(np.eye(len(noise)) - target * coupling, target * noise), np.float64)
    # Beyond the spectral radius the solution has an entry below zero.
    feasible = bool((power >= 0).all() and (power <= 1.0).all())
    return power if feasible else None
