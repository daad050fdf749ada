"""What is counted of every answer; finding a labelled child costs more than counting, so they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airgraph_server.decision.types import Decision, Timings
from airgraph_server.metrics import Metrics

STAGES = ("decode", "queue", "inference", "decision", "polish", "encode")


class AnswerMeters:
    """The metrics of an answer."""

    def __init__(self, metrics: Metrics) -> None:
        """Keeps the metrics."""
        self._metrics = metrics
        self._children: dict[tuple[str, ...], Any] = {}

    def answered(self, family: str, decisions: Sequence[Decision]) -> None:
        """Counts the answers of one message that are of one family."""
        for stage in STAGES:
            self._child("stage", family, stage).observe_all([getattr(d.timings, stage) for d in decisions])
        times: dict[tuple[str, str], int] = {}
        for decision in decisions:
            who = ("answers", decision.solver)
            times[who] = times.get(who, 0) + 1
            if decision.fallback is not None:
                why = ("fallbacks", decision.fallback.reason.value)
                times[why] = times.get(why, 0) + 1
        for (metric, label), count in times.items():
            self._child(metric, family, label).inc(count)
        ratios = [d.objective / d.baseline_objective for d in decisions if d.baseline_objective > 0]
        if ratios:
            self._child("objective_over_baseline", family).observe_all(ratios)

    def inferred(self, problem: str, model: str, timings: Timings) -> None:
        """Counts one run on a caller's own tensors."""
        for stage in ("decode", "queue", "inference", "encode"):
            self._child("stage", problem, stage).observe_all([getattr(timings, stage)])
        self._child("inferences", problem, model).inc()

    def _child(self, metric: str, *labels: str) -> Any:
        key = (metric, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = getattr(self._metrics, metric).labels(*labels)
        return child
