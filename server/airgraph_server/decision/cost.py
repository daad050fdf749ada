"""How long a run takes, learned at warm-up and corrected by every run."""

from __future__ import annotations

from threading import Lock

WEIGHT_OF_NEW = 0.1
"""Share of the newest run in the running mean."""


class RunCost:
    """Seconds of one run: a constant plus a time a link, the link time kept as a running mean."""

    def __init__(self, per_link: float = 0.0) -> None:
        """Starts from a guess of the seconds a link."""
        self._lock = Lock()
        self._constant = 0.0
        self._per_link = per_link

    def calibrate(self, small: tuple[int, float], large: tuple[int, float]) -> None:
        """Fits the line through two measured (links, seconds) runs."""
        with self._lock:
            self._per_link = max((large[1] - small[1]) / max(large[0] - small[0], 1), 0.0)
            self._constant = max(small[1] - self._per_link * small[0], 0.0)

    def observe(self, links: int, seconds: float) -> None:
        """Corrects the time a link by one more run."""
        if links == 0:
            return
        seen = max(seconds - self._constant, 0.0) / links
        with self._lock:
            self._per_link += WEIGHT_OF_NEW * (seen - self._per_link)

    def predict(self, links: int) -> float:
        """Expected seconds of a run over ``links`` links."""
        with self._lock:
            return self._constant + self._per_link * links
