"""Which input shapes a GPU has a recorded run for."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from airgraph_server.runtime.base import Inputs

Shapes = tuple[tuple[str, tuple[int, ...]], ...]

FORGET_AFTER = 4096
"""Shapes counted before the counts start anew: a caller of ever new shapes fills no memory."""


class RecordedRun(Protocol):
    """One run of the network, recorded on inputs of fixed shapes."""

    def replay(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for other inputs of these shapes."""

    def close(self) -> None:
        """Gives the recorded work and its memory back."""


class RecordedRuns:
    """The recorded runs used last.

    Recording costs as much as hundreds of runs, so a shape is recorded when it comes the second time; one that never
    comes again is run as it is.
    """

    def __init__(self, record: Callable[[Inputs], RecordedRun], most: int) -> None:
        """Keeps at most so many."""
        self._record = record
        self._most = most
        self._runs: OrderedDict[Shapes, RecordedRun] = OrderedDict()
        self._seen: Counter[Shapes] = Counter()

    def find(self, inputs: Inputs) -> RecordedRun | None:
        """The run for inputs of these shapes, recorded now if they came before; None for the first time."""
        shapes = tuple((name, value.shape) for name, value in inputs.items())
        if shapes in self._runs:
            self._runs.move_to_end(shapes)
            return self._runs[shapes]
        self._seen[shapes] += 1
        if self._seen[shapes] < 2:
            if len(self._seen) > FORGET_AFTER:
                self._seen.clear()
            return None
        while len(self._runs) >= self._most:
            self._runs.popitem(last=False)[1].close()
        self._runs[shapes] = self._record(inputs)
        return self._runs[shapes]
