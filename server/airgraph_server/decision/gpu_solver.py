"""Iterations on the GPU's one thread, with the CPU behind it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from threading import Lock
from time import perf_counter
from typing import Any

import numpy as np

from airgraph_models.arrays.device import ArrayDevice
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import ProblemFamily, Refined
from airgraph_server.decision.spaced_clock import SpacedClock
from airgraph_server.log import logger
from airgraph_server.runtime.recorded_runs import GPU_THREAD


class GpuSolver:
    """Solves groups on the GPU until that is lost. No call fails by it: what it cannot do, the CPU does at once.

    A run that fails does not tell by itself whether the device is to blame (its memory may be full): the GPU is lost
    when it no longer computes a few numbers either.
    """

    def __init__(self, device: ArrayDevice, thread: ThreadPoolExecutor = GPU_THREAD) -> None:
        """Takes the GPU, and the one thread that works on it."""
        self._device = device
        self._thread = thread
        self._families: dict[str, ProblemFamily[Any]] = {}
        self._lost = False
        self._lock = Lock()

    @property
    def working(self) -> bool:
        """Whether there is a GPU still."""
        return not self._lost

    @property
    def device(self) -> str:
        """What the GPU is called."""
        return self._device.name

    def solve(
        self,
        family: ProblemFamily[Any],
        what: str,
        instances: Sequence[Any],
        starts: Sequence[Any],
        stopping: Stopping,
        apart: int = 1,
        latest: float | None = None,
    ) -> tuple[list[Refined], bool]:
        """What the family makes of a group, and whether it did so on the GPU.

        Args:
            family: Which one.
            what: ``polish`` or ``refine``.
            instances: That the family can move.
            starts: Of each instance.
            stopping: When to end.
            apart: Iterations between two looks at the clock.
            latest: When the group must be solved, on the clock of `time.perf_counter`: it waits no longer for the GPU.
        """

        def run() -> list[Refined]:
            moved = self._families.setdefault(family.name, family.on(self._device))
            spaced = replace(stopping, expired=SpacedClock(stopping.expired, apart, self._device.wait))
            found: list[Refined] = getattr(moved, what)(instances, starts, spaced)
            return found

        future = self._thread.submit(run)
        try:
            if self._begins(future, latest):
                return future.result(), True
        except Exception as error:
            self._failed(family, error)
        found: list[Refined] = getattr(family, what)(instances, starts, stopping)
        return found, False

    @staticmethod
    def _begins(future: Future[list[Refined]], latest: float | None) -> bool:
        """Whether the GPU has begun, or ended, by then; if not, it will not begin any more."""
        if latest is None:
            return True
        try:
            future.exception(max(latest - perf_counter(), 0.0))
        except TimeoutError:
            return not future.cancel()
        return True

    def _failed(self, family: ProblemFamily[Any], error: Exception) -> None:
        with self._lock:
            if self._lost:
                return
            self._lost = not self._thread.submit(self._computes).result()
        if self._lost:
            logger().error("gpu_lost", work="polishing", reason=repr(error), device="cpu")
        else:
            logger().warning("not_polished_on_gpu", problem=family.name, reason=repr(error))

    def _computes(self) -> bool:
        numbers = np.arange(8.0)
        try:
            return np.array_equal(self._device.take(self._device.put(numbers) * 2.0), 2.0 * numbers)
        except Exception:
            return False
