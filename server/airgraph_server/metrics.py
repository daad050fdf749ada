"""Prometheus metrics: base units, bounded labels."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Any

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5)
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
NODES = (10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000)
RATIOS = (0.5, 0.8, 0.9, 0.95, 0.99, 1.0, 1.01, 1.05, 1.1, 1.25, 1.5, 2, 3, 5, 10)


class BulkHistogram(Histogram):
    """A histogram that takes all observations of a message at once: a few additions instead of some for each."""

    def observe_all(self, amounts: Sequence[float]) -> None:
        """Observes each; none may be NaN."""
        if len(amounts) == 1:
            self._sum.inc(amounts[0])
            self._buckets[bisect_left(self._upper_bounds, amounts[0])].inc(1)
            return
        counts = np.bincount(np.searchsorted(self._upper_bounds, amounts))
        self._sum.inc(sum(amounts))
        for bucket in np.flatnonzero(counts).tolist():
            self._buckets[bucket].inc(int(counts[bucket]))


class Metrics:
    """All metrics of one server, in a collector registry of its own."""

    def __init__(self) -> None:
        """Registers every metric."""
        self._children: dict[tuple[str, ...], Any] = {}
        self.registry = registry = CollectorRegistry()
        call = ("grpc_service", "grpc_method")
        self.started = Counter("grpc_server_started", "Calls begun.", call, registry=registry)
        self.handled = Counter(
            "grpc_server_handled", "Calls ended, by status code.", (*call, "grpc_code"), registry=registry
        )
        self.handling = BulkHistogram(
            "grpc_server_handling_seconds", "Time in the handler.", call, buckets=SECONDS, registry=registry
        )
        self.stage = BulkHistogram(
            "airgraph_stage_seconds",
            "Time in one stage of an answer.",
            ("problem", "stage"),
            buckets=SECONDS,
            registry=registry,
        )
        self.answers = Counter(
            "airgraph_answers", "Answers, by what produced them.", ("problem", "solver"), registry=registry
        )
        self.inferences = Counter(
            "airgraph_inferences",
            "Runs on a caller's own tensors.",
            ("problem", "model"),
            registry=registry,
        )
        self.fallbacks = Counter(
            "airgraph_fallbacks", "Answers not led by the network, by reason.", ("problem", "reason"), registry=registry
        )
        self.iterated = Counter(
            "airgraph_iterated_groups",
            "Groups of instances that WMMSE or a polisher ran on, by device; counted where there is a GPU.",
            ("problem", "device"),
            registry=registry,
        )
        self.deadline_missed = Counter(
            "airgraph_deadline_missed", "Calls whose deadline passed before the answer.", registry=registry
        )
        self.shed = Counter("airgraph_shed", "Calls refused for overload.", registry=registry)
        self.batch_graphs = BulkHistogram(
            "airgraph_batch_graphs", "Graphs joined into one network run.", buckets=COUNTS, registry=registry
        )
        self.batch_nodes = BulkHistogram(
            "airgraph_batch_nodes", "Nodes joined into one network run.", buckets=NODES, registry=registry
        )
        # Of several processes: the sum of the depths; a model serves where all of them serve it.
        self.queue_depth = Gauge(
            "airgraph_queue_depth",
            "Calls admitted and not yet answered.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self.objective_over_baseline = BulkHistogram(
            "airgraph_objective_over_baseline",
            "Objective of the answer over the closed form's.",
            ("problem",),
            buckets=RATIOS,
            registry=registry,
        )
        self.model_info = Gauge(
            "airgraph_model_info",
            "1 for a model that serves, 0 for one that failed to load.",
            ("problem", "model", "version", "runtime", "device"),
            registry=registry,
            multiprocess_mode="livemin",
        )

    def child(self, metric: str, *labels: str) -> Any:
        """The metric of that name with these labels; looking it up here costs a fraction of `labels`."""
        key = (metric, *labels)
        known = self._children.get(key)
        if known is None:
            known = self._children[key] = getattr(self, metric).labels(*labels)
        return known
