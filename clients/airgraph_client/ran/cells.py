"""A simulated multi-cell network: users move from cell to cell, fade, come and go, and their channel reports age."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airgraph_client.demo_network import SPEED_OF_LIGHT
from airgraph_client.ran.boundary import FloatArray, Measurement
from airgraph_client.ran.users import Users
from airgraph_client.units import db_to_linear, dbm_to_watt

NOBODY = 0
"""Served by a cell that has no user; the first user is 1."""


@dataclass(frozen=True)
class CellSettings:
    """The scenario.

    Attributes:
        cells: Cells on a square grid; each serves one user at a time on the band.
        users: Mean number of users.
        spacing: Distance of neighbouring cells, metres.
        speed: Speed of every user, metre per second.
        period: Seconds between two control instants.
        report_age: Periods by which channel reports lag behind.
        stay: Mean number of periods for which a user stays.
        turn: Periods for which a cell serves one of its users before the next.
        handover_db: How much stronger, without fading, another cell must be for a user to change over to it, dB.
        shadowing_db: Standard deviation of log-normal shadowing, dB.
        shadowing_distance: Way over which the correlation of the shadowing falls to 1/e, metres.
        carrier: Carrier frequency, hertz.
        noise_dbm: Noise power, dBm.
        max_power_dbm: Power budget of a cell, dBm.
    """

    cells: int = 16
    users: float = 60.0
    spacing: float = 150.0
    speed: float = 1.5
    period: float = 0.1
    report_age: int = 1
    stay: float = 300.0
    turn: int = 10
    handover_db: float = 3.0
    shadowing_db: float = 6.0
    shadowing_distance: float = 50.0
    carrier: float = 2.4e9
    noise_dbm: float = -101.0
    max_power_dbm: float = 30.0


class CellNetwork:
    """A link for every cell that has a user, and the links interfere. Implements `airgraph_client.ran.boundary.E2Node`.

    Path loss ``128.1 + 37.6 log10(d / km)`` dB (3GPP TR 36.814, urban macro), log-normal shadowing a user and cell, and
    Rayleigh fading. Both age as first-order processes, ``h' = r h + sqrt(1 - r^2) e``: the fading with
    ``r = J0(2 pi f_D T)`` by Clarke's model and the Doppler frequency ``f_D = speed * carrier / c``, the shadowing with
    ``r = exp(-speed T / shadowing_distance)`` (Gudmundson 1991).

    Attributes:
        served: ``[C]`` identity of the user that each cell serves; `NOBODY` where it has none, and sends nothing.
        power: ``[C]`` power that each cell was last given, watt.
        handovers: Users that changed their cell in the last period.
    """

    def __init__(self, settings: CellSettings, seed: int) -> None:
        """Drops the first users."""
        self.settings = settings
        self._rng = rng = np.random.default_rng(seed)
        side = int(np.ceil(np.sqrt(settings.cells)))
        grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), -1).reshape(-1, 2)[: settings.cells]
        self._sites = (grid + 0.5) * settings.spacing
        self._size = self._sites.max(0) + settings.spacing / 2
        self._step = settings.speed * settings.period
        self._fading_correlation = bessel_j0(2 * np.pi * self._step * settings.carrier / SPEED_OF_LIGHT)
        self._shadowing_correlation = float(np.exp(-self._step / settings.shadowing_distance))
        self.noise_power = float(dbm_to_watt(settings.noise_dbm))
        self.max_power = float(dbm_to_watt(settings.max_power_dbm))
        # Before a cell hears of a decision it sends at its full power.
        self.power = np.full(settings.cells, self.max_power)
        self.served = np.full(settings.cells, NOBODY)
        self._turn_left = np.zeros(settings.cells, np.int64)
        self.handovers = 0
        self._born = 0
        self._users = self._arriving(max(1, int(rng.poisson(settings.users))))
        # The first users are there long enough to have been reported.
        self._users.known[:] = settings.report_age
        self._reports = [self._report()] * (settings.report_age + 1)
        self._take_turns()

    @property
    def users(self) -> npt.NDArray[np.int64]:
        """Identities of all users, served or waiting."""
        return self._users.identity

    def measure(self) -> Measurement:
        """What was reported `CellSettings.report_age` periods ago of the users that are served now."""
        users, cells = self._links()
        identities, gain = self._reports[0]
        rows = np.searchsorted(identities, users)
        return Measurement(gain[np.ix_(rows, cells)], users, self.noise_power, self.max_power)

    def apply(self, users: npt.NDArray[np.int64], power: FloatArray) -> None:
        """Sets powers; a cell that serves none of ``users`` keeps its own."""
        given = dict(zip(users.tolist(), power.tolist(), strict=True))
        wanted = np.array([given.get(int(user), now) for user, now in zip(self.served, self.power, strict=True)])
        self.power = np.clip(wanted, 0, self.max_power)

    def gain(self) -> FloatArray:
        """True power gains ``[K, K]`` of the links now, receiver first."""
        users, cells = self._links()
        rows = np.searchsorted(self._users.identity, users)
        return self._gain()[np.ix_(rows, cells)]

    def rates(self) -> FloatArray:
        """Rates ``[C]``, ``log2(1 + gain[k,k] p[k] / (sum_{j != k} gain[k,j] p[j] + noise))``; 0 without a user."""
        _, cells = self._links()
        received = self.gain() * self.power[cells]
        signal = np.diagonal(received)
        rates = np.zeros(self.settings.cells)
        rates[cells] = np.log2(1 + signal / (received.sum(1) - signal + self.noise_power))
        return rates

    def advance(self) -> None:
        """One period passes: users walk, leave, arrive and change cells; cells go on to their next user."""
        settings, rng, users = self.settings, self._rng, self._users
        users.walk(rng, self._step, self._size)
        users.shadow(rng, self._shadowing_correlation, settings.shadowing_db)
        users.fade(rng, self._fading_correlation)
        users.known += 1
        users = users.where(rng.random(len(users.identity)) >= 1 / settings.stay)
        self._users = users.joined_by(self._arriving(int(rng.poisson(settings.users / settings.stay))))
        self._hand_over()
        self._take_turns()
        self._reports = [*self._reports[1:], self._report()]

    def _hand_over(self) -> None:
        strength, users = self._strength(), self._users
        best = strength.argmax(1)
        everyone = np.arange(len(best))
        better = strength[everyone, best] - strength[everyone, users.cell] > self.settings.handover_db
        self.handovers = int(better.sum())
        users.cell = np.where(better, best, users.cell)

    def _take_turns(self) -> None:
        """Every cell goes on with its user until the turn is over, then takes whom it has not served for longest."""
        users = self._users
        self._turn_left -= 1
        for cell in range(self.settings.cells):
            own = np.flatnonzero((users.cell == cell) & (users.known >= self.settings.report_age))
            if self.served[cell] not in users.identity[own] or self._turn_left[cell] <= 0:
                self._turn_left[cell] = self.settings.turn
                # Of several that wait equally long, the one that came first.
                self.served[cell] = users.identity[own[users.waited[own].argmax()]] if len(own) else NOBODY
        users.waited = np.where(np.isin(users.identity, self.served), 0, users.waited + 1)

    def _links(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The users that are served, and the cells that serve them."""
        cells = np.flatnonzero(self.served != NOBODY)
        return self.served[cells], cells

    def _arriving(self, count: int) -> Users:
        """New users, each in the cell that it hears best."""
        settings = self.settings
        users = Users.drop(self._rng, count, self._born + 1, self._size, settings.cells, settings.shadowing_db)
        self._born += count
        users.cell = self._strength(users).argmax(1)
        return users

    def _strength(self, users: Users | None = None) -> FloatArray:
        """Gains ``[U, C]`` without fading, dB."""
        users = self._users if users is None else users
        distance = np.linalg.norm(users.position[:, None] - self._sites[None], axis=-1)
        return np.asarray(users.shadowing - (128.1 + 37.6 * np.log10(np.maximum(distance, 10.0) / 1000)))

    def _gain(self) -> FloatArray:
        """Gains ``[U, C]`` of all users."""
        return np.asarray(db_to_linear(self._strength()) * np.abs(self._users.fading) ** 2)

    def _report(self) -> tuple[npt.NDArray[np.int64], FloatArray]:
        return self._users.identity, self._gain()


def bessel_j0(x: float) -> float:
    """Bessel function of the first kind and order zero, ``J0(x) = 1/pi int_0^pi cos(x sin t) dt``.

    Args:
        x: Any real number.
    """
    # The midpoint rule converges geometrically for a periodic integrand.
    points = max(64, int(4 * abs(x)))
    return float(np.cos(x * np.sin((np.arange(points) + 0.5) * np.pi / points)).mean())
