"""A few shapes for inputs of every size: what captured GPU work, recorded for one shape, can be replayed on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)


LARGE = 512
"""Above it an extent costs more time than a shape more costs to record."""
SMALL = 64
"""Up to it numpy takes about as long to be asked for an iteration as to compute it, and padding costs little."""


def padded_extent(extent: int) -> int:
    """The next of 1, 2, 3, 4, 6, 8, 12, ..., 512, 640, 768, ...: two steps an octave, four of what is large.

    So at most half is added, and to what is large at most a quarter.
    """
    power = 1 << (extent - 1).bit_length()
    step = max(power // (8 if extent > LARGE else 4), 1)
    return -(-extent // step) * step


def octave(extent: int) -> int:
    """0 of 1, 1 of 2, 2 of 3 and 4, 3 of 5 to 8, and so on."""
    return (extent - 1).bit_length()


def pad(array: npt.NDArray[Scalar], shape: Sequence[int], fill: Any = 0) -> npt.NDArray[Scalar]:
    """The array in the corner of a larger one, the rest ``fill``; the array itself if nothing is added."""
    if array.shape == tuple(shape):
        return array
    padded = np.full(shape, fill, array.dtype)
    padded[tuple(slice(extent) for extent in array.shape)] = array
    return padded


def stacked(arrays: Sequence[npt.NDArray[Scalar]]) -> npt.NDArray[Scalar]:
    """Stacked along a new first axis; a view where there is one, as mostly."""
    return arrays[0][None] if len(arrays) == 1 else np.stack(arrays)


def stack_padded(arrays: Sequence[npt.NDArray[Scalar]], fill: Any = 0) -> npt.NDArray[Scalar]:
    """The same of arrays of several shapes, each in the corner of one that holds all, the rest ``fill``."""
    shape = tuple(map(max, zip(*(array.shape for array in arrays), strict=True)))
    return stacked([pad(array, shape, fill) for array in arrays])
