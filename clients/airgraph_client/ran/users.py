"""The users of the simulated network, as arrays with a row for each."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from airgraph_client.ran.boundary import FloatArray

IntArray = npt.NDArray[np.int64]


@dataclass(eq=False)
class Users:
    """U users of C cells, in the order in which they came.

    Attributes:
        identity: ``[U]`` rising numbers.
        position: ``[U, 2]`` metres.
        heading: ``[U]`` direction of walking, radians.
        shadowing: ``[U, C]`` dB.
        fading: ``[U, C]`` complex amplitude of mean power 1.
        cell: ``[U]`` the cell that serves each when its turn comes.
        known: ``[U]`` periods since the first channel report.
        waited: ``[U]`` periods since it was served.
    """

    identity: IntArray
    position: FloatArray
    heading: FloatArray
    shadowing: FloatArray
    fading: npt.NDArray[np.complex128]
    cell: IntArray
    known: IntArray
    waited: IntArray

    @staticmethod
    def drop(
        rng: np.random.Generator, count: int, first: int, size: FloatArray, cells: int, shadowing_db: float
    ) -> Users:
        """New users anywhere on an area of ``size``, numbered from ``first``."""
        return Users(
            identity=np.arange(first, first + count),
            position=rng.uniform(0, size, (count, 2)),
            heading=rng.uniform(0, 2 * np.pi, count),
            shadowing=rng.normal(0, shadowing_db, (count, cells)),
            fading=scatter(rng, (count, cells)),
            cell=np.zeros(count, np.int64),
            known=np.zeros(count, np.int64),
            waited=np.zeros(count, np.int64),
        )

    def walk(self, rng: np.random.Generator, step: float, size: FloatArray) -> None:
        """Everybody makes a step and turns a little; who reaches the edge of the area turns back."""
        self.heading = self.heading + rng.normal(0, 0.2, len(self.heading))
        moved = self.position + step * np.stack([np.cos(self.heading), np.sin(self.heading)], -1)
        self.position = np.clip(moved, 0, size)
        self.heading = np.where((moved != self.position).any(1), self.heading + np.pi, self.heading)

    def shadow(self, rng: np.random.Generator, correlation: float, deviation_db: float) -> None:
        """The shadowing of the next period, ``s' = r s + sqrt(1 - r^2) e``."""
        fresh = rng.normal(0, deviation_db, self.shadowing.shape)
        self.shadowing = correlation * self.shadowing + np.sqrt(1 - correlation**2) * fresh

    def fade(self, rng: np.random.Generator, correlation: float) -> None:
        """The fading of the next period, ``h' = r h + sqrt(1 - r^2) e``."""
        fresh = scatter(rng, self.fading.shape)
        self.fading = correlation * self.fading + np.sqrt(1 - correlation**2) * fresh

    def where(self, stays: npt.NDArray[np.bool_]) -> Users:
        """Those who stay."""
        return Users(*(getattr(self, field.name)[stays] for field in fields(self)))

    def joined_by(self, others: Users) -> Users:
        """These and those who came after them."""
        both = ((getattr(self, field.name), getattr(others, field.name)) for field in fields(self))
        return Users(*(np.concatenate(pair) for pair in both))


def scatter(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.complex128]:
    """Circular complex Gaussian amplitudes of mean power 1."""
    parts = rng.normal(0, np.sqrt(0.5), (2, *shape))
    return np.asarray(parts[0] + 1j * parts[1])
