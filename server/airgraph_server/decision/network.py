"""Runs the networks of many tasks: one disjoint union a model and kind of graph, cut by links, each as if alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from airgraph_models.problems import GraphView, UnsupportedInstanceError
from airgraph_server.decision.cost import RunCost
from airgraph_server.decision.types import Fallback, Policy, Reason, ServingModel, Task
from airgraph_server.log import logger
from airgraph_server.metrics import Metrics

UNANSWERED = Fallback(Reason.MODEL_UNAVAILABLE)
"""Stands where an answer will be."""
NOT_FINITE = Fallback(Reason.NON_FINITE, "the network's output is not finite")


@dataclass
class NetworkAnswer:
    """What the network alone answers.

    Attributes:
        seconds: Feature building and the network's run, for the whole batch.
        batch_size: Instances in that run.
    """

    seconds: float
    batch_size: int
    _task: Task
    _view: GraphView
    _rows: npt.NDArray[Any]

    @cached_property
    def allocation(self) -> npt.NDArray[Any]:
        """Within every limit, float64 or complex128. AUTO may never ask: it polishes from `start`."""
        return self._task.family.project(self._task.instance, self._view.read(self._rows))

    @cached_property
    def objective(self) -> float:
        """Of the allocation."""
        return self._task.family.objective(self._task.instance, self.allocation)

    @cached_property
    def start(self) -> npt.NDArray[Any]:
        """What the family's polisher starts from."""
        return self.allocation if self._view.start is None else self._view.start(self._rows)

    @cached_property
    def standing(self) -> tuple[float, float]:
        """Of the allocation, by the shortest way."""
        if self._view.value is not None:
            return 0.0, self._view.value(self.start)
        return self._task.family.standing(self._task.instance, self.allocation, self.objective)


@dataclass(frozen=True)
class _Ready:
    """A task that may run, with its graph."""

    position: int
    task: Task
    model: ServingModel
    view: GraphView

    @property
    def links(self) -> int:
        return self.view.graph.links


class NetworkStage:
    """From tasks to network answers."""

    def __init__(self, metrics: Metrics, max_batch_links: int) -> None:
        """Keeps the metrics and the link budget of one run."""
        self._metrics = metrics
        self._max_batch_links = max_batch_links
        self._preparing: dict[str, RunCost] = {}

    def answer(self, tasks: Sequence[Task], spared: Callable[[Task], float]) -> list[NetworkAnswer | Fallback]:
        """One entry a task: its network's answer, or why there is none.

        Args:
            tasks: What to answer.
            spared: Seconds before a task's deadline that the network must leave.
        """
        results: list[NetworkAnswer | Fallback] = []
        batches: dict[tuple[int, type], list[_Ready]] = {}
        began = perf_counter()
        for position, task in enumerate(tasks):
            ready = self._prepare(position, task, spared(task))
            if isinstance(ready, Fallback):
                results.append(ready)
                continue
            results.append(UNANSWERED)
            batches.setdefault((id(ready.model), type(ready.view.graph)), []).append(ready)
        self._learn_preparing([ready for batch in batches.values() for ready in batch], perf_counter() - began)
        for batch in batches.values():
            for part in self._cut(batch):
                for ready, result in zip(part, self._run(part, began), strict=True):
                    results[ready.position] = result
        return results

    def _prepare(self, position: int, task: Task, spared: float) -> _Ready | Fallback:
        model = task.model
        if model is None:
            return Fallback(Reason.MODEL_UNAVAILABLE, task.model_detail)
        refusal = model.refusal(task.family, task.instance)
        if refusal is not None:
            return Fallback(Reason.OUT_OF_DOMAIN, refusal)
        if task.deadline is not None:
            links, preparing = task.family.measure(task.instance).links, self._preparing_cost(task)
            needed = preparing.predict(links) + model.predicted_seconds(links)
            if perf_counter() + needed + spared > task.deadline:
                preparing.skipped()
                model.skipped()
                return Fallback(Reason.DEADLINE, _too_long(needed, spared))
        try:
            view = task.family.view(task.instance, model.layout)
        except UnsupportedInstanceError as error:
            return Fallback(Reason.OUT_OF_DOMAIN, str(error))
        # Who asks for the network alone gets it outside its training domain too; AUTO does not trust it there.
        if task.policy is Policy.AUTO or task.shadow:
            outside = model.out_of_domain(view.statistics, view.graph.nodes)
            if outside is not None:
                return Fallback(Reason.OUT_OF_DOMAIN, outside)
        return _Ready(position, task, model, view)

    def _preparing_cost(self, task: Task) -> RunCost:
        return self._preparing.get(task.family.name) or self._preparing.setdefault(task.family.name, RunCost())

    def _learn_preparing(self, prepared: list[_Ready], seconds: float) -> None:
        """What an instance takes before its network runs; in the mean, as all of a run are of one family."""
        if prepared:
            links = [ready.task.family.measure(ready.task.instance).links for ready in prepared]
            self._preparing_cost(prepared[0].task).observe(sum(links) / len(links), seconds / len(links))

    def _cut(self, batch: list[_Ready]) -> list[list[_Ready]]:
        parts: list[list[_Ready]] = [[]]
        links = 0
        for ready in batch:
            if parts[-1] and links + ready.links > self._max_batch_links:
                parts.append([])
                links = 0
            parts[-1].append(ready)
            links += ready.links
        return parts

    def _run(self, part: list[_Ready], began: float) -> list[NetworkAnswer | Fallback]:
        joined = part[0].model.join([ready.view.graph for ready in part])
        try:
            output = part[0].model.run(part[0].model.inputs(joined), sum(ready.links for ready in part))
        except Exception as error:
            if len(part) > 1:
                # Whatever broke the batch breaks only the instance that caused it.
                return [self._run([ready], began)[0] for ready in part]
            logger().error("network_failed", model=part[0].model.name, error=repr(error), **part[0].task.log_fields)
            return [Fallback(Reason.RUNTIME_ERROR, "the network failed on this instance")]
        nodes = sum(joined.sizes)
        # Padding, which comes last, may be anything.
        finite = bool(np.isfinite(output[:nodes]).all())
        if not finite and len(part) > 1:
            # In a block that instances share, what is not finite may spread.
            return [self._run([ready], began)[0] for ready in part]
        seconds = perf_counter() - began
        self._metrics.batch_graphs.observe_all([len(part)])
        self._metrics.batch_nodes.observe_all([nodes])
        if not finite:
            return [NOT_FINITE]
        return [
            NetworkAnswer(seconds, len(part), ready.task, ready.view, rows)
            for ready, rows in zip(part, joined.split(output), strict=True)
        ]


def _too_long(needed: float, spared: float) -> str:
    network = f"the network needs about {needed * 1e3:.2f} ms"
    return f"{network}, the starts beside it {spared * 1e3:.2f} ms" if spared else network
