"""The demonstration's radio network: 50 device-to-device pairs on a square kilometre."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airgraph_client.units import db_to_linear, dbm_to_watt

FloatArray = npt.NDArray[np.float64]

SIDE = 1000.0
"""Side of the square, metres."""
PAIR_DISTANCE = (2.0, 65.0)
"""Shortest and longest distance of a receiver from its transmitter, metres."""
CARRIER = 2.4e9
"""Carrier frequency, hertz."""
ANTENNA_HEIGHT = 1.5
"""Height of every antenna, metres."""
SHADOWING_DB = 8.0
"""Standard deviation of the log-normal shadowing, dB."""
BANDWIDTH = 5e6
"""Bandwidth, hertz."""
NOISE_DENSITY_DBM = -169.0
"""Noise power density, dBm/Hz."""
MAX_POWER_DBM = 40.0
"""Power budget of each transmitter, dBm."""

SPEED_OF_LIGHT = 299_792_458.0


@dataclass(frozen=True, eq=False)
class Network:
    """K transmitter-receiver pairs in the plane.

    Attributes:
        transmitters: ``[K, 2]`` positions in metres.
        receivers: ``[K, 2]`` positions in metres.
        gain: ``[K, K]`` power gains, receiver first, linear.
        noise_power: Noise power at every receiver, watt.
        max_power: Power budget of every transmitter, watt.
    """

    transmitters: FloatArray
    receivers: FloatArray
    gain: FloatArray
    noise_power: float
    max_power: float

    @property
    def size(self) -> int:
        """Number of pairs K."""
        return len(self.gain)

    def interference_to_noise(self, power: FloatArray) -> FloatArray:
        """Interference-to-noise ratio ``[K, K]``, linear: ``gain[k, j] p[j] / noise``, 0 where j = k."""
        ratio = self.gain * power / self.noise_power
        np.fill_diagonal(ratio, 0.0)
        return ratio

    def rates(self, power: FloatArray) -> FloatArray:
        """Rates ``[K]``, ``log2(1 + gain[k,k] p[k] / (sum_{j != k} gain[k,j] p[j] + noise))``, bit/s/Hz."""
        received = self.gain * power
        signal = np.diagonal(received)
        return np.asarray(np.log2(1 + signal / (received.sum(1) - signal + self.noise_power)))


def drop_network(pairs: int = 50, seed: int = 7) -> Network:
    """Drops transmitters uniformly on the square and receivers uniformly in distance and direction of them.

    Channels are dual-slope path loss, log-normal shadowing and Rayleigh fading.

    Args:
        pairs: Number of pairs K.
        seed: Seed of every draw.
    """
    rng = np.random.default_rng(seed)
    transmitters = rng.uniform(0, SIDE, (pairs, 2))
    receivers = np.array([_receiver(rng, transmitter) for transmitter in transmitters])
    distance = np.linalg.norm(receivers[:, None] - transmitters[None], axis=-1)
    shadowing_db = rng.normal(0, SHADOWING_DB, (pairs, pairs))
    fading = rng.exponential(1.0, (pairs, pairs))
    return Network(
        transmitters=transmitters,
        receivers=receivers,
        gain=np.asarray(db_to_linear(shadowing_db - path_loss_db(distance)) * fading),
        noise_power=float(dbm_to_watt(NOISE_DENSITY_DBM) * BANDWIDTH),
        max_power=float(dbm_to_watt(MAX_POWER_DBM)),
    )


def path_loss_db(distance: FloatArray) -> FloatArray:
    """Median line-of-sight loss of ITU-R P.1411 for street-level terminals.

    ``L = L_bp + 6 + 20 log10(d / R_bp)`` up to the breakpoint ``R_bp = 4 h^2 / wavelength`` and
    ``L_bp + 6 + 40 log10(d / R_bp)`` beyond, with ``L_bp = |20 log10(wavelength^2 / (8 pi h^2))|``.

    Args:
        distance: Distances in metres, positive, any shape.

    Returns:
        Losses in dB, of the same shape.
    """
    wavelength = SPEED_OF_LIGHT / CARRIER
    breakpoint_distance = 4 * ANTENNA_HEIGHT**2 / wavelength
    breakpoint_loss = abs(20 * np.log10(wavelength**2 / (8 * np.pi * ANTENNA_HEIGHT**2)))
    ratio_db = 20 * np.log10(distance / breakpoint_distance)
    return np.asarray(breakpoint_loss + 6 + np.where(distance > breakpoint_distance, 2, 1) * ratio_db)


def _receiver(rng: np.random.Generator, transmitter: FloatArray) -> FloatArray:
    # Redrawn until it falls inside the square, which needs four tries at the worst corner on average.
    while True:
        distance, angle = rng.uniform(*PAIR_DISTANCE), rng.uniform(0, 2 * np.pi)
        position = transmitter + distance * np.array([np.cos(angle), np.sin(angle)])
        if ((position >= 0) & (position <= SIDE)).all():
            return np.asarray(position)
