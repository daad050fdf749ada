"""The decision: what a caller gets, who produced it, and why.

AUTO never answers worse than the closed form and never late: the network's projected answer is compared with
the closed form, then both are starting points of a monotone classical algorithm that runs until it has
converged, has used its iterations, or the deadline is near. Where that algorithm proves its answer optimal by
itself, no network is asked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import Refined
from airgraph_server.decision.clock import PolishClock
from airgraph_server.decision.cost import RunCost
from airgraph_server.decision.draft import Draft
from airgraph_server.decision.effort import Effort
from airgraph_server.decision.finish import finish, grade
from airgraph_server.decision.network import NetworkAnswer, NetworkStage
from airgraph_server.decision.placement import Placement
from airgraph_server.decision.sharing import deadline_class, never, turn_ends
from airgraph_server.decision.types import Decision, Fallback, Policy, Reason, Task, Timings
from airgraph_server.decision.union import UnionDecision, UnionTask, decide_unions
from airgraph_server.errors import CallError, DeadlineMissedError, ModelCannotServeError, ModelNotFoundError
from airgraph_server.metrics import Metrics
from airgraph_server.settings import Settings

EXACT = "{solver} ends at the optimum, and sooner than a network answers"


class Decider:
    """Decides instances, many at a time, with no transport in sight."""

    def __init__(self, settings: Settings, metrics: Metrics, placement: Placement | None = None) -> None:
        """Keeps the polishing limits; without a placement all iterations run on the CPU."""
        self._settings = settings
        self._metrics = metrics
        self._effort = Effort(settings)
        self._placement = Placement(settings, metrics) if placement is None else placement
        self._network = NetworkStage(metrics, settings.max_batch_links)

    def decide(self, tasks: Sequence[Task], needed_at: Callable[[], float] = never) -> list[Decision | CallError]:
        """One decision or refusal a task, in order; one task's refusal harms no other.

        What has a deadline is polished until ``needed_at()`` at most, when others need the time.
        """
        began = perf_counter()
        results: list[Decision | CallError | None] = [self._late(task, began) for task in tasks]
        live = [i for i, result in enumerate(results) if result is None]
        asked = [i for i in live if tasks[i].shadow or not self._classical(tasks[i])]
        found = self._network.answer([tasks[i] for i in asked], lambda task: self._effort.spared(task, len(live)))
        answers = dict(zip(asked, found, strict=True))
        inferred = perf_counter()
        drafts: dict[int, Draft] = {}
        for i in live:
            draft = self._draft(tasks[i], answers.get(i), len(live))
            if isinstance(draft, CallError):
                results[i] = draft
            else:
                drafts[i] = draft
        polish_began = perf_counter()
        refined = self._refine(drafts, needed_at)
        polished = perf_counter()
        graded = grade(drafts, refined)
        finished = {i: finish(draft, refined[i], answers.get(i), *graded[i]) for i, draft in drafts.items()}
        ended = perf_counter()
        self._learn_finish(drafts, ended - polished)
        for i, decision in finished.items():
            decision.timings = Timings(
                inference=inferred - began if i in answers else 0.0,
                decision=(polish_began - inferred) + (ended - polished),
                polish=polished - polish_began,
                total=ended - began,
                began=began,
                polish_began=polish_began,
                ended=ended,
            )
            results[i] = decision
        return [result for result in results if result is not None]

    def decide_unions(self, tasks: Sequence[UnionTask]) -> list[UnionDecision | Exception]:
        """One result a union, in order; all of one model."""
        return decide_unions(tasks, self._metrics)

    def _classical(self, task: Task) -> bool:
        """Whether no network is asked: none is wanted, or AUTO's polisher is exact without the one there is."""
        return task.policy is Policy.CLASSICAL or (
            task.policy is Policy.AUTO and task.model is not None and self._exact(task)
        )

    def _exact(self, task: Task) -> bool:
        return self._effort.iterations(task) > 0 and task.family.exact(task.instance)

    @staticmethod
    def _late(task: Task, now: float) -> CallError | None:
        if task.abandoned():
            return DeadlineMissedError("the caller has gone away")
        if task.deadline is not None and now >= task.deadline:
            return DeadlineMissedError("the deadline passed before the answer was computed")
        return None

    def _draft(self, task: Task, answer: NetworkAnswer | Fallback | None, sharing: int) -> Draft | CallError:
        """Chooses the starting points of each policy; ``sharing`` tasks are decided in the same time."""
        family, instance = task.family, task.instance
        baseline = family.baseline(instance)
        if task.policy is Policy.CLASSICAL or task.shadow or not isinstance(answer, NetworkAnswer):
            fallback = Fallback(Reason.REQUESTED)
            if isinstance(answer, Fallback) and task.policy is not Policy.CLASSICAL and not task.shadow:
                refusal = _refusal(task, answer)
                if refusal is not None:
                    return refusal
                fallback = answer
            if task.policy is Policy.AUTO and not task.shadow:
                if answer is None:
                    detail = EXACT.format(solver=family.polisher(instance))
                    fallback = Fallback(Reason.BEATEN_BY_BASELINE, detail)
                return self._unlearned(task, baseline, fallback, sharing)
            starts = family.starts(instance)
            return Draft(task, baseline, None, fallback, starts, None, task.classical_iterations, 0.0, polished=False)
        name = task.model.name if task.model is not None else family.solver(instance)
        if task.policy is Policy.LEARNED:
            return Draft(task, baseline, answer, None, answer.allocation[None], name, 0, 0.0, polished=False)
        iterations, tolerance = self._effort.iterations(task), self._settings.polish_tolerance
        starts = answer.start[None]
        others = family.polish_starts(instance, self._effort.starts(task, iterations, sharing) - 1)
        if len(others):
            starts = np.concatenate([starts, others])
        elif answer.standing < family.standing(instance, baseline, family.objective(instance, baseline)):
            starts, name = family.baseline_start(instance, baseline), family.baseline_solver
        return Draft(task, baseline, answer, None, starts, name, iterations, tolerance, polished=True)

    def _unlearned(self, task: Task, baseline: npt.NDArray[Any], fallback: Fallback, sharing: int) -> Draft:
        """What AUTO does where the network cannot help: many classical starts if there is time for them, else one."""
        iterations = self._effort.iterations(task)
        # Who asks for no polish still gets WMMSE where the network cannot answer.
        most = self._effort.starts(task, iterations, sharing) if iterations else 1
        polished = task.family.polish_starts(task.instance, most)
        starts = polished if len(polished) > 1 else task.family.starts(task.instance)
        if len(polished) > 1 or self._exact(task):
            tolerance = self._settings.polish_tolerance
            return Draft(task, baseline, None, fallback, starts, None, iterations, tolerance, polished=True)
        return Draft(task, baseline, None, fallback, starts, None, task.classical_iterations, 0.0, polished=False)

    def _refine(self, drafts: dict[int, Draft], needed_at: Callable[[], float]) -> dict[int, Refined]:
        """Refines drafts together that share a stopping rule; the groups share the time."""
        now, works = perf_counter(), {}
        groups: dict[tuple[object, ...], list[int]] = {}
        refined: dict[int, Refined] = {}
        for i, draft in drafts.items():
            if draft.network is not None and draft.iterations == 0 and len(draft.starts) == 1:
                # The objective is taken of what is sent, once.
                refined[i] = Refined(draft.network.allocation, math.nan, 0, 0)
                continue
            task = draft.task
            algorithm = (task.family.name, task.family.solver(task.instance))
            batch = task.family.batch(task.instance)
            key = (
                algorithm,
                draft.polished,
                ("alone", i) if batch is None else batch,
                len(draft.starts),
                draft.iterations,
                draft.tolerance,
                deadline_class(task.deadline, now),
            )
            works[i] = task.family.measure(task.instance).links * len(draft.starts) * draft.iterations
            groups.setdefault(key, []).append(i)
        for members in groups.values():
            first = drafts[members[0]]
            family, instance = first.task.family, first.task.instance
            deadline = min((d for d in (drafts[i].task.deadline for i in members) if d is not None), default=None)
            # The largest sets the pace of its batch, which the others are padded for.
            links = max(family.measure(drafts[i].task.instance).links for i in members)
            work = links * len(first.starts) * len(members)
            what = "polish" if first.polished else "refine"
            placed = self._placement.place(family, instance, what, work, first.iterations)
            iteration = self._effort.cost(placed.what, family, instance)
            ending = self._effort.ending(placed.what, family, instance, work)
            latest = None
            if deadline is not None:
                finishing = len(members) * self._effort.cost("finish", family, instance).predict(links)
                latest = deadline - self._settings.deadline_reserve - finishing - ending.expected
                share = sum(works[i] for i in members)
                latest = turn_ends(latest, perf_counter(), share, sum(works.values()))
            works = {i: left for i, left in works.items() if i not in members}
            clock = PolishClock(latest, max(placed.apart * iteration.predict(work), placed.expected), needed_at)
            found = placed.solve(
                [drafts[i].task.instance for i in members],
                [drafts[i].starts for i in members],
                Stopping(first.iterations, first.tolerance, clock),
                latest,
            )
            if clock.stopped is not None:
                ending.observe(perf_counter() - clock.stopped)
            if clock.first:
                iteration.observe(work, clock.first / placed.apart)
            elif first.iterations:
                iteration.skipped()
            refined.update(zip(members, found, strict=True))
        return refined

    def _learn_finish(self, drafts: dict[int, Draft], seconds: float) -> None:
        """What an instance takes from its last iteration to its provenance."""
        links: dict[RunCost, list[int]] = {}
        for draft in drafts.values():
            family, instance = draft.task.family, draft.task.instance
            cost = self._effort.cost("finish", family, instance)
            links.setdefault(cost, []).append(family.measure(instance).links)
        for cost, counts in links.items():
            cost.observe(sum(counts) / len(counts), seconds / len(drafts))


def _refusal(task: Task, fallback: Fallback) -> CallError | None:
    """Who insists on the network is told when it cannot answer; AUTO falls back instead."""
    if task.policy is not Policy.LEARNED:
        return None
    if fallback.reason is Reason.MODEL_UNAVAILABLE:
        return ModelNotFoundError(fallback.detail)
    if fallback.reason is Reason.OUT_OF_DOMAIN:
        return ModelCannotServeError(fallback.detail)
    return None
