"""A network on a GPU with the same network on the CPU behind it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

import numpy as np
import numpy.typing as npt

from airgraph_server.runtime.base import Inputs, Runtime


class DegradingRuntime:
    """Runs on the GPU until that is lost, then on the CPU.

    A run that fails does not tell by itself whether its inputs or the device are to blame (and a GPU may be lost with
    any message): the GPU is lost when it also fails on inputs that it has computed before.
    """

    def __init__(self, gpu: Runtime, on_the_cpu: Callable[[], Runtime]) -> None:
        """Takes the GPU's runtime, and how to load the CPU's."""
        self._current = gpu
        self._on_the_cpu = on_the_cpu
        self._known_good: Inputs | None = None
        self._lock = Lock()
        self.on_lost: Callable[[str], None] = lambda reason: None
        """Called with the reason once the CPU has taken over."""

    @property
    def name(self) -> str:
        """As of the runtime in use."""
        return self._current.name

    @property
    def output_name(self) -> str:
        """As of the runtime in use."""
        return self._current.output_name

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """As of the runtime in use."""
        return self._current.shapes

    @property
    def device(self) -> str:
        """As of the runtime in use."""
        return self._current.device

    @property
    def few_shapes(self) -> bool:
        """As of the runtime in use."""
        return self._current.few_shapes

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output, from the GPU while there is one.

        Raises:
            Exception: Whatever the runtime raises on inputs that no device can compute.
        """
        runtime = self._current
        try:
            output = runtime.run(inputs)
        except Exception as error:
            if not self._lost(runtime, error):
                raise
            return self._current.run(inputs)
        if self._known_good is None:
            self._known_good = inputs
        return output

    def _lost(self, runtime: Runtime, error: Exception) -> bool:
        with self._lock:
            if self._current is not runtime:
                return True
            if self._known_good is None:
                return False
            try:
                runtime.run(self._known_good)
            except Exception:
                self._current = self._on_the_cpu()
            else:
                return False
        self.on_lost(repr(error))
        return True
