"""One cell-free massive MIMO instance: M access points hear K users' pilots and decode them together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.validation import (
    LARGEST_SNR,
    FloatArray,
    indices,
    non_negative,
    numeric,
    real,
    require,
    shape_text,
)

SMALLEST_SNR = 1.0 / LARGEST_SNR
UNIT_NORM_ERROR = 1e-4
"""Single-precision pilots of a few hundred symbols are within."""


@dataclass(frozen=True)
class Coupling:
    """SINRs as powers over linear interference: ``SINR_k = p_k / (F p + u)_k``.

    Attributes:
        matrix: ``[K, K]`` F, victim first: interference from each user over the square of the wanted amplitude.
        noise: ``[K]`` u, the same of the noise.
    """

    matrix: FloatArray
    noise: FloatArray


@dataclass(frozen=True)
class CellFree:
    """Uplink of a cell-free network, matched filtering with estimated channels.

    Build one with `create`, which checks everything.

    Attributes:
        fading: ``[M, K]`` large-scale power gain between access point m and user k, linear.
        snr: Normalised SNR rho of pilots and data: transmit over noise power, linear.
        pilot_overlap: ``[K, K]`` squared inner products of the users' unit-norm pilots.
        pilot_length: Symbols tau of a pilot.
        dtype: Precision in which the answer goes back.
    """

    fading: FloatArray
    snr: float
    pilot_overlap: FloatArray
    pilot_length: int
    dtype: np.dtype[np.floating]

    problem: ClassVar[str] = "cell_free"

    @classmethod
    def create(
        cls, fading: npt.ArrayLike, *, snr: float, pilots: npt.ArrayLike | None = None, pilot_length: int
    ) -> CellFree:
        """Checks and converts.

        Args:
            fading: ``[M, K]`` power gains.
            snr: Linear.
            pilots: ``[K]`` one index a user, equal ones share a pilot; or ``[K, tau]`` complex, a row of unit norm a
                user; None for orthogonal pilots.
            pilot_length: tau.

        Raises:
            InvalidInstanceError: Zero access points or users, a wrong shape or dtype, an entry that is not finite or
                negative, a user whom no access point hears, an SNR that is not positive, a pilot index out of
                range, fewer symbols than orthogonal pilots need, pilots not of unit norm.
        """
        given = np.asarray(fading)
        fits = given.ndim == 2 and given.size > 0
        require(fits, "fading", "shape [M, K] with M, K >= 1", f"shape {shape_text(given.shape)}")
        users = given.shape[1]
        checked = non_negative("fading", given, given.shape)
        ratio = float(real("snr", snr, ()))
        require(ratio > 0, "snr", "a number > 0", f"{ratio:g}")
        best = checked.max(axis=0)
        unheard = int(np.argmin(best))
        require(best[unheard] > 0, "fading", "an access point that hears each user", f"none for user {unheard}")
        with np.errstate(over="ignore", under="ignore"):
            level = best * ratio
        inside = bool((level <= LARGEST_SNR).all() and (level >= SMALLEST_SNR).all())
        bounds = f"snr * best fading of each user in {SMALLEST_SNR:.0e}..{LARGEST_SNR:.0e}"
        require(inside, "fading", bounds, f"{level.min():.3g}..{level.max():.3g}")
        require(pilot_length >= 1, "pilot_length", "at least 1", str(pilot_length))
        return cls(
            fading=checked,
            snr=ratio,
            pilot_overlap=_overlap(pilots, users, pilot_length),
            pilot_length=pilot_length,
            dtype=np.dtype(np.float64 if given.dtype == np.dtype(np.float64) else np.float32),
        )

    @cached_property
    def size(self) -> int:
        """Number of users K."""
        return int(self.fading.shape[1])

    @cached_property
    def coupling(self) -> Coupling:
        r"""F and u of this network.

        With the variance of the channel estimate :math:`\gamma_{mk} = \hat\gamma_{mk} \beta_{mk}`, where
        :math:`\hat\gamma_{mk} = \tau\rho\beta_{mk} / (\tau\rho \sum_j \beta_{mj} |\varphi_k^H \varphi_j|^2 + 1)`,

        .. math::
            \text{SINR}_k = \frac{p_k (\sum_m \gamma_{mk})^2}{\sum_{j \ne k} p_j (\sum_m \hat\gamma_{mk} \beta_{mj})^2
            |\varphi_k^H \varphi_j|^2 + \sum_j p_j \sum_m \gamma_{mk} \beta_{mj} + \frac{1}{\rho} \sum_m \gamma_{mk}}

        Source: paper 000, (5), with the estimate of its reference [29] (Ngo et al. 2017): the paper prints the
        amplitude's factor where the model has the variance.
        """
        level = self.snr * self.fading
        received = self.pilot_length * (level @ self.pilot_overlap) + 1.0
        estimate = self.pilot_length * level / received
        variance = estimate * level
        wanted = variance.sum(axis=0)
        contamination = np.square(estimate.T @ level) * self.pilot_overlap
        np.fill_diagonal(contamination, 0.0)
        matrix = (contamination + variance.T @ level) / np.square(wanted)[:, None]
        return Coupling(matrix, 1.0 / wanted)


def _overlap(pilots: npt.ArrayLike | None, users: int, length: int) -> FloatArray:
    """Squared inner products ``[K, K]``."""
    if pilots is None:
        require(users <= length, "pilot_length", f"at least {users} for orthogonal pilots", str(length))
        return np.eye(users)
    given = np.asarray(pilots)
    if given.ndim == 1:
        index = indices("pilots", given, (users,), length)
        shared: FloatArray = (index[:, None] == index).astype(np.float64)
        return shared
    fits = given.shape == (users, length)
    expected = f"shape {shape_text((users,))} or {shape_text((users, length))}"
    require(fits, "pilots", expected, f"shape {shape_text(given.shape)}")
    wide = numeric("pilots", given, allow_complex=True).astype(np.complex128)
    norm = np.sqrt((np.abs(wide) ** 2).sum(axis=1))
    unit = bool((np.abs(norm - 1.0) <= UNIT_NORM_ERROR).all())
    require(unit, "pilots", "rows of unit norm", f"norms {norm.min():.4g}..{norm.max():.4g}")
    overlap: FloatArray = np.abs(wide.conj() @ wide.T) ** 2
    np.fill_diagonal(overlap, 1.0)
    return overlap
