r"""SDR-AltMin: alternation for partially connected hybrid precoders whose digital half is a semidefinite program.

The analogue half of a digital one is :math:`P_X(F_\text{opt} F_\text{BB}^H)`. The digital half of an analogue one
solves, with :math:`y = [\text{vec}(F_\text{BB}); t]`, :math:`Y = y y^H` without its rank,
:math:`B = I_{N_s} \otimes F_\text{RF}` and :math:`f = \text{vec}(F_\text{opt})`,

.. math::
    \min_{Y \succeq 0} \text{tr}\Bigl(\begin{bmatrix} B^H B & -B^H f \\ -f^H B & f^H f \end{bmatrix} Y\Bigr), \qquad
    \text{tr}\, Y_{:-1,:-1} = \frac{N_\text{RF} N_s}{N_t}, \quad Y_{-1,-1} = 1

The relaxation is tight, and because :math:`B^H B` is a multiple of the identity its solution is a closed form,
`airgraph_models.classical.hybrid_alternation.chain_digital`: solving it as a program only takes longer.

Source: Yu, Shen, Zhang, Letaief, "Alternating minimization algorithms for hybrid precoding in millimeter wave MIMO
systems", IEEE J. Sel. Topics Signal Process. 2016, the reference of paper 000 (VI-C). There entries of the analogue
half have modulus :math:`1/\sqrt{N_t}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from airgraph_models.classical.hybrid_alternation import (
    ComplexArray,
    blocks_of,
    chain_digital,
    partially_connected,
    phases,
)

if TYPE_CHECKING:
    import cvxpy

CHANGE = 1e-3
"""Of the loss, below which the alternation ends."""
MOST_ITERATIONS = 200

DigitalHalf = Callable[[ComplexArray, ComplexArray], ComplexArray]
"""From the blocks ``[R, L, Ns]`` of a digital precoder and phases ``[R, L]`` to the digital half ``[R, Ns]``."""


class SemidefiniteDigital:
    """The digital half by the semidefinite program, compiled once for its size."""

    def __init__(self, chains: int, length: int, streams: int) -> None:
        """Compiles."""
        import cvxpy as cp

        self._shape = streams, chains
        size = chains * streams + 1
        self._power = streams / length
        self._cost = cp.Parameter((size, size), hermitian=True)
        self._lifted = cp.Variable((size, size), hermitian=True)
        limits = [
            self._lifted >> 0,
            cp.real(cp.trace(self._lifted[:-1, :-1])) == self._power,
            cp.real(self._lifted[-1, -1]) == 1,
        ]
        self._problem: cvxpy.Problem = cp.Problem(cp.Minimize(cp.real(cp.trace(self._cost @ self._lifted))), limits)

    def __call__(self, blocks: ComplexArray, shifts: ComplexArray) -> ComplexArray:
        """The digital half ``[R, Ns]``."""
        lift = np.kron(np.eye(self._shape[0]), partially_connected(shifts))
        wanted = blocks.reshape(-1, blocks.shape[-1]).T.reshape(-1)
        joined = np.concatenate([lift, -wanted[:, None]], axis=1)
        self._cost.value = joined.conj().T @ joined
        self._problem.solve(solver="SCS")
        _, vectors = np.linalg.eigh(np.asarray(self._lifted.value))
        leading = vectors[:, -1] / vectors[-1, -1]
        digital = leading[:-1] * np.sqrt(self._power) / np.linalg.norm(leading[:-1])
        found: ComplexArray = digital.reshape(self._shape).T
        return found


def sdr_altmin(
    f_opt: ComplexArray, chains: int, rng: np.random.Generator, digital_half: DigitalHalf = chain_digital
) -> tuple[ComplexArray, ComplexArray, int]:
    """Alternates from one random start, as the source does.

    Args:
        f_opt: ``[Nt, Ns]`` of power Ns.
        chains: R.
        rng: Draws the phases of the start.
        digital_half: Solves for the digital half: `SemidefiniteDigital` or its closed form.

    Returns:
        Phases ``[R, L]``, the digital half ``[R, Ns]``, and the iterations.
    """
    blocks = blocks_of(f_opt, chains)
    shifts = np.exp(2j * np.pi * rng.uniform(size=blocks.shape[:2]))
    before, iterations = np.inf, 0
    while iterations < MOST_ITERATIONS:
        iterations += 1
        digital = digital_half(blocks, shifts)
        error = blocks - shifts[..., None] * digital[:, None]
        loss = float((error.real**2 + error.imag**2).sum())
        if before - loss <= CHANGE:
            break
        before = loss
        shifts = phases((blocks @ digital.conj()[..., None])[..., 0])
    return shifts, digital, iterations
