"""Which instances a load test sends: kinds and sizes with their shares, from a file."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from airgraph.v1 import allocator_pb2
from airgraph_client.cell_free import CellFree
from airgraph_client.demo_network import drop_network
from airgraph_client.errors import InvalidInstance
from airgraph_client.hybrid import HybridPrecoding
from airgraph_client.instances import Beamforming, Instance, PowerControl, Precoding
from airgraph_client.requests import Options, allocate_request
from airgraph_client.units import db_to_linear, dbm_to_watt

COLUMNS = ("problem", "nodes", "antennas", "share")
VARIANTS = 16
"""Different instances of each size, so that a server cannot answer from memory."""
LARGEST = 5000


@dataclass(frozen=True)
class Share:
    """One kind of instance and how often it comes.

    Attributes:
        problem: ``power_control``, ``beamforming``, ``precoding``, ``cell_free`` or ``hybrid_precoding``.
        nodes: Pairs, users, or streams of a hybrid precoder, which has as many RF chains.
        antennas: Antennas of a transmitter, or access points; without meaning for power control.
        share: Part of all instances, up to a common factor.
    """

    problem: str
    nodes: int
    antennas: int
    share: float


DEFAULT_MIX = (Share("power_control", 20, 1, 1.0),)


def read_mix(path: Path) -> tuple[Share, ...]:
    """Reads a CSV file with the columns problem, nodes, antennas and share.

    Raises:
        InvalidInstance: The file has other columns, no row, or a value out of its range.
        OSError: It cannot be read.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(file, skipinitialspace=True)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise InvalidInstance(str(path), f"the columns {', '.join(COLUMNS)}", str(rows.fieldnames))
        shares = tuple(_share(f"{path} line {rows.line_num}", row) for row in rows)
    if not shares:
        raise InvalidInstance(str(path), "at least one row", "none")
    return shares


def _share(where: str, row: dict[str, str]) -> Share:
    try:
        share = Share(row["problem"], int(row["nodes"]), int(row["antennas"] or 1), float(row["share"]))
    except (ValueError, TypeError) as error:
        raise InvalidInstance(where, "a problem and three numbers", ",".join(map(str, row.values()))) from error
    if share.problem not in DRAWS:
        raise InvalidInstance(where, " or ".join(DRAWS), repr(share.problem))
    if not (1 <= share.nodes <= LARGEST and 1 <= share.antennas <= LARGEST and 0 < share.share < np.inf):
        expected = f"nodes and antennas from 1 to {LARGEST} and a positive share"
        raise InvalidInstance(where, expected, f"{share.nodes}, {share.antennas}, {share.share}")
    if share.problem == "hybrid_precoding" and share.antennas % share.nodes:
        raise InvalidInstance(where, "a multiple of nodes as antennas", str(share.antennas))
    return share


class InstancePool:
    """Ready-made requests, drawn by their shares, so that making one costs nothing while the clock runs."""

    def __init__(self, mix: tuple[Share, ...], options: Options, seed: int) -> None:
        """Draws `VARIANTS` instances of each row.

        Args:
            mix: The rows.
            options: How each is to be answered.
            seed: Of the instances and of their order.
        """
        rng = np.random.default_rng((seed, 2))
        self._requests = [
            allocate_request(DRAWS[share.problem](share, rng), options) for share in mix for _ in range(VARIANTS)
        ]
        shares = np.repeat([share.share for share in mix], VARIANTS)
        # A long fixed order, walked round: drawing each time would cost the sender more than sending.
        self._order = rng.choice(len(self._requests), 65_536, p=shares / shares.sum()).tolist()
        self._next = 0

    def take(self, count: int = 1) -> list[allocator_pb2.AllocateRequest]:
        """The next requests; they are shared and must not be changed. One sender at a time."""
        taken = [self._requests[self._order[(self._next + i) % len(self._order)]] for i in range(count)]
        self._next += count
        return taken


def _power_control(share: Share, rng: np.random.Generator) -> Instance:
    network = drop_network(share.nodes, seed=int(rng.integers(2**31)))
    return PowerControl(network.gain.astype(np.float32), noise_power=network.noise_power, max_power=network.max_power)


def _beamforming(share: Share, rng: np.random.Generator) -> Instance:
    return Beamforming(_rayleigh(rng, (share.nodes, share.nodes, share.antennas)), noise_power=0.1)


def _precoding(share: Share, rng: np.random.Generator) -> Instance:
    return Precoding(_rayleigh(rng, (share.nodes, share.antennas)), noise_power=0.1)


def _cell_free(share: Share, rng: np.random.Generator) -> Instance:
    # Access points and users on half a kilometre square; path loss of 3GPP TR 36.814, 100 mW, 20 MHz.
    places = rng.uniform(0, 0.5, (share.antennas + share.nodes, 2))
    distance = np.linalg.norm(places[: share.antennas, None] - places[None, share.antennas :], axis=-1)
    fading = db_to_linear(-(128.1 + 37.6 * np.log10(np.maximum(distance, 0.01))))
    snr = float(dbm_to_watt(20) / dbm_to_watt(-92))
    return CellFree(np.asarray(fading, np.float32), snr, pilot_length=share.nodes)


def _hybrid(share: Share, rng: np.random.Generator) -> Instance:
    return HybridPrecoding(_rayleigh(rng, (share.antennas, share.nodes)), rf_chains=share.nodes)


def _rayleigh(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray[tuple[int, ...], np.dtype[np.complex64]]:
    parts = rng.normal(0, np.sqrt(0.5), (2, *shape))
    return np.asarray(parts[0] + 1j * parts[1], np.complex64)


DRAWS: dict[str, Callable[[Share, np.random.Generator], Instance]] = {
    "power_control": _power_control,
    "beamforming": _beamforming,
    "precoding": _precoding,
    "cell_free": _cell_free,
    "hybrid_precoding": _hybrid,
}
