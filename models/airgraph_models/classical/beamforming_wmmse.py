r"""WMMSE beamforming with a power budget for each transmitter.

Maximises :math:`\sum_k \alpha_k \log_2(1 + |s_{kk}|^2 / (\sigma_k^2 + \sum_{i \ne k} |s_{ki}|^2))` with
:math:`s_{ki} = h_{k,j(i)} \cdot v_i`, where transmitter j(i) serves receiver i. One iteration is

    u_k = s_kk / (sum_i |s_ki|^2 + noise_k),         w_k = 1 / (1 - |s_kk|^2 / (sum_i |s_ki|^2 + noise_k))
    A_j = sum_r alpha_r w_r |u_r|^2 conj(h_rj) h_rj^T
    v_i = (A_j + mu_j I)^-1 alpha_i w_i u_i conj(h_ij),   mu_j >= 0 from the budget of transmitter j

and the objective never falls. Source: Shi et al. 2011; paper 001, (5) and algorithm 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airgraph_models.arrays.namespace import namespace_of
from airgraph_models.classical.antenna_limits import antenna_limited_step
from airgraph_models.classical.beam_network import BeamNetwork, squared
from airgraph_models.classical.hermitian_eigen import hermitian_eigen
from airgraph_models.classical.power_multiplier import TINY, power_multiplier
from airgraph_models.classical.stopping import Stopping

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]


@dataclass(frozen=True)
class BeamformingSolution:
    """Beams ``[..., K, N]`` and the number of iterations spent on them."""

    beams: ComplexArray
    iterations: int


def beamforming_wmmse(
    network: BeamNetwork,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    start: ComplexArray,
    stopping: Stopping,
    max_antenna_power: FloatArray | None = None,
) -> BeamformingSolution:
    """Runs WMMSE on a batch of equal size, or on one sparse instance.

    Args:
        network: The channels, dense ``[..., K, J, N]`` or sparse.
        weights: ``[..., K]`` rate weights.
        noise_power: ``[..., K]`` noise powers, positive.
        max_power: ``[..., J]`` budgets.
        start: ``[..., K, N]`` feasible beams.
        stopping: When to end.
        max_antenna_power: ``[..., J, N]`` limits, or None. The beamformer step is then exact block
            minimisation over the antennas, monotone like the unconstrained one.
    """
    xp = namespace_of(start)
    matched = network.direct.conj()
    beams = start
    previous: FloatArray | None = None
    multiplier: FloatArray | None = None
    iteration = 0
    while iteration < stopping.iterations and not stopping.expired():
        own, heard = network.received(beams)
        total = heard + noise_power
        rest = xp.maximum(total - squared(own), noise_power)
        if stopping.tolerance > 0:
            objective = (weights * xp.log2(total / rest)).sum(axis=-1)
            if previous is not None and bool((objective - previous <= stopping.tolerance * objective).all()):
                break
            previous = objective
        receiver = own / total
        priced = weights * (total / rest)
        leakage = network.leakage(priced * squared(receiver))
        target = (priced * receiver)[..., None] * matched
        if max_antenna_power is None:
            beams, multiplier = _budgeted_step(network, leakage, target, max_power, multiplier)
        else:
            beams = antenna_limited_step(
                leakage, target, beams, max_antenna_power, max_power, network.serving, network.per_transmitter
            )
        iteration += 1
    return BeamformingSolution(beams, iteration)


def _budgeted_step(
    network: BeamNetwork,
    leakage: ComplexArray,
    target: ComplexArray,
    max_power: FloatArray,
    guess: FloatArray | None,
) -> tuple[ComplexArray, FloatArray]:
    """``(A_j + mu_j I)^-1 b_i`` in the eigenbasis of each transmitter's A, and the multipliers."""
    xp = namespace_of(target)
    serving = network.serving
    values, vectors = hermitian_eigen(leakage)
    basis = vectors[..., serving, :, :]
    inside = xp.einsum("...nm,...n->m...", basis.conj(), target)
    mu = power_multiplier(values, network.per_transmitter(squared(inside)), max_power, guess)
    shifted = xp.maximum(values + mu, TINY)[..., serving]
    return xp.einsum("...nm,m...->...n", basis, inside / shifted), mu
