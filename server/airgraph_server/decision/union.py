"""Answers of the network alone to dense power-control instances that came together, decided as one.

What is not as nearly always, a network that fails or a deadline that is near, is none of this module's business: the
answer is `TakesTheLongWay`, and each instance is decided by itself, which finds out whom it concerns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from time import perf_counter

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.power_control_union import PowerControlFields, PowerControlUnion
from airgraph_server.decision.types import Decision, ServingModel, Timings
from airgraph_server.errors import DeadlineMissedError
from airgraph_server.metrics import Metrics


class TakesTheLongWay(Exception):  # noqa: N818
    """Each instance is to be decided by itself."""


@dataclass(frozen=True)
class UnionTask:
    """Instances of one call to decide.

    Attributes:
        instances: Of the same or of different sizes.
        model: The network to use.
        deadline: On the clock of `time.perf_counter`; None for no deadline.
        abandoned: Asked before compute: has the caller gone away?
    """

    instances: Sequence[PowerControlFields]
    model: ServingModel
    deadline: float | None = None
    abandoned: Callable[[], bool] = lambda: False

    @cached_property
    def links(self) -> int:
        """Gains of all instances."""
        return sum(one.gain.size for one in self.instances)

    @cached_property
    def nodes(self) -> int:
        """Pairs of all instances."""
        return sum(len(one.gain) for one in self.instances)


@dataclass
class UnionDecision:
    """One decision an instance, in order; they share their timings."""

    decisions: list[Decision]
    timings: Timings = field(default_factory=Timings)


def decide_unions(tasks: Sequence[UnionTask], metrics: Metrics) -> list[UnionDecision | Exception]:
    """One result a task: all in one run of the network, which they share."""
    began = perf_counter()
    results: list[UnionDecision | Exception | None] = [_late(task, began) for task in tasks]
    runs: dict[str, list[int]] = {}
    for i, task in enumerate(tasks):
        if results[i] is None:
            runs.setdefault(task.instances[0].gain.dtype.str, []).append(i)
    for members in runs.values():
        for i, result in zip(members, _decide([tasks[i] for i in members], began, metrics), strict=True):
            results[i] = result
    return [result for result in results if result is not None]


def _late(task: UnionTask, now: float) -> Exception | None:
    if task.abandoned():
        return DeadlineMissedError("the caller has gone away")
    if task.deadline is None:
        return None
    if now >= task.deadline:
        return DeadlineMissedError("the deadline passed before the answer was computed")
    if now + task.model.predicted_seconds(task.links) > task.deadline:
        # The closed form may still be in time.
        return TakesTheLongWay()
    return None


def _decide(tasks: Sequence[UnionTask], began: float, metrics: Metrics) -> list[UnionDecision | Exception]:
    """Tasks of one model and precision."""
    model = tasks[0].model
    union = PowerControlUnion.create([one for task in tasks for one in task.instances])
    output = None if union is None else _run(union, model)
    if union is None or output is None:
        return [_decide([task], began, metrics)[0] for task in tasks] if len(tasks) > 1 else [TakesTheLongWay()]
    inferred = perf_counter()
    count = len(union.sizes)
    metrics.batch_graphs.observe_all([count])
    metrics.batch_nodes.observe_all([union.nodes])
    graded = union.grade(output)
    ends = list(accumulate(union.sizes))
    decisions = [
        Decision(
            allocation=graded.sent[end - size : end],
            solver=model.name,
            model=model,
            fallback=None,
            objective=objective,
            baseline_objective=baseline,
            rates=graded.rates[end - size : end],
            margin=margin,
            batch_size=count,
        )
        for end, size, objective, baseline, margin in zip(
            ends, union.sizes, graded.objectives, graded.baselines, graded.margins, strict=True
        )
    ]
    ended = perf_counter()
    results: list[UnionDecision | Exception] = []
    taken = 0
    for task in tasks:
        mine = decisions[taken : taken + len(task.instances)]
        taken += len(mine)
        timings = Timings(
            inference=inferred - began,
            decision=ended - inferred,
            total=ended - began,
            began=began,
            polish_began=inferred,
            ended=ended,
        )
        for decision in mine:
            decision.timings = timings
        results.append(UnionDecision(mine, timings))
    return results


def _run(union: PowerControlUnion, model: ServingModel) -> npt.NDArray[np.float32] | None:
    """The network's output ``[N]``; None where it fails, or is not finite, which may spread in a union."""
    inputs = model.inputs(union.blocks())
    try:
        output = model.run(inputs, union.links)[: union.nodes, 0]
    except Exception:
        return None
    return output if np.count_nonzero(np.isfinite(output)) == union.nodes else None
