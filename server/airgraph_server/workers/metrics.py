"""One metrics endpoint for all workers: what they have counted, dead ones included, and how they fare."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Tells the library, in a worker, to keep its values in files there: they outlive it."""


class _BegunFiles(MultiProcessCollector):
    """Passes over a file that a worker has just made and not given its size yet, which cannot be read."""

    def __init__(self, registry: CollectorRegistry, directory: str) -> None:
        self._directory = Path(directory)
        super().__init__(registry, directory)  # type: ignore[no-untyped-call]

    def collect(self) -> Iterable[Metric]:
        files = [str(path) for path in self._directory.glob("*.db") if _has_begun(path)]
        found: Iterable[Metric] = self.merge(files)  # type: ignore[no-untyped-call]
        return found


def _has_begun(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        # Of a gauge whose worker has ended since.
        return False


class WholeMetrics:
    """The sum over all workers, and the parent's own count of them."""

    def __init__(self, directory: str) -> None:
        """Reads the workers' files at every scrape."""
        self._directory = directory
        self.registry = CollectorRegistry()
        _BegunFiles(self.registry, directory)
        self.serving = Gauge("airgraph_workers", "Worker processes that serve.", registry=self.registry)
        self.ended = Counter(
            "airgraph_worker_restarts", "Worker processes that ended unasked and were replaced.", registry=self.registry
        )

    def forget(self, pid: int) -> None:
        """A worker has ended: its gauges count no more, what it counted stays."""
        mark_process_dead(pid, self._directory)  # type: ignore[no-untyped-call]
