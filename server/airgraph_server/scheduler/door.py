"""The door: who comes in before anything of a call was read, so that a refusal costs next to nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

from airgraph_server.decision.cost import RunCost
from airgraph_server.errors import OverloadedError
from airgraph_server.metrics import Metrics

WEIGHT_OF_NEW = 0.05
DEVIATIONS = 3.0
"""Mean deviations that a call may take longer than expected, so that nearly none is late that came in."""
LARGEST_SURPRISE = 4.0
SHORTEST_RETRY = 1e-3


class Visit(NamedTuple):
    """A call inside.

    Attributes:
        instances: How many it brought.
        among: Instances inside, with these, when it came.
        since: When it came, on the clock of `time.perf_counter`.
    """

    instances: int
    among: int
    since: float


class Door:
    """Bounds the calls inside, and refuses those that would be late because of others.

    How long a call stays is a line in the instances inside, fitted where calls leave: all of the server included that
    they pass, reading, waiting for each other, computing and writing. Only polishing is not, which gives way.
    """

    def __init__(self, room: int, reserve: float, metrics: Metrics, waiting: Callable[[], int] = lambda: 0) -> None:
        """Lets ``room`` calls in at once, and leaves ``reserve`` seconds before each deadline.

        ``waiting()`` calls stand before the door and have no thread yet.
        """
        self._lock = threading.Lock()
        self._room, self._reserve, self._metrics, self._waiting = room, reserve, metrics, waiting
        self._calls = 0
        self._instances = 0
        self._stay = RunCost((1, 1e-3), (1000, 0.3))
        self._deviation = 0.0

    def look(self, deadline: float | None) -> None:
        """Whether a call of one instance might come in; it takes no room yet.

        Raises:
            OverloadedError: As many calls are here as may be, or too many for the deadline.
        """
        with self._lock:
            refusal = self._refusal(self._instances + 1, deadline, perf_counter())
        self._count(refusal)

    def enter(self, instances: int, deadline: float | None) -> Visit:
        """Takes room for one call; `leave` gives it back.

        Raises:
            OverloadedError: As many calls are here as may be, or too many for the deadline.
        """
        with self._lock:
            visit = Visit(instances, self._instances + instances, perf_counter())
            refusal = self._refusal(visit.among, deadline, visit.since)
            if refusal is None:
                self._calls += 1
                self._instances = visit.among
                self._metrics.queue_depth.set(self._calls + self._waiting())
        self._count(refusal)
        return visit

    def _refusal(self, among: int, deadline: float | None, now: float) -> OverloadedError | None:
        # Who stands in the line comes in too before this one has left, where calls meet.
        stay = self._stay.predict(among + self._waiting())
        # A call with the server to itself is never refused: what was slow once may be fast now.
        busy = self._calls > 0 or self._waiting() > 0
        needed = stay + DEVIATIONS * self._deviation + self._reserve
        late = deadline is not None and busy and now + needed > deadline
        if self._calls < self._room and not late:
            return None
        wait = max(stay, SHORTEST_RETRY)
        return OverloadedError(f"{self._calls} calls are here already; try again in {wait:.3f} s", wait)

    def _count(self, refusal: OverloadedError | None) -> None:
        if refusal is not None:
            self._metrics.shed.inc()
            raise refusal

    def leave(self, visit: Visit, spared: float | None = 0.0) -> None:
        """Gives the room of one call back.

        Args:
            visit: What `enter` gave.
            spared: Seconds of its stay that it would have spared others; None where it was not answered.
        """
        with self._lock:
            self._calls -= 1
            self._instances -= visit.instances
            self._metrics.queue_depth.set(self._calls + self._waiting())
            if spared is None:
                return
            stay = max(perf_counter() - visit.since - spared, 0.0)
            expected = self._stay.predict(visit.among)
            surprise = min(abs(stay - expected), LARGEST_SURPRISE * expected)
            self._deviation += WEIGHT_OF_NEW * (surprise - self._deviation)
            self._stay.observe(visit.among, stay)
