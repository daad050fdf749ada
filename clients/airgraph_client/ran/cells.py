"""A simulated multi-cell network: users move, fade, come and go, and their channel reports age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airgraph_client.demo_network import SPEED_OF_LIGHT
from airgraph_client.ran.boundary import FloatArray, Measurement
from airgraph_client.units import db_to_linear, dbm_to_watt


@dataclass(frozen=True)
class CellSettings:
    """The scenario.

    Attributes:
        cells: Cells on a square grid; each serves one user at a time on the band.
        spacing: Distance of neighbouring cells, metres.
        speed: Speed of every user, metre per second.
        period: Seconds between two control instants.
        report_age: Periods by which channel reports lag behind.
        stay: Mean number of periods for which a user stays.
        shadowing_db: Standard deviation of log-normal shadowing, dB.
        carrier: Carrier frequency, hertz.
        noise_dbm: Noise power, dBm.
        max_power_dbm: Power budget of a cell, dBm.
    """

    cells: int = 16
    spacing: float = 150.0
    speed: float = 1.5
    period: float = 0.1
    report_age: int = 1
    stay: float = 100.0
    shadowing_db: float = 6.0
    carrier: float = 2.4e9
    noise_dbm: float = -101.0
    max_power_dbm: float = 30.0


class CellNetwork:
    """One link a cell, and the cells interfere. Implements `airgraph_client.ran.boundary.E2Node`.

    Path loss ``128.1 + 37.6 log10(d / km)`` dB (3GPP TR 36.814, urban macro), log-normal shadowing a user and cell, and
    Rayleigh fading that ages as a first-order process ``h' = r h + sqrt(1 - r^2) e``, with ``r = J0(2 pi f_D T)`` by
    Clarke's model and the Doppler frequency ``f_D = speed * carrier / c``.
    """

    def __init__(self, settings: CellSettings, seed: int) -> None:
        """Drops a user in every cell."""
        self.settings = settings
        self._rng = np.random.default_rng(seed)
        side = int(np.ceil(np.sqrt(settings.cells)))
        grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)[: settings.cells]
        self._sites = (grid + 0.5) * settings.spacing
        count = settings.cells
        self._positions = np.empty((count, 2))
        self._headings = np.empty(count)
        self._shadowing = np.empty((count, count))
        self._fading = np.empty((count, count), np.complex128)
        self.users = np.zeros(count, np.int64)
        self._born = 0
        self._correlation = bessel_j0(2 * np.pi * settings.speed * settings.carrier / SPEED_OF_LIGHT * settings.period)
        self.noise_power = float(dbm_to_watt(settings.noise_dbm))
        self.max_power = float(dbm_to_watt(settings.max_power_dbm))
        for cell in range(count):
            self._arrive(cell)
        # Before a cell hears of a decision it sends at its full power.
        self.power = np.full(count, self.max_power)
        self._reports = [self._report()] * (settings.report_age + 1)

    def measure(self) -> Measurement:
        """The report that is `CellSettings.report_age` periods old."""
        return self._reports[0]

    def apply(self, users: npt.NDArray[np.int64], power: FloatArray) -> None:
        """Sets powers; a cell whose user has left since keeps its own."""
        held = dict(zip(users.tolist(), power.tolist(), strict=True))
        wanted = np.array([held.get(int(user), now) for user, now in zip(self.users, self.power, strict=True)])
        self.power = np.clip(wanted, 0, self.max_power)

    def gain(self) -> FloatArray:
        """True power gains ``[K, K]`` now, receiver first."""
        distance = np.linalg.norm(self._positions[:, None] - self._sites[None], axis=-1)
        loss_db = 128.1 + 37.6 * np.log10(np.maximum(distance, 10.0) / 1000)
        return np.asarray(db_to_linear(self._shadowing - loss_db) * np.abs(self._fading) ** 2)

    def rates(self) -> FloatArray:
        """Rates ``[K]``, ``log2(1 + gain[k,k] p[k] / (sum_{j != k} gain[k,j] p[j] + noise))``, bit/s/Hz."""
        received = self.gain() * self.power
        signal = np.diagonal(received)
        return np.asarray(np.log2(1 + signal / (received.sum(1) - signal + self.noise_power)))

    def advance(self) -> None:
        """One period passes: users walk and fade, some leave and others take their place."""
        settings, rng = self.settings, self._rng
        self._headings += rng.normal(0, 0.2, settings.cells)
        step = settings.speed * settings.period
        self._positions += step * np.stack([np.cos(self._headings), np.sin(self._headings)], -1)
        away = np.abs(self._positions - self._sites).max(1) > settings.spacing / 2
        leaving = away | (rng.random(settings.cells) < 1 / settings.stay)
        r = self._correlation
        self._fading = r * self._fading + np.sqrt(1 - r * r) * self._scatter(settings.cells)
        for cell in np.flatnonzero(leaving):
            self._arrive(int(cell))
        self._reports = [*self._reports[1:], self._report()]

    def _arrive(self, cell: int) -> None:
        settings, rng = self.settings, self._rng
        half = settings.spacing / 2
        self._positions[cell] = self._sites[cell] + rng.uniform(-half, half, 2)
        self._headings[cell] = rng.uniform(0, 2 * np.pi)
        self._shadowing[cell] = rng.normal(0, settings.shadowing_db, settings.cells)
        self._fading[cell] = self._scatter(1)[0]
        self._born += 1
        self.users[cell] = self._born

    def _scatter(self, rows: int) -> npt.NDArray[np.complex128]:
        parts = self._rng.normal(0, np.sqrt(0.5), (2, rows, self.settings.cells))
        return np.asarray(parts[0] + 1j * parts[1])

    def _report(self) -> Measurement:
        return Measurement(self.gain(), self.users.copy(), self.noise_power, self.max_power)


def bessel_j0(x: float) -> float:
    """Bessel function of the first kind and order zero, ``J0(x) = 1/pi int_0^pi cos(x sin t) dt``.

    Args:
        x: Any real number.
    """
    # The midpoint rule converges geometrically for a periodic integrand.
    points = max(64, int(4 * abs(x)))
    return float(np.cos(x * np.sin((np.arange(points) + 0.5) * np.pi / points)).mean())
