r"""FPLinQ: power control and link scheduling by fractional programming.

Maximises :math:`\sum_k \alpha_k \log_2(1 + z_k)` with the SINR
:math:`z_k = g_{kk} p_k / (\sigma_k^2 + \sum_{j \ne k} g_{kj} p_j)`. The Lagrangian dual and the quadratic transform
turn it, for given z and y, into a sum of terms that each hold one power only:

.. math::
    f(p) = \text{const} + \sum_k \bigl(2 y_k \sqrt{\alpha_k (1 + z_k) g_{kk} p_k} - p_k \sum_j g_{jk} y_j^2\bigr)

and one iteration maximises over z, y and p in turn:

    z_k = g_kk p_k / (sum_{j != k} g_kj p_j + noise_k)
    y_k = sqrt(alpha_k (1 + z_k) g_kk p_k) / (sum_j g_kj p_j + noise_k)
    p_k = min((y_k sqrt(alpha_k (1 + z_k) g_kk) / sum_j g_jk y_j^2)^2, P_k)

Source: Shen and Yu, "FPLinQ: a cooperative spectrum sharing strategy for device-to-device communications", ISIT
2017. The experiments of paper 000 (section VI-A) run the iteration over 0 <= p <= P, without scheduling: `fplinq`.
With :math:`y_k^2 = \alpha_k w_k u_k^2` it is WMMSE, step for step and from any start, so that two of its figures
differ by their starts alone. `fplinq_scheduling` restricts each pair to off or full power.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airgraph_models.classical.scalar_wmmse import Crosstalk, FloatArray, ScalarSolution
from airgraph_models.classical.stopping import Stopping


@dataclass(frozen=True)
class _Transformed:
    """Coefficients ``[..., S, K]`` of f, ``2 worth sqrt(p) - price p`` for each pair; the objective ``[..., S]``."""

    worth: FloatArray
    price: FloatArray
    objective: FloatArray


def _transform(crosstalk: Crosstalk, weights: FloatArray, noise_power: FloatArray, power: FloatArray) -> _Transformed:
    """The steps of z and y at ``power``."""
    total = crosstalk.received(power) + noise_power
    signal = crosstalk.direct * power
    # Interference plus noise is never below the noise: the maximum undoes cancellation at high SNR.
    sinr = signal / np.maximum(total - signal, noise_power)
    scale = weights * (1.0 + sinr)
    y = np.sqrt(scale * signal) / total
    return _Transformed(
        worth=y * np.sqrt(scale * crosstalk.direct),
        price=crosstalk.caused(y * y),
        objective=(weights * np.log2(1.0 + sinr)).sum(axis=-1),
    )


def fplinq(
    crosstalk: Crosstalk,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    start: FloatArray,
    stopping: Stopping,
) -> ScalarSolution:
    """Runs continuous FPLinQ from every start at once; the objective never falls.

    Args:
        crosstalk: The gains.
        weights: ``[..., 1, K]`` rate weights.
        noise_power: ``[..., 1, K]`` noise powers, positive.
        max_power: ``[..., 1, K]`` budgets.
        start: ``[..., S, K]`` feasible powers, S starts an instance. A pair that starts silent stays silent.
        stopping: When to end.
    """
    power = start
    previous: FloatArray | None = None
    iteration = 0
    while iteration < stopping.iterations and not stopping.expired():
        pairs = _transform(crosstalk, weights, noise_power, power)
        if stopping.tolerance > 0:
            gained = np.inf if previous is None else pairs.objective - previous
            if bool((gained <= stopping.tolerance * pairs.objective).all()):
                break
            previous = pairs.objective
        # A silent pair (no weight, no gain, zero start) asks for 0 / 0: it stays silent.
        root = np.divide(pairs.worth, pairs.price, out=np.zeros_like(pairs.worth), where=pairs.price > 0)
        power = np.minimum(root * root, max_power)
        iteration += 1
    return ScalarSolution(power, iteration)


def fplinq_scheduling(
    crosstalk: Crosstalk,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    start: FloatArray,
    stopping: Stopping,
) -> ScalarSolution:
    """FPLinQ with binary scheduling: every pair is silent or sends at full power.

    Over ``p_k`` in ``{0, P_k}`` the step that maximises f switches pair k on where
    ``2 worth_k sqrt(P_k) > price_k P_k``, that is where the continuous step asks for more than a quarter of the
    budget. A pair that is off has y_k = 0 and would never come back, so the powers move in 0 .. P first (at most
    ``stopping.iterations`` steps) and only then become binary, as in the code of Cui and Yu, "A clustering approach to
    wireless scheduling", SPAWC 2020; their one binary step is repeated here until the schedule stands still. Rounding
    may cost some of the continuous objective; from the first schedule on the objective never falls, and each of the
    at most K further steps switches a pair off.

    Args:
        crosstalk: The gains.
        weights: ``[..., 1, K]`` rate weights.
        noise_power: ``[..., 1, K]`` noise powers, positive.
        max_power: ``[..., 1, K]`` budgets.
        start: ``[..., S, K]`` feasible powers, S starts an instance.
        stopping: When the continuous iteration ends; once it has expired one binary step is still made.
    """
    relaxed = fplinq(crosstalk, weights, noise_power, max_power, start, stopping)
    power, iteration = relaxed.power, relaxed.iterations
    while True:
        pairs = _transform(crosstalk, weights, noise_power, power)
        scheduled = np.where(2.0 * pairs.worth > pairs.price * np.sqrt(max_power), max_power, 0.0)
        iteration += 1
        settled = np.array_equal(scheduled, power)
        power = scheduled
        if settled or stopping.expired():
            return ScalarSolution(power, iteration)
