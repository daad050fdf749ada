"""Beamformer step of WMMSE under per-antenna limits: exact minimisation, one antenna at a time."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.beam_network import squared

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IndexArray = npt.NDArray[np.int64]

SWEEPS = 4
NOTHING = 1e-290
"""A right-hand side below this is silence: dividing by it would overflow."""


def antenna_limited_step(
    leakage: ComplexArray,
    target: ComplexArray,
    beams: ComplexArray,
    limit: FloatArray,
    budget: FloatArray,
    serving: IndexArray | slice,
    per_transmitter: Callable[[FloatArray], FloatArray],
) -> ComplexArray:
    """Lowers ``sum_i v_i^H A v_i - 2 Re(b_i^H v_i)`` from feasible beams, staying feasible.

    With the other antennas held, antenna n of transmitter j has ``c_i = b_in - sum_{m != n} A_nm v_im`` and
    its minimiser is ``c_i`` scaled by ``min(1 / A_nn, sqrt(room / sum_i |c_i|^2))``, where the room is what
    its own limit and the transmitter's budget leave. Every such step is exact, so the objective of WMMSE
    never falls.

    Args:
        leakage: ``[..., J, N, N]`` matrices A.
        target: ``[..., K, N]`` right-hand sides b.
        beams: ``[..., K, N]`` feasible beams.
        limit: ``[..., J, N]`` per-antenna limits.
        budget: ``[..., J]`` sum budgets.
        serving: Index of each beam's transmitter.
        per_transmitter: Sums ``[..., K]`` over the beams of each transmitter.
    """
    v = beams.copy()
    for _ in range(SWEEPS):
        for antenna in range(v.shape[-1]):
            row = leakage[..., serving, antenna, :]
            own = row[..., antenna].real
            wanted = target[..., antenna] - (row * v).sum(axis=-1) + own * v[..., antenna]
            others = squared(v).sum(axis=-1) - squared(v[..., antenna])
            spent = per_transmitter(others)
            room = np.minimum(limit[..., antenna], np.maximum(budget - spent, 0.0))
            asked = per_transmitter(squared(wanted))
            cap = np.sqrt(np.divide(room, asked, out=np.zeros_like(room), where=asked > NOTHING))[..., serving]
            free = np.divide(1.0, own, out=np.full_like(own, np.inf), where=own > 0)
            v[..., antenna] = wanted * np.minimum(free, cap)
    return v
