"""The one thing a runtime does."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Inputs = dict[str, npt.NDArray[Any]]


class Runtime(Protocol):
    """A loaded network. Threads may share it."""

    @property
    def name(self) -> str:
        """Of the library that runs it."""

    @property
    def output_name(self) -> str:
        """What the exported network calls its output."""

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of inputs and output by name, -1 for any extent; empty where the exported network does not say."""

    @property
    def device(self) -> str:
        """Where it runs: cpu or cuda."""

    @property
    def few_shapes(self) -> bool:
        """Whether it is faster on shapes that come again: inputs are padded for it then."""

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for inputs by name."""


class DeviceUnavailableError(RuntimeError):
    """The device that was asked for by name does not work here."""
