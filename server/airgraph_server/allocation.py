"""From requests to responses: decode, decide, encode. The transport-free data plane.

A test, a benchmark or another front end calls this with messages; the servicers only pass calls on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple
from uuid import uuid4

from airgraph.v1 import allocator_pb2
from airgraph_models.problems import FAMILIES, POWER_CONTROL
from airgraph_server.audit import AuditLog
from airgraph_server.codec.answers import encode_decision
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.placement import Placement
from airgraph_server.decision.types import Decision, Task
from airgraph_server.decision.union import TakesTheLongWay, UnionDecision
from airgraph_server.errors import CallError, DeadlineMissedError
from airgraph_server.meters import AnswerMeters
from airgraph_server.metrics import Metrics
from airgraph_server.reading import Reader
from airgraph_server.registry.examples import plain_instance
from airgraph_server.registry.model import LoadedModel
from airgraph_server.registry.registry import Registry
from airgraph_server.runtime.array_devices import load_array_device
from airgraph_server.scheduler.scheduler import Scheduler
from airgraph_server.scheduler.turns import Turns
from airgraph_server.scheduler.warm_up import warm_up_runs
from airgraph_server.settings import Settings
from airgraph_server.together import Gatherer, Together
from airgraph_server.tracing.facts import answer_facts, instance_facts, request_facts, union_facts
from airgraph_server.tracing.spans import CallSpan, stages_of

Outcome = allocator_pb2.AllocateResponse | Exception


@dataclass(frozen=True)
class CallScope:
    """What an answer needs to know of its call.

    Attributes:
        deadline: On the clock of `time.perf_counter`; None for no deadline.
        abandoned: Has the caller gone away?
        span: What records the call; None where nobody does.
    """

    deadline: float | None = None
    abandoned: Callable[[], bool] = lambda: False
    span: CallSpan | None = None


class _Read(NamedTuple):
    """A request with what was read of it, and when on the clock of `time.perf_counter`."""

    request: allocator_pb2.AllocateRequest
    scope: CallScope
    task: Task | Exception
    began: float
    ended: float


class Allocation:
    """The data plane of one server."""

    def __init__(
        self,
        settings: Settings,
        registry: Registry,
        metrics: Metrics,
        turns: Turns | None = None,
    ) -> None:
        """Keeps the parts of the path; ``turns`` are the threads that calls come in."""
        self._metrics = metrics
        self._placement = Placement(settings, metrics, load_array_device(settings))
        self.scheduler = Scheduler(settings, Decider(settings, metrics, self._placement), metrics, turns)
        self._meters = AnswerMeters(metrics)
        self._reader = Reader(settings, registry)
        self._gatherer = Gatherer(settings, registry)
        self.audit = AuditLog(settings.audit_file) if settings.audit_file is not None else None

    def allocate(self, requests: Sequence[allocator_pb2.AllocateRequest], scope: CallScope) -> list[Outcome]:
        """One response or error a request, in order. A bad instance fails alone."""
        try:
            visit = self.scheduler.door.enter(len(requests), scope.deadline)
        except CallError as refusal:
            return [_refused(request, scope, perf_counter(), refusal) for request in requests]
        polished: float | None = None
        try:
            outcomes, polished = self._answer(requests, scope)
        finally:
            self.scheduler.door.leave(visit, polished)
        late = scope.deadline is not None and perf_counter() > scope.deadline
        missed = len(outcomes) if late else sum(isinstance(outcome, DeadlineMissedError) for outcome in outcomes)
        self._metrics.deadline_missed.inc(missed)
        return outcomes

    def submit(
        self, request: allocator_pb2.AllocateRequest, scope: CallScope, answered: Callable[[Outcome], None]
    ) -> None:
        """Answers one instance some time later, from another thread; a refusal at once, from this one."""
        try:
            visit = self.scheduler.door.enter(1, scope.deadline)
        except CallError as refusal:
            answered(_refused(request, scope, perf_counter(), refusal))
            return

        def done(outcome: Outcome, polished: float | None = None) -> None:
            self.scheduler.door.leave(visit, polished)
            self._metrics.deadline_missed.inc(isinstance(outcome, DeadlineMissedError))
            answered(outcome)

        def each() -> None:
            read = self._read(request, scope)
            task = read.task
            if isinstance(task, Exception):
                done(_refused(read.request, read.scope, read.began, task))
                return

            def decided(result: Decision | Exception) -> None:
                done(_safe(lambda: self._counted(read, task, result)), _polished([result]))

            self.scheduler.submit(task, request.priority, decided)

        together = self._gatherer.gather([request], scope.deadline, scope.abandoned)
        if not together:
            each()
            return

        def joined(result: UnionDecision | Exception) -> None:
            if isinstance(result, TakesTheLongWay):
                each()
            else:
                spared = 0.0 if isinstance(result, UnionDecision) else None
                done(_safe(lambda: self._outcomes(together[0], [request], scope, result)[0]), spared)

        self.scheduler.submit(together[0].task, request.priority, joined)

    def _counted(self, read: _Read, task: Task, result: Decision | Exception) -> Outcome:
        outcome = self._outcome(read, task, result)
        self._count([(task, result)])
        return outcome

    def warm_up(self, model: LoadedModel) -> None:
        """Runs a model on instances of several sizes, so that the first caller's chances are known."""
        self.scheduler.calibrate(warm_up_runs(model))
        self._placement.warm_up(FAMILIES[model.card.problem], partial(plain_instance, model.card))

    def close(self) -> None:
        """Ends the threads."""
        self.scheduler.close()
        if self.audit is not None:
            self.audit.close()

    def _answer(
        self, requests: Sequence[allocator_pb2.AllocateRequest], scope: CallScope
    ) -> tuple[list[Outcome], float | None]:
        """The outcomes, and for how long they were polished: first of what goes together, then of the rest."""
        outcomes: dict[int, Outcome] = {}
        together = self._gatherer.gather(requests, scope.deadline, scope.abandoned)
        results = self.scheduler.run([part.task for part in together], [part.priority for part in together])
        for part, result in zip(together, results, strict=True):
            if not isinstance(result, TakesTheLongWay):
                members = [requests[i] for i in part.positions]
                outcomes.update(zip(part.positions, self._outcomes(part, members, scope, result), strict=True))
        rest = [i for i in range(len(requests)) if i not in outcomes]
        if not rest:
            return [outcomes[i] for i in range(len(requests))], _polished(results)
        found, polished = self._answer_each([requests[i] for i in rest], scope)
        outcomes.update(zip(rest, found, strict=True))
        return [outcomes[i] for i in range(len(requests))], polished

    def _outcomes(
        self,
        part: Together,
        requests: Sequence[allocator_pb2.AllocateRequest],
        scope: CallScope,
        result: UnionDecision | Exception,
    ) -> list[Outcome]:
        """Of a union, to each request what is its own."""
        if isinstance(result, Exception):
            return [_refused(request, scope, part.began, result) for request in requests]
        began, timings, decisions = perf_counter(), result.timings, result.decisions
        timings.decode = (part.ended - part.began) / len(requests)
        timings.total += timings.queue + timings.decode
        responses = [
            self._response(request, POWER_CONTROL.name, None, decision)
            for request, decision in zip(requests, decisions, strict=True)
        ]
        ended = perf_counter()
        timings.encode = (ended - began) / len(requests)
        if scope.span is not None:
            stages = stages_of(timings, (part.began, part.ended), (began, ended))
            for request, decision, one in zip(requests, decisions, part.task.instances, strict=True):
                facts = request_facts(request) | union_facts(len(one.gain)) | answer_facts(decision)
                scope.span.answered(facts, stages)
        self._meters.answered(POWER_CONTROL.name, decisions)
        return list(responses)

    def _answer_each(
        self, requests: Sequence[allocator_pb2.AllocateRequest], scope: CallScope
    ) -> tuple[list[Outcome], float | None]:
        """The same of requests that are read one by one."""
        reads = [self._read(request, scope) for request in requests]
        tasks = [(i, read.task) for i, read in enumerate(reads) if isinstance(read.task, Task)]
        outcomes: list[Outcome | None] = [
            _refused(read.request, read.scope, read.began, read.task) if isinstance(read.task, Exception) else None
            for read in reads
        ]
        results = self.scheduler.run([task for _, task in tasks], [requests[i].priority for i, _ in tasks])
        for (i, task), result in zip(tasks, results, strict=True):
            outcomes[i] = self._outcome(reads[i], task, result)
        self._count([(task, result) for (_, task), result in zip(tasks, results, strict=True)])
        return [outcome for outcome in outcomes if outcome is not None], _polished(results)

    def _read(self, request: allocator_pb2.AllocateRequest, scope: CallScope) -> _Read:
        began = perf_counter()
        trace_id = "" if scope.span is None else scope.span.trace_id
        task = self._reader.read(request, scope.deadline, scope.abandoned, trace_id)
        return _Read(request, scope, task, began, perf_counter())

    def _count(self, answers: Sequence[tuple[Task, Decision | Exception]]) -> None:
        """Counts what was answered, all of a family at once."""
        decisions: dict[str, list[Decision]] = {}
        for task, result in answers:
            if isinstance(result, Decision):
                decisions.setdefault(task.family.name, []).append(result)
        for family, mine in decisions.items():
            self._meters.answered(family, mine)

    def _outcome(self, read: _Read, task: Task, result: Decision | Exception) -> Outcome:
        return (
            _refused(read.request, read.scope, read.began, result)
            if isinstance(result, Exception)
            else self._encode(read, task, result)
        )

    def _encode(self, read: _Read, task: Task, decision: Decision) -> allocator_pb2.AllocateResponse:
        began = perf_counter()
        request, timings, span = read.request, decision.timings, read.scope.span
        timings.decode = read.ended - read.began
        timings.total += timings.queue + timings.decode
        response = self._response(request, task.family.name, task.instance, decision)
        ended = perf_counter()
        timings.encode = ended - began
        if span is not None:
            facts = request_facts(request) | instance_facts(task) | answer_facts(decision)
            span.answered(facts, stages_of(timings, (read.began, read.ended), (began, ended)))
        return response

    def _response(
        self, request: allocator_pb2.AllocateRequest, family: str, instance: Any, decision: Decision
    ) -> allocator_pb2.AllocateResponse:
        """An answer as it is sent, and recorded where answers are."""
        response = encode_decision(request.request_id or uuid4().hex, family, instance, decision)
        if self.audit is not None:
            self.audit.answered(request, response, decision)
        return response


def _refused(request: allocator_pb2.AllocateRequest, scope: CallScope, began: float, error: Exception) -> Exception:
    """Records that one instance has no answer; gives the error back."""
    if scope.span is not None:
        scope.span.refused(request_facts(request), began, error)
    return error


def _safe(outcome: Callable[[], Outcome]) -> Outcome:
    """An outcome, or what went wrong in making it: for threads in which nobody would hear of it."""
    try:
        return outcome()
    except Exception as error:
        return error


def _polished(results: Sequence[Decision | UnionDecision | Exception]) -> float | None:
    """Seconds of polishing, which gives way to others; None where nothing was decided, or only in company.

    The stay of who has waited for company says how much company came, and not how long it takes.
    """
    timings = [result.timings for result in results if not isinstance(result, Exception)]
    return max((spent.polish for spent in timings if not spent.meeting), default=None)
