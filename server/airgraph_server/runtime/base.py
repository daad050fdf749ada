"""The one thing a runtime does."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Inputs = dict[str, npt.NDArray[Any]]


class Runtime(Protocol):
    """A loaded network. Threads may share it."""

    name: str
    device: str
    output_name: str
    shapes: dict[str, tuple[int, ...]]
    """Of inputs and output by name, -1 for any extent; empty where the exported network does not say."""

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for inputs by name."""


class DeviceUnavailableError(RuntimeError):
    """The device that was asked for by name does not work here."""
