"""Who may compute now, who waits, and who is refused at once.

As many calls compute as there are threads to compute on; a bounded number waits, each no longer than its
deadline; one more is shed with a hint when to try again. So those admitted keep their deadlines under overload.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from airgraph_server.errors import DeadlineMissedError, OverloadedError
from airgraph_server.metrics import Metrics

WEIGHT_OF_NEW = 0.05
"""Share of the newest call in the running mean of call times, from which the retry hint is made."""


class Admission:
    """The gate in front of the decision."""

    def __init__(self, computing: int, waiting: int, metrics: Metrics) -> None:
        """Lets ``computing`` calls through at once and ``waiting`` more wait."""
        self._free = threading.Semaphore(computing)
        self._lock = threading.Lock()
        self._room = computing + waiting
        self._computing = computing
        self._inside = 0
        self._seconds = 0.0
        self._metrics = metrics

    @contextmanager
    def admitted(self, deadline: float | None) -> Iterator[float]:
        """Waits for a place and gives the seconds waited.

        Args:
            deadline: On the clock of `time.perf_counter`; None waits as long as it takes.

        Raises:
            OverloadedError: As many wait as may.
            DeadlineMissedError: The deadline passed while waiting.
        """
        arrived = perf_counter()
        self._come_in()
        try:
            remaining = None if deadline is None else max(deadline - arrived, 0.0)
            if not self._free.acquire(timeout=remaining):
                raise DeadlineMissedError("the deadline passed while the call waited for its turn")
            began = perf_counter()
            try:
                yield began - arrived
            finally:
                self._free.release()
                self._seconds += WEIGHT_OF_NEW * (perf_counter() - began - self._seconds)
        finally:
            with self._lock:
                self._inside -= 1
                self._metrics.queue_depth.set(self._inside)

    def _come_in(self) -> None:
        with self._lock:
            if self._inside >= self._room:
                self._metrics.shed.inc()
                # The time in which the calls that are here now will be done.
                wait = self._inside / self._computing * self._seconds
                raise OverloadedError(f"{self._inside} calls are here already; try again in {wait:.3f} s", wait)
            self._inside += 1
            self._metrics.queue_depth.set(self._inside)
