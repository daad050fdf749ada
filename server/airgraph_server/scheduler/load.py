r"""How long a run takes: a line in its links, nodes and instances, fitted at warm-up and corrected by every run.

.. math:: t = a \cdot \text{links} + b \cdot \text{nodes} + c \cdot \text{instances} + d, \qquad a, b, c, d \ge 0.
"""

from __future__ import annotations

from collections import deque
from threading import Lock
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

REMEMBERED = 96
REFIT_EVERY = 16
WEIGHT_OF_NEW = 0.1
"""Share of the newest run in the factor that corrects the line between two fits."""
LARGEST_SURPRISE = 4.0
"""A run counts as at most this many times its prediction: one stall says little about the next."""
FIRST_GUESS = (2e-7, 1e-6, 2e-4, 2e-4)
"""Seconds a link, node, instance and run, until something was measured."""
SMALL_LINKS = 10_000
"""Links an instance up to which a run is small: much of its time is the interpreter's, which runs one thread."""


class Load(NamedTuple):
    """What a run has to do."""

    links: int
    nodes: int
    instances: int = 1

    def __add__(self, other: Load) -> Load:  # type: ignore[override]
        """Both together."""
        return Load(self.links + other.links, self.nodes + other.nodes, self.instances + other.instances)

    @property
    def small(self) -> bool:
        """Whether the instances are, in the mean, so small that two such runs would only lengthen each other."""
        return self.links <= SMALL_LINKS * self.instances

    def __sub__(self, other: Load) -> Load:
        """What is left without the other."""
        return Load(self.links - other.links, self.nodes - other.nodes, self.instances - other.instances)


NOTHING = Load(0, 0, 0)


class LoadCost:
    """Seconds of a run by its load."""

    def __init__(self) -> None:
        """Starts from a rough guess; `calibrate` and `observe` mend it."""
        self._lock = Lock()
        self._line = FIRST_GUESS
        self._factor = 1.0
        self._anchors: list[tuple[Load, float]] = []
        self._seen: deque[tuple[Load, float]] = deque(maxlen=REMEMBERED)
        self._since_fit = 0

    def calibrate(self, runs: list[tuple[Load, float]]) -> None:
        """Starts anew from measured runs."""
        with self._lock:
            self._anchors = list(runs)
            self._seen.clear()
            self._fit()

    def observe(self, load: Load, seconds: float) -> None:
        """Corrects the line by one more run."""
        with self._lock:
            expected = self._plain(load)
            seen = min(seconds, LARGEST_SURPRISE * self._factor * expected)
            self._seen.append((load, seen))
            self._factor += WEIGHT_OF_NEW * (seen / expected - self._factor)
            self._since_fit += 1
            if self._since_fit >= REFIT_EVERY:
                self._fit()

    def predict(self, load: Load) -> float:
        """Expected seconds of a run."""
        return self._factor * self._plain(load)

    def _plain(self, load: Load) -> float:
        links, nodes, instances, constant = self._line
        return max(links * load.links + nodes * load.nodes + instances * load.instances + constant, 1e-6)

    def _fit(self) -> None:
        runs = [*self._anchors, *self._seen]
        seconds = np.array([seen for _, seen in runs])
        rows = np.array([(load.links, load.nodes, load.instances, 1.0) for load, _ in runs])
        # Relative errors: a short run must be predicted as well as a long one.
        weight = 1.0 / np.maximum(seconds, 1e-6)
        scale = np.maximum((rows * weight[:, None]).max(axis=0), 1e-12)
        solution, _ = nnls(rows * weight[:, None] / scale, seconds * weight)
        links, nodes, instances, constant = (solution / scale).tolist()
        self._line = (links, nodes, instances, constant)
        self._factor = 1.0
        self._since_fit = 0
