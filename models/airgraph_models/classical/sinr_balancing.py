r"""SINR balancing and minimum power of a downlink, exact, by its dual uplink.

With budget P, a downlink and its dual uplink with the same channels reach the same SINRs with the same sum power
(Schubert and Boche, "Solution of the multiuser downlink beamforming problem with individual SINR constraints", 2004).
In the uplink with powers q the best receivers give, with :math:`S_k(q) = [A (I + \operatorname{diag}(q) A)^{-1}]_{kk}`
on the Gram matrix A of the channels in units of noise and budget,

    SINR_k(q) = q_k a_k(q),   a_k = S_k / (1 - q_k S_k),

so that targets g are met with least power at the fixed point of :math:`q_k = g_k / a_k(q)`, and the largest common
fraction of all targets is reached at that of the same map scaled to the budget. Both are standard interference
functions (Yates 1995): the first iteration climbs to its solution from zero, the second converges from any start.
Every iterate brackets the balanced level: :math:`\min_k SINR_k / g_k \le t^* \le \max_k SINR_k / g_k`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import ComplexArray, FloatArray, adjoint, normalised
from airgraph_models.classical.linear_precoding import with_power

ACCURACY = 1e-8
MOST_STEPS = 500
LARGEST_TARGET = 1e60


@dataclass(frozen=True)
class Balance:
    """Whether SINR targets can be met, and how.

    Attributes:
        level: Largest fraction of all targets that can be reached together; at least 1 where they can be met,
            infinite where nothing is asked.
        precoder: ``[N, K]`` that reaches that fraction of every target with the whole budget.
        frugal: ``[N, K]`` that meets the targets with the least power; None where they cannot be met.
        steps: Iterations that the level took.
    """

    level: float
    precoder: ComplexArray
    frugal: ComplexArray | None
    steps: int = 0


def target_sinr(rate: FloatArray) -> FloatArray:
    """The SINR ``[..., K]`` that a rate in bit/s/Hz needs, bounded where no radio reaches."""
    target: FloatArray = np.minimum(np.expm1(np.minimum(rate, 1000.0) * np.log(2.0)), LARGEST_TARGET)
    return target


def balance(channel: ComplexArray, noise_power: FloatArray, max_power: FloatArray, target: FloatArray) -> Balance:
    """Solves both problems for one channel.

    Args:
        channel: ``[K, N]``.
        noise_power: ``[K]`` noise powers, positive.
        max_power: Sum-power budget, positive.
        target: ``[K]`` SINR targets, not negative; 0 asks nothing.
    """
    unit = normalised(channel, noise_power, max_power)
    gram = unit @ adjoint(unit)
    asked = target > 0
    heard = asked & (np.diagonal(gram).real > 0)
    silent = np.zeros(channel.T.shape, np.complex128)
    if not asked.any():
        return Balance(np.inf, silent, silent)
    if not heard.any():
        return Balance(0.0, silent, None)
    # A user without a channel cannot be helped; the others are balanced all the same.
    goal = np.where(heard, target, 0.0)
    uplink, level, steps = _balanced(gram, goal)
    amplitude = np.sqrt(max_power)
    precoder = amplitude * downlink_of(unit, uplink, goal * level)
    if not heard[asked].all():
        return Balance(0.0, precoder, None, steps)
    if level < 1.0:
        return Balance(level, precoder, None, steps)
    frugal = amplitude * downlink_of(unit, _least(gram, goal, uplink), goal)
    return Balance(level, precoder, frugal, steps)


def uplink_gain(gram: ComplexArray, power: FloatArray) -> FloatArray:
    """``a_k(q)``: SINR over power of each user behind its best receiver ``[K]``."""
    system = power[:, None] * gram
    own = np.arange(power.size)
    system[own, own] += 1.0
    # (I + A Q)^-1 A has the same diagonal as A (I + Q A)^-1.
    seen = np.einsum("ki,ik->k", gram, np.linalg.inv(system)).real
    gain: FloatArray = seen / np.maximum(1.0 - power * seen, np.finfo(np.float64).eps)
    return gain


def _balanced(gram: ComplexArray, target: FloatArray) -> tuple[FloatArray, float, int]:
    """Uplink powers with unit sum, the level that all of them reach, and the iterations that took."""
    asked = target > 0
    power = asked / asked.sum()
    level, steps = 0.0, 0
    while steps < MOST_STEPS:
        needed = np.divide(target, uplink_gain(gram, power), out=np.zeros_like(target), where=asked)
        ratio = power[asked] / needed[asked]
        level = float(ratio.min())
        steps += 1
        if ratio.max() <= level * (1.0 + ACCURACY):
            break
        power = needed / needed.sum()
    return power, level, steps


def _least(gram: ComplexArray, target: FloatArray, feasible: FloatArray) -> FloatArray:
    """The least uplink powers that meet the targets, from ones that do: every iterate meets them."""
    asked = target > 0
    power = feasible
    for _ in range(MOST_STEPS):
        needed = np.divide(target, uplink_gain(gram, power), out=np.zeros_like(target), where=asked)
        settled = bool((np.abs(power - needed) <= ACCURACY * needed).all())
        power = needed
        if settled:
            break
    return power


def downlink_of(channel: ComplexArray, uplink: FloatArray, target: FloatArray) -> ComplexArray:
    """The precoder ``[N, K]`` that gives each user the uplink's SINR ``target``, with the uplink's sum power.

    Args:
        channel: ``[K, N]`` in units of noise and budget.
        uplink: ``[K]`` uplink powers whose best receivers reach ``target``.
        target: ``[K]`` SINRs.
    """
    turned = adjoint(channel)
    system = uplink[:, None] * (channel @ turned)
    own = np.arange(uplink.size)
    system[own, own] += 1.0
    direction = with_power(turned @ np.linalg.inv(system), np.ones(uplink.size))
    served = np.flatnonzero(target > 0)
    gain = squared(channel[served] @ direction[:, served])
    coupling = -gain
    picked = np.arange(served.size)
    coupling[picked, picked] = gain[picked, picked] / target[served]
    power = np.zeros(uplink.size)
    power[served] = np.maximum(np.linalg.solve(coupling, np.ones(served.size)), 0.0)
    return with_power(direction, power)
