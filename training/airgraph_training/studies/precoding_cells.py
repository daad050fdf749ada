"""Where the precoding studies look: Rayleigh fading, as many users as antennas, 3GPP UMi drops of their own seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airgraph_models.problems import Precoding
from airgraph_training.data import SampleGroup, precoding_channel
from airgraph_training.studies.lab import TEST_SEED

TEST_DROPS = "umi-test.npz"
"""Made by `airgraph-train channels umi --name umi-test.npz --seed 1 --drops 100`; no training sample is in it."""
LEVELS = (0, 10, 20)
"""dB."""
OUTERMOST = (-10, 30)
"""dB, the lowest and highest that the shipped network is made for."""
RAYLEIGH, SQUARE, NEAR_FAR = "Rayleigh", "Rayleigh, N = K", "Rayleigh, users within 30 dB"
UMI, UMI_FAR = "UMi, users at one level", "UMi, users as dropped"


@dataclass(frozen=True)
class Cell:
    """One kind of channel at one size and level."""

    kind: str
    antennas: int
    users: int
    level: int

    @property
    def name(self) -> tuple[str, str, str]:
        """For a table's first columns."""
        return (self.kind, f"{self.antennas} x {self.users}", f"{self.level}")

    def draw(self, count: int) -> list[Precoding]:
        """Test instances, the same on every visit."""
        kept = {UMI: 0.0, UMI_FAR: 100.0, NEAR_FAR: 30.0}.get(self.kind, 0.0)
        group = SampleGroup(
            self.kind,
            count,
            self.users,
            snr_db=(self.level, self.level),
            antennas=self.antennas,
            drops=TEST_DROPS if self.kind in (UMI, UMI_FAR) else None,
            spread_db=(kept, kept),
        )
        # A seed has no sign.
        rng = np.random.default_rng((TEST_SEED, self.antennas, self.users, self.level % 1000))
        return [Precoding.create(precoding_channel(rng, group)) for _ in range(count)]


def cells(*, quick: bool) -> list[Cell]:
    """All cells; a quick visit has no drops."""
    if quick:
        return [Cell(RAYLEIGH, 4, 2, 10), Cell(SQUARE, 4, 4, 10)]
    shapes = [
        *((RAYLEIGH, *shape) for shape in ((8, 4), (32, 16), (64, 16), (64, 32))),
        (SQUARE, 16, 16),
        (NEAR_FAR, 32, 16),
        *((kind, antennas, 16) for kind in (UMI, UMI_FAR) for antennas in (32, 64)),
    ]
    return [Cell(kind, antennas, users, level) for kind, antennas, users in shapes for level in LEVELS]


def corners(*, quick: bool) -> list[Cell]:
    """The fewest and most antennas and users that the shipped network is made for, at the outermost levels.

    Last the hardest: UMi users at one level, as many as antennas, at every level.
    """
    if quick:
        return [Cell(RAYLEIGH, 4, 2, -10)]
    widest = ((4, 2), (128, 2), (128, 32))
    shapes = [
        *((RAYLEIGH, *shape) for shape in widest),
        *((SQUARE, size, size) for size in (4, 16, 32)),
        (NEAR_FAR, 128, 32),
        *((kind, *shape) for kind in (UMI, UMI_FAR) for shape in widest),
        (UMI, 32, 32),
    ]
    outer = [Cell(kind, antennas, users, level) for kind, antennas, users in shapes for level in OUTERMOST]
    return outer + [Cell(UMI, 16, 16, level) for level in (OUTERMOST[0], *LEVELS, OUTERMOST[1])]
