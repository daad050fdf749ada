"""The one thread that works on a GPU, and which input shapes it has a recorded run for."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np
import numpy.typing as npt

from airgraph_server.log import logger
from airgraph_server.runtime.base import Inputs

Shapes = tuple[tuple[str, tuple[int, ...]], ...]
Run = Callable[[Inputs], npt.NDArray[np.float32]]

GPU_THREAD = ThreadPoolExecutor(1, "gpu")
"""All work on the GPU, of every model: while one run is recorded no other thread may as much as wait for the device,
and ONNX Runtime replays a record on the thread that made it."""
RECORDED_AT = 2
"""Time that a shape comes, from one, after which it is recorded."""
FORGET_AFTER = 4096
"""Shapes counted before the counts start anew: a caller of ever new shapes fills no memory."""


class RecordedRun(Protocol):
    """One run of the network, recorded on inputs of fixed shapes."""

    def replay(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for other inputs of these shapes."""

    def close(self) -> None:
        """Gives the recorded work and its memory back."""


class RecordedRuns:
    """Runs a network on the GPU's thread, from a record where there is one for the shapes of the inputs.

    Recording costs as much as many runs: a shape that comes again is recorded after it has been answered, one that
    does not is run as it is.
    """

    def __init__(self, plain: Run, record: Callable[[Inputs], RecordedRun], most: int) -> None:
        """Keeps the runs used last, at most so many; none where ``most`` is 0."""
        self._plain = plain
        self._record = record
        self._most = most
        self._runs: OrderedDict[Shapes, RecordedRun] = OrderedDict()
        self._seen: Counter[Shapes] = Counter()

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output."""
        return GPU_THREAD.submit(self._run, inputs).result()

    def _run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        shapes = tuple((name, value.shape) for name, value in inputs.items())
        recorded = self._runs.get(shapes)
        if recorded is not None:
            self._runs.move_to_end(shapes)
            return recorded.replay(inputs)
        output = self._plain(inputs)
        self._seen[shapes] += 1
        if self._seen[shapes] == RECORDED_AT and self._most:
            GPU_THREAD.submit(self._keep, shapes, inputs)
        if len(self._seen) > FORGET_AFTER:
            self._seen.clear()
        return output

    def _keep(self, shapes: Shapes, inputs: Inputs) -> None:
        try:
            if len(self._runs) >= self._most:
                dropped, run = self._runs.popitem(last=False)
                run.close()
                del self._seen[dropped]
            self._runs[shapes] = self._record(inputs)
        except Exception as error:
            # It is still run as it is; only not faster.
            logger().warning("not_recorded_on_gpu", shapes=str(dict(shapes)), reason=repr(error))
