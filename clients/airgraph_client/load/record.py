"""What came back, counted while it comes."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

HIGHEST = 600_000_000
"""Longest latency told apart, microseconds."""
DIGITS = 3
"""Significant digits of a recorded latency."""
UNANSWERED = "UNANSWERED"
NOT_SENT = "NOT_SENT"


@dataclass(frozen=True)
class Outcome:
    """What became of one instance.

    Attributes:
        code: ``"OK"``, a gRPC code, ``"UNANSWERED"`` or ``"NOT_SENT"``.
        solver: What produced the answer; empty without one.
        fallback: Why it is not the model's; empty where it is.
    """

    code: str
    solver: str = ""
    fallback: str = ""


def histogram(digits: int = DIGITS) -> HdrHistogram:
    """An empty histogram of microseconds."""
    # Part of the extra `load`: the command line is there without it.
    from hdrh.histogram import HdrHistogram

    return HdrHistogram(1, HIGHEST, digits)


class Record:
    """Counts and histograms of one run; callbacks of several threads may write.

    Attributes:
        latency: Of answered instances, from the intended send to the answer, microseconds.
        service: Of the same, from the actual send.
        lag: Of calls sent, from the intended to the actual send: how far the generator itself fell behind.
        codes, solvers, fallbacks: Instances by what became of them.
        calls: Calls sent within the counted time.
        good: Instances answered within the deadline, from the intended send.
        seconds: Of each second of the run, by intended send: its latencies and its instances that failed.
    """

    def __init__(self, deadline: float | None) -> None:
        """Begins with nothing."""
        self._deadline = deadline
        self._lock = threading.Lock()
        self.latency, self.service, self.lag = histogram(), histogram(), histogram()
        self.codes: Counter[str] = Counter()
        self.solvers: Counter[str] = Counter()
        self.fallbacks: Counter[str] = Counter()
        self.calls = 0
        self.good = 0
        self.seconds: dict[int, tuple[HdrHistogram, Counter[str]]] = {}

    def sent(self, lag: float) -> None:
        """Counts a call as it goes out."""
        with self._lock:
            self.calls += 1
            self.lag.record_value(_microseconds(lag))

    def ended(self, at: float, latency: float, service: float, outcomes: list[Outcome]) -> None:
        """Counts the instances of a call.

        Args:
            at: Intended send, seconds from the start of the counted time.
            latency: Seconds from the intended send to the end.
            service: Seconds from the actual send to the end.
            outcomes: One an instance.
        """
        with self._lock:
            times, failed = self.seconds.setdefault(int(at), (histogram(2), Counter()))
            for outcome in outcomes:
                self.codes[outcome.code] += 1
                if outcome.code != "OK":
                    failed[outcome.code] += 1
                    continue
                times.record_value(_microseconds(latency))
                self.latency.record_value(_microseconds(latency))
                self.service.record_value(_microseconds(service))
                self.solvers[outcome.solver] += 1
                self.fallbacks[outcome.fallback or "none"] += 1
                self.good += self._deadline is None or latency <= self._deadline


def _microseconds(seconds: float) -> int:
    return min(max(round(seconds * 1e6), 1), HIGHEST)
