"""A meeting: calls that wait for the next ones in the line to come as far as they have, to be decided as one."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Hashable
from time import perf_counter
from typing import Generic, TypeVar

from airgraph_server.decision.cost import RunCost

MOST_MET = 32
"""Calls of one meeting."""
WEIGHT_OF_NEW = 0.05

CallT = TypeVar("CallT")


class Meeting(Generic[CallT]):
    """Who waits for whom, and until when. Not locked: the guard of the turns is.

    Only calls of one kind meet. How long it takes from the last arrival until all have ended is a line in their number,
    another one for each kind, and how long until one more has come a mean, all learned: nobody is waited for who would
    make the tightest of those here late.
    """

    def __init__(self) -> None:
        """Begins empty."""
        self._waiting: deque[CallT] = deque()
        self._until = math.inf
        self._last_came = 0.0
        self._arrival = 5e-4
        self._kind: Hashable = None
        self._rests: dict[Hashable, RunCost] = {}
        self._ending = 0
        self._ending_since = 0.0

    def __len__(self) -> int:
        """Calls that wait."""
        return len(self._waiting)

    @property
    def is_ending(self) -> bool:
        """Whether those who met go on, one after the other, and nobody new is waited for."""
        return self._ending > 0

    @property
    def is_full(self) -> bool:
        """Whether there is no time, or no room, for one more."""
        return not self._takes_one_more(len(self._waiting))

    def is_open_to(self, kind: Hashable) -> bool:
        """Whether a call of this kind meets those who wait, if there are any."""
        return not self._ending and (not self._waiting or kind == self._kind)

    def expects_more(self, kind: Hashable, until: float) -> bool:
        """Whether a call that comes now, and should have ended ``until`` then, has time to wait for one more."""
        now = perf_counter()
        self._kind = kind
        if self._waiting:
            self._arrival += WEIGHT_OF_NEW * (now - self._last_came - self._arrival)
        self._last_came = now
        self._until = min(self._until, until)
        return self._takes_one_more(len(self._waiting) + 1)

    @property
    def _rest(self) -> RunCost:
        """Of the kind that meets."""
        known = self._rests.get(self._kind)
        if known is None:
            known = self._rests[self._kind] = RunCost((1, 1e-3), (MOST_MET, 1.2e-2))
        return known

    def _takes_one_more(self, here: int) -> bool:
        ended = perf_counter() + self._arrival + self._rest.predict(here + 1)
        return here < MOST_MET and ended <= self._until

    def wait(self, call: CallT) -> None:
        """Takes a call that waits for more."""
        self._waiting.append(call)

    def end(self, arrived: int) -> float:
        """Nobody more is waited for: expected seconds until all have ended.

        Args:
            arrived: Calls, beside those that wait, that go on with them.
        """
        self._ending = len(self._waiting) + arrived
        self._ending_since = perf_counter()
        return self._rest.predict(self._ending)

    def next(self) -> CallT | None:
        """Who goes on next; None where all have ended."""
        if self._waiting:
            return self._waiting.popleft()
        if self._ending:
            self._rest.observe(self._ending, perf_counter() - self._ending_since)
            self._ending, self._until = 0, math.inf
        return None
