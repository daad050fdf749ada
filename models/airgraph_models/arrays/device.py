"""What arrays are put on before an algorithm runs, and taken from after it."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

ScalarT = TypeVar("ScalarT", bound=np.generic)


class ArrayDevice(Protocol):
    """Memory with arrays in it, and what computes on them.

    Arrays on a device other than `HOST` are annotated as numpy's: what is done with them between `put` and `take` is
    arithmetic, indexing and the names of their namespace (`namespace_of`), which is the same for both.
    """

    @property
    def name(self) -> str:
        """Such as cpu or cuda."""

    def put(self, array: npt.NDArray[ScalarT]) -> npt.NDArray[ScalarT]:
        """The array on the device; not the caller's own memory, unless the device is the host."""

    def take(self, array: npt.NDArray[ScalarT]) -> npt.NDArray[ScalarT]:
        """An array of the device as numpy's."""

    def wait(self) -> None:
        """Until everything that was asked of the device is done."""


class Host:
    """Numpy's arrays as they are."""

    name = "cpu"

    def put(self, array: npt.NDArray[ScalarT]) -> npt.NDArray[ScalarT]:
        """The array itself."""
        return array

    def take(self, array: npt.NDArray[ScalarT]) -> npt.NDArray[ScalarT]:
        """The array itself."""
        return array

    def wait(self) -> None:
        """Nothing is ever left to do."""


HOST = Host()
