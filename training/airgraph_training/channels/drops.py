r"""Transmitter-receiver pairs dropped in a square: path loss, shadowing and Rayleigh fading.

With distance d in metres, :math:`h_{kj} = \sqrt{\text{snr}(d_{kj})\, 10^{-s_{kj}/10}}\, f_{kj}`, s normal shadowing in
dB and f independent CN(0, 1) per antenna; noise and budgets are one, so that ``snr`` is the mean signal-to-noise
ratio at full power. The geometry is paper 001's (section V-B): transmitters uniform in the square, each receiver at
a uniform distance and angle from its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airgraph_training.channels.p1411 import line_of_sight_loss
from airgraph_training.channels.rayleigh import Complex128Array, rayleigh

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PathLoss:
    """Mean signal-to-noise ratio over distance, and the spread around it.

    Attributes:
        name: For curves and cards.
        snr: Distance in metres -> linear signal-to-noise ratio at full power.
        shadowing: Standard deviation of the log-normal shadowing in dB.
    """

    name: str
    snr: Callable[[FloatArray], FloatArray]
    shadowing: float


def _published_field(distance: FloatArray) -> FloatArray:
    snr: FloatArray = 4.4e5 / distance**1.88
    return snr


def _log_distance(distance: FloatArray) -> FloatArray:
    # 148.1 + 37.6 log10(d in km) dB of loss; 30 dBm over -169 dBm/Hz in 5 MHz.
    noise = -169.0 + 10 * np.log10(5e6)
    snr: FloatArray = 10 ** ((30.0 - noise - 148.1 - 37.6 * np.log10(distance / 1000.0)) / 10)
    return snr


def device_snr(loss: FloatArray, power: float) -> FloatArray:
    """Linear signal-to-noise ratio of a link between devices.

    Antennas of 2.5 dBi at both ends; noise of -169 dBm/Hz in 5 MHz.

    Args:
        loss: Path loss in dB.
        power: Transmit power in dBm.
    """
    noise = -169.0 + 10 * np.log10(5e6)
    snr: FloatArray = 10 ** ((power + 5.0 - loss - noise) / 10)
    return snr


def _street_canyon(distance: FloatArray) -> FloatArray:
    return device_snr(line_of_sight_loss(distance), 40.0)


PUBLISHED_FIELD = PathLoss("power ~ d^-1.88, 3.15 dB shadowing", _published_field, 3.15)
"""The field of paper 001's published code: 148.1 + 37.6 log10(d) dB with 6.3 dB of shadowing (its [19]), both applied
to the amplitude, so that power falls as d^-1.88 with 3.15 dB."""
LOG_DISTANCE = PathLoss("148.1 + 37.6 log10(d/km) dB, 8 dB shadowing", _log_distance, 8.0)
"""The same law applied to the power: d^-3.76, with the 8 dB of shadowing usual for it."""
STREET_CANYON = PathLoss("ITU-R P.1411 street canyon, 8 dB shadowing", _street_canyon, 8.0)
"""ITU-R P.1411 short-range outdoor model, line of sight at 2.4 GHz and 40 dBm, as device-to-device studies use it."""


@dataclass(frozen=True)
class Layout:
    """Where K pairs stand.

    Attributes:
        distance: ``[K, K]`` metres, receiver first.
        transmitter: ``[K, 2]`` positions in metres.
        receiver: ``[K, 2]`` positions in metres.
    """

    distance: FloatArray
    transmitter: FloatArray
    receiver: FloatArray


@dataclass(frozen=True)
class Drop(Layout):
    """One random network of K pairs.

    Attributes:
        channel: ``[K, K, N]``, receiver first, noise and budget one.
    """

    channel: Complex128Array


def place_pairs(rng: np.random.Generator, pairs: int, side: float, nearest: float, farthest: float) -> Layout:
    """Places ``pairs`` pairs in a square of ``side`` metres, receivers ``nearest .. farthest`` metres away."""
    transmitter = rng.uniform(0.0, side, (pairs, 2))
    reach = rng.uniform(nearest, farthest, pairs)
    angle = rng.uniform(0.0, 2 * np.pi, pairs)
    receiver = transmitter + reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    distance = np.linalg.norm(receiver[:, None] - transmitter[None], axis=-1)
    return Layout(distance, transmitter, receiver)


def fade(rng: np.random.Generator, snr: FloatArray, shadowing: float, antennas: int = 1) -> Complex128Array:
    """Channels ``[K, K, antennas]`` of mean power ``snr [K, K]``, with ``shadowing`` dB and Rayleigh fading."""
    level = snr * 10 ** (-(shadowing * rng.standard_normal(snr.shape)) / 10)
    return np.sqrt(level)[..., None] * rayleigh(rng, *snr.shape, antennas)


def drop_pairs(
    rng: np.random.Generator,
    pairs: int,
    side: float,
    path_loss: PathLoss,
    antennas: int = 1,
    nearest: float = 2.0,
    farthest: float = 65.0,
) -> Drop:
    """Drops ``pairs`` pairs in a square of ``side`` metres, receivers ``nearest .. farthest`` metres away."""
    layout = place_pairs(rng, pairs, side, nearest, farthest)
    # The laws have no near field: closer than 1 m counts as 1 m.
    snr = path_loss.snr(np.maximum(layout.distance, 1.0))
    channel = fade(rng, snr, path_loss.shadowing, antennas)
    return Drop(layout.distance, layout.transmitter, layout.receiver, channel)
