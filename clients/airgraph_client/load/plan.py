"""What a load test does."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from airgraph_client.errors import InvalidInstance
from airgraph_client.requests import PolicyName


class Arrivals(StrEnum):
    """When calls are sent."""

    POISSON = "poisson"
    CONSTANT = "constant"
    CLOSED = "closed"


class CallKind(StrEnum):
    """How instances travel."""

    UNARY = "unary"
    BATCH = "batch"
    STREAM = "stream"


@dataclass(frozen=True)
class LoadPlan:
    """One run against one server.

    Attributes:
        arrivals: Open loop, ``poisson`` (independent callers) or ``constant`` (a controller's period), or
            ``closed``: every caller sends its next call when the last one is answered.
        kind: One instance a call, many in one message, or a bidirectional stream.
        rate: Calls a second; with an open loop only.
        concurrency: Callers of the closed loop.
        duration: Seconds in which calls are sent and counted.
        warmup: Seconds before, in which calls are sent and not counted.
        deadline: Seconds from the intended send until an answer is of use; None = no deadline.
        batch: Instances in one message, with ``batch`` only.
        streams: Streams the calls are dealt over, with ``stream`` only.
        connections: Connections that calls and streams are dealt over; a server's worker has at least one to answer.
        policy: Who may answer.
        drain: Seconds to wait for answers after the last call; later ones count as unanswered.
        max_in_flight: Calls that may be unanswered at once; one more is not sent and counts as failed.
        seed: Of arrivals and of the choice of instances.
    """

    arrivals: Arrivals = Arrivals.POISSON
    kind: CallKind = CallKind.UNARY
    rate: float = 100.0
    concurrency: int = 4
    duration: float = 10.0
    warmup: float = 1.0
    deadline: float | None = None
    batch: int = 16
    streams: int = 1
    connections: int = 1
    policy: PolicyName = "auto"
    drain: float = 5.0
    max_in_flight: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuses a plan that could not end or could not begin.

        Raises:
            InvalidInstance: A number is out of its range.
        """
        for name in ("rate", "duration"):
            if not 0 < getattr(self, name) < np.inf:
                raise InvalidInstance(name, "a positive number", str(getattr(self, name)))
        if self.deadline is not None and not 0 < self.deadline < np.inf:
            raise InvalidInstance("deadline", "a positive number of seconds", str(self.deadline))
        for name in ("concurrency", "batch", "streams", "connections", "max_in_flight"):
            if getattr(self, name) < 1:
                raise InvalidInstance(name, "at least 1", str(getattr(self, name)))
        for name in ("warmup", "drain"):
            if not 0 <= getattr(self, name) < np.inf:
                raise InvalidInstance(name, "zero or a positive number of seconds", str(getattr(self, name)))

    @property
    def open_loop(self) -> bool:
        """Whether calls are sent by the clock, whatever became of those before."""
        return self.arrivals is not Arrivals.CLOSED

    @property
    def length(self) -> float:
        """Seconds from the first call to the last."""
        return self.warmup + self.duration

    def sends(self) -> Iterator[float]:
        """Intended times of the open loop's calls, in seconds from the start, rising, below `length`.

        Poisson arrivals have independent exponential gaps of mean 1 / rate; constant ones are 1 / rate apart.
        """
        if self.arrivals is Arrivals.CONSTANT:
            times: Iterator[float] = (i / self.rate for i in itertools.count())
        else:
            times = self._poisson()
        return itertools.takewhile(lambda time: time < self.length, times)

    def _poisson(self) -> Iterator[float]:
        rng = np.random.default_rng((self.seed, 1))
        time = 0.0
        while True:
            for gap in rng.exponential(1 / self.rate, 1024):
                time += float(gap)
                yield time
