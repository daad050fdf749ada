"""What is counted of every answer; finding a labelled child costs more than counting, so they are kept."""

from __future__ import annotations

from typing import Any

from airgraph_server.decision.types import Decision, Timings
from airgraph_server.metrics import Metrics

STAGES = ("decode", "queue", "inference", "decision", "polish")


class AnswerMeters:
    """The metrics of an answer."""

    def __init__(self, metrics: Metrics) -> None:
        """Keeps the metrics."""
        self._metrics = metrics
        self._children: dict[tuple[str, ...], Any] = {}

    def answered(self, family: str, decision: Decision, encode_seconds: float) -> None:
        """Counts one answer."""
        for stage in STAGES:
            self._child("stage", family, stage).observe(getattr(decision.timings, stage))
        self._child("stage", family, "encode").observe(encode_seconds)
        self._child("answers", family, decision.solver).inc()
        if decision.fallback is not None:
            self._child("fallbacks", family, decision.fallback.reason.value).inc()
        if decision.baseline_objective > 0:
            ratio = decision.objective / decision.baseline_objective
            self._child("objective_over_baseline", family).observe(ratio)

    def inferred(self, problem: str, model: str, timings: Timings, encode_seconds: float) -> None:
        """Counts one run on a caller's own tensors."""
        for stage in ("decode", "queue", "inference"):
            self._child("stage", problem, stage).observe(getattr(timings, stage))
        self._child("stage", problem, "encode").observe(encode_seconds)
        self._child("inferences", problem, model).inc()

    def _child(self, metric: str, *labels: str) -> Any:
        key = (metric, *labels)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = getattr(self._metrics, metric).labels(*labels)
        return child
