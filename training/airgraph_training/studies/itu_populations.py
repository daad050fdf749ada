"""The device-to-device populations of paper 000, section VI-A: ITU-R P.1411 channels, their shifts, and LTE's.

Pairs stand in a square of 250 m; every link has log-normal shadowing of 8 dB and Rayleigh fading.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from airgraph_training.channels import LOG_DISTANCE
from airgraph_training.channels.drops import device_snr, fade, place_pairs
from airgraph_training.channels.p1411 import (
    high_rise_loss,
    line_of_sight_loss,
    line_of_sight_share,
    street_level_loss,
)
from airgraph_training.studies.populations import FloatArray, Population, Sample

SIDE = 250.0
REACH = (10.0, 50.0)
"""Smallest and largest distance in metres between the two of a pair."""
SHADOWING = 8.0
SHIFT_POWER = 30.0
"""dBm of the shifts of table III, which names none: the power that `LOG_DISTANCE` has."""

Law = Callable[[np.random.Generator, FloatArray], FloatArray]
"""A value for each of the distances ``[K, K]`` in metres, receiver first."""


def _population(name: str, snr: Law, reach: tuple[float, float] = REACH) -> Population:
    """Pairs with a law of mean linear signal-to-noise ratios."""

    def draw(rng: np.random.Generator, pairs: int) -> Sample:
        distance = np.maximum(place_pairs(rng, pairs, SIDE, *reach).distance, 1.0)
        channel = fade(rng, snr(rng, distance), SHADOWING)
        return Sample(np.abs(channel[..., 0]) ** 2, np.ones(pairs))

    return Population(f"{name}, {SIDE:g} m, pairs {reach[0]:g} to {reach[1]:g} m apart", draw)


def itu_population(lowest: float, highest: float) -> Population:
    """Line of sight, antennas at 1.5 m; each network transmits at a power uniform between two values in dBm."""

    def snr(rng: np.random.Generator, distance: FloatArray) -> FloatArray:
        return device_snr(line_of_sight_loss(distance), rng.uniform(lowest, highest))

    return _population(f"P.1411 at {lowest:g} to {highest:g} dBm", snr)


def _shifted(name: str, loss: Law, reach: tuple[float, float] = REACH) -> Population:
    def snr(rng: np.random.Generator, distance: FloatArray) -> FloatArray:
        return device_snr(loss(rng, distance), SHIFT_POWER)

    return _population(f"P.1411, {name}, {SHIFT_POWER:g} dBm", snr, reach)


def _heights(rng: np.random.Generator, distance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Transmitters 30 to 50 m up, receivers 1 to 3 m: ``[1, K]`` and ``[K, 1]``."""
    receivers, transmitters = distance.shape
    return rng.uniform(30.0, 50.0, (1, transmitters)), rng.uniform(1.0, 3.0, (receivers, 1))


def _raised(rng: np.random.Generator, distance: FloatArray) -> FloatArray:
    return line_of_sight_loss(distance, *_heights(rng, distance))


def _raised_slant(rng: np.random.Generator, distance: FloatArray) -> FloatArray:
    transmitter, receiver = _heights(rng, distance)
    return line_of_sight_loss(np.hypot(distance, transmitter - receiver), transmitter, receiver)


def _partly_obstructed(obstructed: Callable[[FloatArray], FloatArray]) -> Law:
    def loss(rng: np.random.Generator, distance: FloatArray) -> FloatArray:
        seen = rng.uniform(size=distance.shape) < line_of_sight_share(distance)
        return np.where(seen, line_of_sight_loss(distance), obstructed(distance))

    return loss


ITU = itu_population(SHIFT_POWER, SHIFT_POWER)
"""What the shifts start from or end at."""
SAME_REACH = _shifted("antennas at 1.5 m", lambda rng, distance: line_of_sight_loss(distance), (30.0, 30.0))
RAISED = _shifted("transmitters 30 to 50 m up, distance along the ground", _raised)
RAISED_SLANT = _shifted("transmitters 30 to 50 m up, distance between antennas", _raised_slant)
OBSTRUCTED = _shifted("partly without line of sight, high-rise", _partly_obstructed(high_rise_loss))
OBSTRUCTED_STREET = _shifted("partly without line of sight, street level", _partly_obstructed(street_level_loss))
LTE = _population(LOG_DISTANCE.name, lambda rng, distance: LOG_DISTANCE.snr(distance))
"""LTE's cellular law, at 30 dBm and with the same noise."""
