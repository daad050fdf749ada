"""How long something takes that grows with the links: a line, fitted online."""

from __future__ import annotations

from threading import Lock

DECAY = 0.98
"""Weight that an observation loses with every later one."""
ANCHOR_WEIGHT = 3.0
LARGEST_SURPRISE = 3.0
"""An observation counts as at most this many times the prediction: one stall says little about the next run."""
FORGIVENESS = 0.9


class RunCost:
    """Seconds of one run, a constant plus a time a link, by weighted least squares.

    Two anchors, measured at warm-up or guessed, keep the line determined while all observations have one size.
    """

    def __init__(self, small: tuple[int, float] = (0, 1e-4), large: tuple[int, float] = (1_000_000, 0.2)) -> None:
        """Starts from two (links, seconds) guesses."""
        self._lock = Lock()
        self.calibrate(small, large)

    def calibrate(self, small: tuple[int, float], large: tuple[int, float]) -> None:
        """Starts anew from two measured (links, seconds) runs."""
        with self._lock:
            anchors = (small, large)
            self._anchored = ANCHOR_WEIGHT * len(anchors)
            self._anchored_x = ANCHOR_WEIGHT * sum(at for at, _ in anchors)
            self._anchored_y = ANCHOR_WEIGHT * sum(seconds for _, seconds in anchors)
            self._anchored_xx = ANCHOR_WEIGHT * sum(at * at for at, _ in anchors)
            self._anchored_xy = ANCHOR_WEIGHT * sum(at * seconds for at, seconds in anchors)
            self._scale = 1.0
            self._count = self._x = self._y = self._xx = self._xy = 0.0
            self._fit()

    def observe(self, links: float, seconds: float) -> None:
        """Corrects the line by one more run."""
        seen = min(seconds, LARGEST_SURPRISE * self.predict(links))
        with self._lock:
            self._scale = 1.0
            self._count = DECAY * self._count + 1.0
            self._x = DECAY * self._x + links
            self._y = DECAY * self._y + seen
            self._xx = DECAY * self._xx + links * links
            self._xy = DECAY * self._xy + links * seen
            self._fit()

    def skipped(self) -> None:
        """Something was left out for its predicted time: trust that a little less, so that it is tried again."""
        with self._lock:
            self._scale *= FORGIVENESS

    def predict(self, links: float) -> float:
        """Expected seconds of a run over ``links`` links."""
        constant, slope = self._line
        return self._scale * (constant + slope * links)

    def _fit(self) -> None:
        weight, x, y = self._count + self._anchored, self._x + self._anchored_x, self._y + self._anchored_y
        xx, xy = self._xx + self._anchored_xx, self._xy + self._anchored_xy
        slope = max((weight * xy - x * y) / max(weight * xx - x * x, 1e-300), 0.0)
        self._line = (max((y - slope * x) / weight, 0.0), slope)
