"""A clock that is looked at every few iterations: a GPU is told its work ahead of time, and a look waits for it."""

from __future__ import annotations

from collections.abc import Callable


def _nothing() -> None:
    """Nothing is ever left to do."""


class SpacedClock:
    """Asked before every iteration, asks in turn before the first and then every so many.

    Attributes:
        over: Whether it has said that the time is over; it is then asked every time.
    """

    def __init__(self, expired: Callable[[], bool], apart: int = 1, wait: Callable[[], None] = _nothing) -> None:
        """Takes the clock to ask, the iterations between two looks, and what ends when the iterations have."""
        self.over = False
        self._expired = expired
        self._apart = apart
        self._wait = wait
        self._asked = 0

    def __call__(self) -> bool:
        """Whether the time was over at the last look."""
        look = self.over or self._asked % self._apart == 0
        self._asked += 1
        if look:
            self._wait()
            self.over = self._expired()
        return self.over
