"""What is counted of every answer."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from airgraph_server.decision.types import Decision, Timings
from airgraph_server.metrics import BulkHistogram, Metrics

STAGES = ("decode", "queue", "inference", "decision", "polish", "encode")


class AnswerMeters:
    """The metrics of an answer."""

    def __init__(self, metrics: Metrics) -> None:
        """Keeps the metrics."""
        self._metrics = metrics
        self._stages: dict[str, list[tuple[attrgetter[float], BulkHistogram]]] = {}

    def answered(self, family: str, decisions: Sequence[Decision]) -> None:
        """Counts the answers of one message that are of one family."""
        stages = self._stages.get(family)
        if stages is None:
            stages = [(attrgetter(stage), self._metrics.child("stage", family, stage)) for stage in STAGES]
            self._stages[family] = stages
        timings = [decision.timings for decision in decisions]
        for seconds, histogram in stages:
            histogram.observe_all(list(map(seconds, timings)))
        times: dict[tuple[str, str], int] = {}
        for decision in decisions:
            who = ("answers", decision.solver)
            times[who] = times.get(who, 0) + 1
            if decision.fallback is not None:
                why = ("fallbacks", decision.fallback.reason.value)
                times[why] = times.get(why, 0) + 1
        for (metric, label), count in times.items():
            self._metrics.child(metric, family, label).inc(count)
        ratios = [d.objective / d.baseline_objective for d in decisions if d.baseline_objective > 0]
        if ratios:
            self._metrics.child("objective_over_baseline", family).observe_all(ratios)

    def inferred(self, problem: str, model: str, timings: Timings) -> None:
        """Counts one run on a caller's own tensors."""
        for stage in ("decode", "queue", "inference", "encode"):
            self._metrics.child("stage", problem, stage).observe_all([getattr(timings, stage)])
        self._metrics.child("inferences", problem, model).inc()
