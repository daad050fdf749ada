"""A few shapes for inputs of every size: what captured GPU work, recorded for one shape, can be replayed on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


def padded_extent(extent: int) -> int:
    """The next of 1, 2, 3, 4, 6, 8, 12, 16, 24, ...: two steps an octave, so at most half is added."""
    power = 1 << max(extent - 1, 0).bit_length()
    between = power // 4 * 3
    return between if between >= extent else power


def pad(array: npt.NDArray[Scalar], shape: Sequence[int], fill: Any = 0) -> npt.NDArray[Scalar]:
    """The array in the corner of a larger one, the rest ``fill``; the array itself if nothing is added."""
    if array.shape == tuple(shape):
        return array
    padded = np.full(shape, fill, array.dtype)
    padded[tuple(slice(extent) for extent in array.shape)] = array
    return padded
