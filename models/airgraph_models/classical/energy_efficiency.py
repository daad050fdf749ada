r"""Energy-efficient precoding under minimum rates: Dinkelbach's method around WMMSE with exact multipliers.

Maximises, for one transmitter and B sub-bands with a budget each,

    EE(V) = sum_k alpha_k R_k / (rho sum_b ||V_b||_F^2 + fixed),   R_k = sum_b R_kb >= R_min,k,   ||V_b||_F^2 <= P_b.

Given receivers u and w = 1 / e at the current V, WMMSE's bound :math:`\ln w + 1 - w e_k(V) \le R_k \ln 2` is tight
there and concave in V. With Dinkelbach's price of power :math:`\lambda = EE`, one iteration maximises

    sum_k alpha_k (bound on R_k) - lambda rho ||V||^2   subject to the bounds on R_k being at least R_min,k

and the budgets: a convex problem whose dual has one multiplier a user and one a sub-band. For multipliers (mu, nu) the
inner minimum is the step of `reduced_wmmse`, with weights alpha + mu and power price lambda rho P_b + nu_b; the dual is
smooth and is solved by L-BFGS-B. So no iteration lowers EE while the minimum rates hold, or breaks one. The
multipliers mu are bounded (an exact penalty), so that a start that misses minimum rates first lowers the sum of what
they lack.

It is a local method. Source: paper 004, IV-B2, whose reference [2] (EE-numerical: Li, Tian and Yang 2015) solves the
same problem by successive approximation; Dinkelbach 1967; Shi et al. 2011 for the bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.optimize import OptimizeResult, minimize

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import ComplexArray, FloatArray, adjoint, downlink_rates, normalised
from airgraph_models.classical.precoding_wmmse import PrecodingSolution
from airgraph_models.classical.reduced_wmmse import SILENT, precoding_step
from airgraph_models.classical.stopping import Stopping

LN2 = float(np.log(2.0))
PENALTY = 1e3
"""Largest multiplier of a minimum rate over the largest rate weight: what a missed bit/s/Hz costs."""
RATE_HEADROOM = 2e-6
"""Minimum rates are aimed at from this relative height: rounding the answer to single precision takes it off."""
MET = 1e-5
"""A minimum rate counts as met from this relative distance on: single precision says no more at high SINR."""
DUAL_STEPS = 60


@dataclass(frozen=True)
class ConsumedPower:
    """``inefficiency * radiated + fixed``, in the power unit.

    Attributes:
        fixed: What is drawn whatever is sent, not negative.
        inefficiency: Consumed over radiated power, at least 1.
    """

    fixed: float
    inefficiency: float = 1.0

    def of(self, radiated: FloatArray) -> FloatArray:
        """Consumed power ``[...]`` at the radiated power ``[...]``."""
        consumed: FloatArray = self.inefficiency * radiated + self.fixed
        return consumed


def missing_rates(rates: FloatArray, minimum_rates: FloatArray) -> FloatArray:
    """What each user lacks of its minimum rate ``[..., K]``, bit/s/Hz; 0 where it is met to `MET`."""
    missing = minimum_rates - rates
    return np.where(missing > MET * minimum_rates, missing, 0.0)


def energy_efficiency(weighted_rate: FloatArray, consumed: FloatArray) -> FloatArray:
    """bit/s/Hz per power unit ``[...]``; 0 for a transmitter that draws nothing and sends nothing."""
    return np.divide(weighted_rate, consumed, out=np.zeros_like(weighted_rate), where=consumed > 0)


def maximise_energy_efficiency(
    channel: ComplexArray,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    minimum_rates: FloatArray,
    power: ConsumedPower,
    start: ComplexArray,
    stopping: Stopping,
) -> PrecodingSolution:
    """Runs Dinkelbach's method from one start.

    Args:
        channel: ``[B, K, N]`` channels of the sub-bands.
        weights: ``[K]`` rate weights, not negative.
        noise_power: ``[K]`` noise powers, positive.
        max_power: ``[B]`` budgets, positive.
        minimum_rates: ``[K]`` bit/s/Hz over all sub-bands, not negative.
        power: What the transmitter consumes.
        start: ``[B, N, K]`` feasible precoders.
        stopping: When to end; the clock is asked within an iteration too.

    Returns:
        Precoders ``[B, N, K]`` within the budgets.
    """
    search = _Search(channel, weights, noise_power, max_power, minimum_rates, power)
    amplitude = np.sqrt(max_power)[:, None, None]
    precoder = start / amplitude
    merit = search.merit(precoder)
    iteration = 0
    while iteration < stopping.iterations and not stopping.expired():
        moved = search.step(precoder, stopping.expired)
        reached = search.merit(moved)
        iteration += 1
        # Rounding at convergence, or a dual solved too coarsely: what was there stays.
        if not reached > merit:
            break
        gained = reached[1] - merit[1]
        settled = stopping.tolerance > 0 and reached[0] == merit[0] and gained <= stopping.tolerance * reached[1]
        precoder, merit = moved, reached
        if settled:
            break
    return PrecodingSolution(precoder * amplitude, iteration)


class _Search:
    """One instance in units of noise and budgets."""

    def __init__(
        self,
        channel: ComplexArray,
        weights: FloatArray,
        noise_power: FloatArray,
        max_power: FloatArray,
        minimum_rates: FloatArray,
        power: ConsumedPower,
    ) -> None:
        self._unit = normalised(channel, noise_power, max_power)
        self._turned = adjoint(self._unit)
        self._gram = self._unit @ self._turned
        self._weights, self._minimum = weights, minimum_rates
        self._aimed = minimum_rates * (1.0 + RATE_HEADROOM) * LN2
        self._max_power, self._power = max_power, power
        self._bounded = minimum_rates > 0
        ceiling = PENALTY * max(float(weights.max()), SILENT)
        self._ceilings = np.concatenate([np.where(self._bounded, ceiling, 0.0), np.full(max_power.shape, np.inf)])
        self._multipliers = np.zeros(self._ceilings.shape)

    def merit(self, precoder: ComplexArray) -> tuple[float, float]:
        """(minus the sum of what minimum rates lack, EE): the first goes first."""
        rates = downlink_rates(self._unit, np.ones(self._weights.shape), precoder).sum(axis=0)
        return -float(missing_rates(rates, self._minimum).sum()), self._efficiency(rates, precoder)

    def _efficiency(self, rates: FloatArray, precoder: ComplexArray) -> float:
        radiated = (self._max_power * squared(precoder).sum(axis=(-2, -1))).sum()
        return float(energy_efficiency(np.asarray(self._weights @ rates), self._power.of(radiated)))

    def step(self, precoder: ComplexArray, expired: Callable[[], bool]) -> ComplexArray:
        """The precoders ``[B, N, K]`` that solve the convex problem around ``precoder``; nearly, if time runs out."""

        def watch(intermediate_result: OptimizeResult) -> None:
            if expired():
                raise StopIteration

        surrogate = self._around(precoder)
        coefficient, _, slope = surrogate.minimum(np.zeros(self._ceilings.shape))
        if (slope > 0).any():
            solved = minimize(
                surrogate.negative_dual,
                self._multipliers,
                jac=True,
                method="L-BFGS-B",
                bounds=list(zip(np.zeros(self._ceilings.shape), self._ceilings, strict=True)),
                callback=watch,
                options={"maxiter": DUAL_STEPS, "ftol": 1e-14, "gtol": 1e-9},
            )
            self._multipliers = np.asarray(solved.x)
            coefficient, _, _ = surrogate.minimum(self._multipliers)
        moved: ComplexArray = self._turned @ coefficient
        share = np.maximum(squared(moved).sum(axis=(-2, -1)), 1.0)
        moved = moved / np.sqrt(share)[:, None, None]
        return moved

    def _around(self, precoder: ComplexArray) -> _Surrogate:
        heard = self._unit @ precoder
        own = np.diagonal(heard, axis1=-2, axis2=-1)
        total = squared(heard).sum(axis=-1) + 1.0
        ratio = total / np.maximum(total - squared(own), 1.0)
        efficiency = self._efficiency(np.log2(ratio).sum(axis=0), precoder)
        return _Surrogate(
            self._gram,
            self._weights,
            own / total,
            ratio,
            efficiency * LN2 * self._power.inefficiency * self._max_power,
            # Above these weighted errors, summed over the sub-bands, the bound on the rate misses its minimum.
            np.where(self._bounded, (1.0 + np.log(ratio)).sum(axis=0) - self._aimed, np.inf),
        )


@dataclass(frozen=True)
class _Surrogate:
    """The convex problem of one iteration.

    Attributes:
        gram: ``[B, K, K]``.
        weights: ``[K]`` rate weights.
        receiver: ``[B, K]`` receivers u.
        error_weight: ``[B, K]`` w.
        price: ``[B]`` Dinkelbach's price of each sub-band's share of its budget.
        allowed: ``[K]`` largest weighted errors that meet the minimum rates; infinite without one.
    """

    gram: ComplexArray
    weights: FloatArray
    receiver: ComplexArray
    error_weight: FloatArray
    price: FloatArray
    allowed: FloatArray

    def minimum(self, multipliers: FloatArray) -> tuple[ComplexArray, float, FloatArray]:
        """Coefficients ``[B, K, K]`` that minimise the Lagrangian, the dual's value and its gradient."""
        users = self.weights.size
        mu, nu = multipliers[:users], multipliers[users:]
        root = np.sqrt((self.weights + mu) * self.error_weight)
        coefficient = precoding_step(self.gram, root, self.receiver, self.price + nu)
        heard = self.gram @ coefficient
        own = np.diagonal(heard, axis1=-2, axis2=-1)
        # |1 - u* t_kk|^2 + |u|^2 (sum_{i != k} |t_ki|^2 + 1), with the squares of t_kk merged.
        power = squared(heard).sum(axis=-1) + 1.0
        error = 1.0 - 2.0 * (self.receiver.conj() * own).real + squared(self.receiver) * power
        weighted = (self.error_weight * error).sum(axis=0)
        radiated = np.maximum((coefficient.conj() * heard).real.sum(axis=(-2, -1)), 0.0)
        excess = np.where(np.isfinite(self.allowed), weighted - self.allowed, 0.0)
        slope = np.concatenate([excess, radiated - 1.0])
        value = float(self.weights @ weighted + self.price @ radiated + multipliers @ slope)
        return coefficient, value, slope

    def negative_dual(self, multipliers: FloatArray) -> tuple[float, FloatArray]:
        """What L-BFGS-B minimises, and its gradient."""
        _, value, slope = self.minimum(multipliers)
        return -value, -slope
