r"""WMMSE for single-antenna pairs, in closed form per iteration.

Maximises :math:`\sum_k \alpha_k \log_2(1 + g_{kk} p_k / (\sigma_k^2 + \sum_{j \ne k} g_{kj} p_j))` over
:math:`0 \le p_k \le P_k`. With :math:`v = \sqrt{p}`, one iteration is

    u_k = sqrt(g_kk) v_k / (sum_j g_kj v_j^2 + noise_k)
    w_k = 1 / (1 - u_k sqrt(g_kk) v_k)
    v_k = clip(alpha_k w_k u_k sqrt(g_kk) / sum_j alpha_j w_j u_j^2 g_jk, 0, sqrt(P_k))

and the objective never falls. Source: Shi et al. 2011, in the scalar form that papers 001 and 003 compare
with (001, algorithm 2; 003, (7)-(9)). From full power, continuous FPLinQ is the same iteration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from airgraph_models.arrays.namespace import namespace_of
from airgraph_models.classical.stopping import Stopping

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Crosstalk:
    """The gain matrix as the two products that WMMSE needs, dense or sparse.

    Attributes:
        direct: ``[..., 1, K]`` gains of the pairs themselves.
        received: ``[..., S, K]`` powers -> ``sum_j gain[k, j] p_j``.
        caused: ``[..., S, K]`` prices -> ``sum_k gain[k, j] x_k``.
    """

    direct: FloatArray
    received: Callable[[FloatArray], FloatArray]
    caused: Callable[[FloatArray], FloatArray]

    @classmethod
    def dense(cls, gain: FloatArray) -> Crosstalk:
        """From ``gain [..., K, K]``; all the starts of an instance share one matrix product."""
        xp = namespace_of(gain)
        turned = gain.swapaxes(-1, -2)
        direct = xp.diagonal(gain, axis1=-2, axis2=-1)[..., None, :]
        return cls(direct, lambda power: power @ turned, lambda price: price @ gain)

    @classmethod
    def sparse(cls, gain: sparse.csr_array, direct: FloatArray) -> Crosstalk:
        """From a ``[K, K]`` sparse matrix and its diagonal ``[K]``."""
        turned = gain.T.tocsr()
        return cls(direct[None], lambda power: (gain @ power.T).T, lambda price: (turned @ price.T).T)


@dataclass(frozen=True)
class ScalarSolution:
    """Powers ``[..., S, K]`` and the number of iterations spent on them."""

    power: FloatArray
    iterations: int


def scalar_wmmse(
    crosstalk: Crosstalk,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    start: FloatArray,
    stopping: Stopping,
) -> ScalarSolution:
    """Runs WMMSE from every start at once.

    Args:
        crosstalk: The gains.
        weights: ``[..., 1, K]`` rate weights.
        noise_power: ``[..., 1, K]`` noise powers, positive.
        max_power: ``[..., 1, K]`` budgets.
        start: ``[..., S, K]`` feasible powers, S starts an instance.
        stopping: When to end.
    """
    xp = namespace_of(start)
    ceiling = xp.sqrt(max_power)
    amplitude = xp.sqrt(crosstalk.direct)
    v = xp.sqrt(start)
    previous: FloatArray | None = None
    iteration = 0
    while iteration < stopping.iterations and not stopping.expired():
        power = v * v
        total = crosstalk.received(power) + noise_power
        # Interference plus noise is never below the noise: the maximum undoes cancellation at high SNR.
        rest = xp.maximum(total - crosstalk.direct * power, noise_power)
        if stopping.tolerance > 0:
            objective = (weights * xp.log2(total / rest)).sum(axis=-1)
            if previous is not None and bool((objective - previous <= stopping.tolerance * objective).all()):
                break
            previous = objective
        u = amplitude * v / total
        weighted = weights * u * (total / rest)
        wanted = weighted * amplitude
        price = crosstalk.caused(weighted * u)
        # A silent pair (no weight, no gain, zero start) asks for 0 / 0: it stays silent.
        v = xp.minimum(xp.divide(wanted, price, out=xp.zeros_like(wanted), where=price > 0), ceiling)
        iteration += 1
    return ScalarSolution(xp.minimum(v * v, max_power), iteration)
