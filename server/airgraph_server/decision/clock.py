"""Stops polishing before the iteration that would end too late."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from airgraph_server.decision.cost import LARGEST_SURPRISE
from airgraph_server.decision.sharing import SHORTEST, never

FADING = 0.8
"""What is left of a long iteration's length after each later one: a race gets shorter as starts drop out."""


class PolishClock:
    """Asked before every iteration; expects the next one to take as long as the recent ones did.

    Attributes:
        expected: Seconds that the next iteration is expected to take.
        first: Seconds of the first iteration; 0 before it has ended.
        stopped: When it last said so; None before.
    """

    def __init__(self, latest: float | None, first: float, needed_at: Callable[[], float] = never) -> None:
        """Stops at ``latest`` on the clock of `time.perf_counter`, or when others need the time; None: never.

        Args:
            latest: When the last iteration must have ended.
            first: Guess of the first iteration's seconds.
            needed_at: When others need the time; asked before every iteration.
        """
        self.expected = first
        self.first = 0.0
        self.stopped: float | None = None
        self._latest = latest
        self._needed_at = needed_at
        self._before: float | None = None

    def __call__(self) -> bool:
        """Whether the next iteration would end too late."""
        now = perf_counter()
        if self._before is not None:
            measured = now - self._before
            self.first = self.first or measured
            self.expected = max(measured, FADING * self.expected)
        self._before = now
        over = self._latest is not None and now + self.expected >= min(self._latest, self._needed_at())
        if over:
            self.stopped = now
        return over


class Ending:
    """How long a solver takes from the clock's word to its return: the longest of late, which fades.

    Attributes:
        expected: Seconds.
    """

    def __init__(self) -> None:
        """Expects nothing."""
        self.expected = 0.0

    def observe(self, seconds: float) -> None:
        """Corrects the expectation; one stall counts for little, and what repeats is believed within a few calls."""
        believed = min(seconds, LARGEST_SURPRISE * self.expected + SHORTEST)
        self.expected = max(believed, FADING * self.expected)
