"""Stops polishing before the iteration that would end too late."""

from __future__ import annotations

from time import perf_counter


class PolishClock:
    """Asked before every iteration; takes the longest one so far as the length of the next.

    Attributes:
        longest: Seconds of the longest iteration seen, or the estimate it began with.
        measured: Seconds of the newest iteration; 0 before the first has ended.
    """

    def __init__(self, latest: float | None, first: float) -> None:
        """Stops at ``latest`` on the clock of `time.perf_counter` (None: never); ``first`` guesses an iteration."""
        self.longest = first
        self.measured = 0.0
        self._latest = latest
        self._before: float | None = None

    def __call__(self) -> bool:
        """Whether the next iteration would end too late."""
        now = perf_counter()
        if self._before is not None:
            self.measured = now - self._before
            self.longest = max(self.longest, self.measured)
        self._before = now
        return self._latest is not None and now + self.longest >= self._latest
