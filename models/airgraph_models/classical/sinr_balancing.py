r"""SINR balancing and minimum power of a downlink, exact, by its dual uplink.

With budget P, a downlink and its dual uplink with the same channels reach the same SINRs with the same sum power
(Schubert and Boche, "Solution of the multiuser downlink beamforming problem with individual SINR constraints", 2004).
In the uplink with powers q the best receivers hear, with :math:`B = (I + A \operatorname{diag}(q))^{-1}` and M = B A
on the Gram matrix A of the channels in units of noise and budget, :math:`|M_{kj}|^2` of user j's power and
:math:`n_k = [M B^H]_{kk}` of noise, so that

    SINR_k(q) = q_k |M_kk|^2 / (sum_{j != k} q_j |M_kj|^2 + n_k).

For receivers that stay, powers that meet targets g with the least power solve a linear system, and those that reach the
largest common fraction of them from the whole budget are the Perron vector of a matrix that is not negative. Taking
turns, receivers and powers, climbs to the balanced level and descends to the least power faster than linearly (the
article's section IV); a fixed point of the powers alone takes ten times the steps where channels are alike. Every
iterate brackets the balanced level: :math:`\min_k SINR_k / g_k \le t^* \le \max_k SINR_k / g_k`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import ComplexArray, FloatArray, adjoint, normalised
from airgraph_models.classical.linear_precoding import with_power

ACCURACY = 1e-8
MOST_STEPS = 50
SQUARINGS = 7
"""Of the matrix whose Perron vector is sought: as good as 128 steps of the power method."""
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


def _heard(gram: ComplexArray, power: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What the best receivers for powers ``[K]`` make of every user ``[K, K]``, receiver first, and of the noise."""
    users = power.size
    system = gram * power
    system.reshape(users * users)[:: users + 1] += 1.0
    inverse = np.linalg.inv(system)
    receiver = inverse @ gram
    return squared(receiver), np.maximum((receiver * inverse.conj()).sum(axis=1).real, 0.0)


def _balanced(gram: ComplexArray, target: FloatArray) -> tuple[FloatArray, float, int]:
    """Uplink powers with unit sum, the level that all of them reach, and the iterations that took."""
    asked = np.flatnonzero(target > 0)
    goal = target[asked]
    gram = gram[np.ix_(asked, asked)]
    power = np.full(asked.size, 1.0 / asked.size)
    level, steps = 0.0, 0
    while steps < MOST_STEPS:
        heard, noise = _heard(gram, power)
        own = heard.diagonal().copy()
        # What a user must send, over the level, for what it meets.
        needed = (goal / own)[:, None] * (heard + noise[:, None])
        np.fill_diagonal(needed, goal / own * noise)
        ratio = power / (needed @ power)
        level = float(ratio.min())
        steps += 1
        if ratio.max() <= level * (1.0 + ACCURACY):
            break
        power = _perron(needed, power)
    spread = np.zeros(target.shape)
    spread[asked] = power
    return spread, level, steps


def _perron(matrix: FloatArray, start: FloatArray) -> FloatArray:
    """The vector of unit sum that a matrix ``[K, K]`` without negative entries only scales; nearly, by squaring it."""
    for _ in range(SQUARINGS):
        matrix = matrix / matrix.max()
        matrix = matrix @ matrix
    vector = matrix @ start
    found: FloatArray = vector / vector.sum()
    return found


def _least(gram: ComplexArray, target: FloatArray, feasible: FloatArray) -> FloatArray:
    """The least uplink powers that meet the targets, from ones that do: every iterate meets them."""
    asked = np.flatnonzero(target > 0)
    gram = gram[np.ix_(asked, asked)]
    power = feasible[asked]
    for _ in range(MOST_STEPS):
        heard, noise = _heard(gram, power)
        system = -heard
        np.fill_diagonal(system, heard.diagonal() / target[asked])
        needed = np.asarray(np.linalg.solve(system, noise), np.float64)
        settled = bool((np.abs(power - needed) <= ACCURACY * needed).all())
        power = needed
        if settled:
            break
    spread = np.zeros(target.shape)
    spread[asked] = power
    return spread


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
