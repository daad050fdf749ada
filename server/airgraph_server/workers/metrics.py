"""One metrics endpoint for all workers: what they have counted, dead ones included, and how they fare."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Tells the library, in a worker, to keep its values in files there: they outlive it."""


class WholeMetrics:
    """The sum over all workers, and the parent's own count of them."""

    def __init__(self, directory: str) -> None:
        """Reads the workers' files at every scrape."""
        self._directory = directory
        self.registry = CollectorRegistry()
        MultiProcessCollector(self.registry, directory)  # type: ignore[no-untyped-call]
        self.serving = Gauge("airgraph_workers", "Worker processes that serve.", registry=self.registry)
        self.ended = Counter(
            "airgraph_worker_restarts", "Worker processes that ended unasked and were replaced.", registry=self.registry
        )

    def forget(self, pid: int) -> None:
        """A worker has ended: its gauges count no more, what it counted stays."""
        mark_process_dead(pid, self._directory)  # type: ignore[no-untyped-call]
