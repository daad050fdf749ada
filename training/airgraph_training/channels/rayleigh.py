"""Independent Rayleigh fading: every entry of the channel is CN(0, 1)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Complex128Array = npt.NDArray[np.complex128]


def rayleigh(rng: np.random.Generator, *shape: int) -> Complex128Array:
    """Independent CN(0, 1) entries of ``shape`` (paper 003, section V; paper 001, section V-A)."""
    parts = rng.standard_normal((*shape, 2)) * np.sqrt(0.5)
    entries: Complex128Array = parts.view(np.complex128)[..., 0]
    return entries
