"""The door: who comes in before anything of a call was read, so that a refusal costs next to nothing."""

from __future__ import annotations

import threading
from time import perf_counter

from airgraph_server.errors import OverloadedError
from airgraph_server.metrics import Metrics

WEIGHT_OF_NEW = 0.1
LARGEST_SURPRISE = 4.0
SHORTEST_RETRY = 1e-3


class Door:
    """Bounds the calls inside, and refuses those that the ones before them would make late.

    How long they take is measured where they leave, all of the server included: reading, waiting for each other,
    computing and writing. An instance leaves a busy server every ``pace`` seconds.
    """

    def __init__(self, room: int, reserve: float, metrics: Metrics) -> None:
        """Lets ``room`` calls in at once, and leaves ``reserve`` seconds before each deadline."""
        self._lock = threading.Lock()
        self._room, self._reserve, self._metrics = room, reserve, metrics
        self._calls = 0
        self._instances = 0
        self._pace = 0.0
        self._last = 0.0

    def enter(self, instances: int, deadline: float | None) -> None:
        """Takes room for one call; `leave` gives it back.

        Raises:
            OverloadedError: As many calls are here as may be, or too many for the deadline.
        """
        with self._lock:
            now = perf_counter()
            wait = self._instances * self._pace
            full = self._calls >= self._room
            late = deadline is not None and wait > 0 and now + wait + self._pace + self._reserve > deadline
            if not full and not late:
                if self._calls == 0:
                    self._last = now
                self._calls += 1
                self._instances += instances
                self._metrics.queue_depth.set(self._calls)
                return
            calls = self._calls
        self._metrics.shed.inc()
        wait = max(wait, SHORTEST_RETRY)
        raise OverloadedError(f"{calls} calls are here already; try again in {wait:.3f} s", wait)

    def leave(self, instances: int) -> None:
        """Gives the room of one call back."""
        with self._lock:
            now = perf_counter()
            if instances:
                each = (now - self._last) / instances
                if self._pace:
                    each = min(each, LARGEST_SURPRISE * self._pace)
                self._pace += (WEIGHT_OF_NEW if self._pace else 1.0) * (each - self._pace)
            self._last = now
            self._calls -= 1
            self._instances -= instances
            self._metrics.queue_depth.set(self._calls)
