"""One hybrid-precoding instance: a digital precoder to approach with few radio-frequency chains."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.validation import ComplexArray, numeric, require, shape_text

Structure = Literal["partial", "full"]


@dataclass(frozen=True)
class HybridPrecoding:
    """A transmitter with Nt antennas, R chains of phase shifters and Ns streams.

    Build one with `create`, which checks everything.

    Attributes:
        f_opt: ``[Nt, Ns]`` complex128, the fully digital precoder, scaled to ``||f_opt||_F^2 = Ns``.
        chains: R.
        structure: ``partial``, each chain drives Nt / R consecutive antennas, or ``full``, every chain drives all.
        dtype: Precision in which the answer goes back.
    """

    f_opt: ComplexArray
    chains: int
    structure: Structure
    dtype: np.dtype[np.complexfloating]

    problem: ClassVar[str] = "hybrid_precoding"

    @classmethod
    def create(cls, f_opt: npt.ArrayLike, *, chains: int, structure: Structure = "partial") -> HybridPrecoding:
        """Checks and converts; the scale of ``f_opt`` is of no matter.

        Raises:
            InvalidInstanceError: A wrong shape or dtype, an entry that is not finite, a precoder of zero, fewer chains
                than streams or more than antennas, chains that do not divide the antennas (partial), an unknown
                structure.
        """
        given = np.asarray(f_opt)
        fits = given.ndim == 2 and given.size > 0
        require(fits, "f_opt", "shape [Nt, Ns] with no zero extent", f"shape {shape_text(given.shape)}")
        antennas, streams = given.shape
        checked = numeric("f_opt", given, allow_complex=True).astype(np.complex128, copy=False)
        largest = float(np.abs(checked).max())
        require(largest > 0, "f_opt", "a precoder that is not zero", "zeros")
        require(structure in get_args(Structure), "structure", " or ".join(get_args(Structure)), repr(structure))
        inside = streams <= chains <= antennas
        require(inside, "num_rf_chains", f"between {streams} streams and {antennas} antennas", str(chains))
        divides = structure == "full" or antennas % chains == 0
        require(divides, "num_rf_chains", f"a divisor of {antennas} antennas", str(chains))
        unit = checked / largest
        return cls(
            f_opt=unit * np.sqrt(streams) / np.linalg.norm(unit),
            chains=chains,
            structure=structure,
            dtype=np.dtype(np.complex128 if given.dtype == np.dtype(np.complex128) else np.complex64),
        )

    @cached_property
    def antennas(self) -> int:
        """Nt."""
        return int(self.f_opt.shape[0])

    @cached_property
    def streams(self) -> int:
        """Ns."""
        return int(self.f_opt.shape[1])

    @property
    def size(self) -> int:
        """Number of chains R."""
        return self.chains
