"""Where precoding begins: the closed forms that guard it, and the starts of its iterative algorithms."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.energy_efficiency import ConsumedPower, energy_efficiency, missing_rates
from airgraph_models.classical.linear_precoding import (
    maximum_ratio,
    with_equal_power,
    with_sum_power,
    zero_forcing,
)
from airgraph_models.problems.precoding_instance import Precoding
from airgraph_models.problems.validation import ComplexArray

SCALES = np.geomspace(1e-6, 1.0, 121)
"""Shares of the budget among which a closed form looks for its best energy efficiency."""


def regularised(instance: Precoding) -> ComplexArray:
    """RZF with equal power on the whole budget, ``[N, K]`` or ``[B, N, K]``."""
    # The ridge is one a user in units of noise and budget.
    return with_equal_power(instance.normalised_adjoint @ instance.equal_inverse, instance.max_power)


def spectral_starts(instance: Precoding, most: int) -> ComplexArray:
    """RZF, MRT, ZF and random precoders in the users' span, all on the budget, ``[most, ...]``."""
    budget = instance.max_power
    matched = maximum_ratio(instance.channel)
    closed = [regularised(instance)]
    if most > 1:
        closed.append(with_sum_power(matched, budget))
    if most > 2:
        closed.append(with_sum_power(zero_forcing(instance.channel), budget))
    drawn = _coefficients(instance.size, max(most - len(closed), 0))
    spread = matched @ np.expand_dims(drawn, tuple(range(1, instance.channel.ndim - 1)))
    return np.concatenate([np.stack(closed), with_sum_power(spread, budget)])


@lru_cache(maxsize=256)
def _coefficients(users: int, count: int) -> ComplexArray:
    """The same random ``[count, K, K]`` for every instance of a size: in the span, the antennas' basis is no matter."""
    rng = np.random.default_rng(users)
    drawn = rng.standard_normal((2, count, users, users))
    coefficients: ComplexArray = drawn[0] + 1j * drawn[1]
    coefficients.flags.writeable = False
    return coefficients


def frugally_scaled(instance: Precoding, precoder: ComplexArray) -> ComplexArray:
    """The precoder at the share of its power that has the best energy efficiency and meets the minimum rates.

    All sub-bands are scaled alike, to one of `SCALES`. Where no share meets the minimum rates, none is cut: rates grow
    with power.
    """
    power = squared(instance.channel @ precoder)
    own = np.diagonal(power, axis1=-2, axis2=-1)
    others = np.where(np.eye(instance.size, dtype=bool), 0.0, power).sum(axis=-1)
    scale = SCALES.reshape(-1, *(1,) * own.ndim)
    by_band = np.log2(1.0 + scale * own / (scale * others + instance.noise_power))
    rates = by_band.reshape(SCALES.size, instance.bands, instance.size).sum(axis=1)
    lacking = missing_rates(rates, instance.minimum_rates).sum(axis=-1)
    consumed = consumption(instance).of(SCALES * squared(precoder).sum())
    efficiency = energy_efficiency(rates @ instance.weights, consumed)
    best = int(np.argmax(np.where(lacking == lacking.min(), efficiency, -np.inf)))
    scaled: ComplexArray = precoder * np.sqrt(SCALES[best])
    return scaled


def efficient_starts(instance: Precoding) -> ComplexArray:
    """RZF scaled; where minimum rates are asked, least power and balanced SINRs; MRT scaled, ``[S, ...]``."""
    found = instance.balances
    starts = [frugally_scaled(instance, regularised(instance))]
    shape = starts[0].shape
    if instance.minimum_rates.any():
        starts.append(np.stack([band.precoder for band in found]).reshape(shape))
        frugal = [band.frugal for band in found if band.frugal is not None]
        if len(frugal) == len(found):
            starts.append(np.stack(frugal).reshape(shape))
    starts.append(frugally_scaled(instance, with_sum_power(maximum_ratio(instance.channel), instance.max_power)))
    return np.stack(starts)


def consumption(instance: Precoding) -> ConsumedPower:
    """What the transmitter consumes; only energy efficiency asks."""
    if instance.power is None:
        raise ValueError("spectral efficiency has no power model")
    return instance.power
