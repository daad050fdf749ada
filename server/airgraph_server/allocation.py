"""From requests to responses: decode, decide, encode. The transport-free data plane.

A test, a benchmark or another front end calls this with messages; the servicers only pass calls on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import NamedTuple
from uuid import uuid4

from airgraph.v1 import allocator_pb2
from airgraph_models.problems import FAMILIES
from airgraph_server.audit import AuditLog
from airgraph_server.codec.answers import encode_decision
from airgraph_server.codec.problems import decode_problem
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.placement import Placement
from airgraph_server.decision.types import Decision, Policy, Task
from airgraph_server.errors import CallError, DeadlineMissedError, InvalidInstanceError
from airgraph_server.meters import AnswerMeters
from airgraph_server.metrics import Metrics
from airgraph_server.registry.examples import plain_instance
from airgraph_server.registry.model import LoadedModel
from airgraph_server.registry.registry import Registry
from airgraph_server.runtime.array_devices import load_array_device
from airgraph_server.scheduler.scheduler import Scheduler
from airgraph_server.scheduler.turns import Turns
from airgraph_server.scheduler.warm_up import warm_up_runs
from airgraph_server.settings import Settings
from airgraph_server.tracing.facts import LONGEST_ID, answer_facts, request_facts
from airgraph_server.tracing.spans import CallSpan, stages_of

POLICIES = {
    allocator_pb2.POLICY_UNSPECIFIED: Policy.AUTO,
    allocator_pb2.POLICY_AUTO: Policy.AUTO,
    allocator_pb2.POLICY_LEARNED: Policy.LEARNED,
    allocator_pb2.POLICY_CLASSICAL: Policy.CLASSICAL,
}
CLASSICAL_ITERATIONS = 100
"""What the papers call WMMSE: 100 iterations."""

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
        self._settings = settings
        self._registry = registry
        self._metrics = metrics
        self._placement = Placement(settings, metrics, load_array_device(settings))
        self.scheduler = Scheduler(settings, Decider(settings, metrics, self._placement), metrics, turns)
        self._meters = AnswerMeters(metrics)
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

        read = self._read(request, scope)
        task = read.task
        if isinstance(task, Exception):
            done(_refused(read.request, read.scope, read.began, task))
            return
        self.scheduler.submit(
            task, request.priority, lambda result: done(self._safe_outcome(read, task, result), _polished([result]))
        )

    def _safe_outcome(self, read: _Read, task: Task, result: Decision | Exception) -> Outcome:
        try:
            outcome = self._outcome(read, task, result)
            self._count([(task, result)])
        except Exception as error:
            return error
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
        """The outcomes, and for how long they were polished."""
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
        task = self._decode(request, scope)
        return _Read(request, scope, task, began, perf_counter())

    def _decode(self, request: allocator_pb2.AllocateRequest, scope: CallScope) -> Task | Exception:
        try:
            policy = POLICIES.get(request.policy)
            if policy is None:
                raise InvalidInstanceError("policy", "a policy of this version", str(request.policy))
            family, instance = decode_problem(request, self._settings)
            iterations = CLASSICAL_ITERATIONS
            if request.HasField("classical_iterations"):
                iterations = request.classical_iterations
                most = self._settings.max_classical_iterations
                if iterations > most:
                    raise InvalidInstanceError("classical_iterations", f"at most {most}", str(iterations))
            asked = (request.model.name, request.model.version) if request.HasField("model") else None
            model, detail = self._registry.find(family.name, asked)
        except Exception as error:
            # Whatever is wrong with one instance is told to its caller alone.
            return error
        return Task(
            family=family,
            instance=instance,
            policy=policy,
            model=model,
            model_detail=detail,
            shadow=request.shadow,
            deadline=scope.deadline,
            max_polish_iterations=(
                request.max_polish_iterations if request.HasField("max_polish_iterations") else None
            ),
            classical_iterations=iterations,
            abandoned=scope.abandoned,
            log_fields=_log_fields(request, scope),
        )

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
        response = encode_decision(request.request_id or uuid4().hex, task.family.name, task.instance, decision)
        if self.audit is not None:
            self.audit.answered(request, response, decision)
        ended = perf_counter()
        timings.encode = ended - began
        if span is not None:
            facts = request_facts(request) | answer_facts(task, decision)
            span.answered(facts, stages_of(timings, (read.began, read.ended), (began, ended)))
        return response


def _refused(request: allocator_pb2.AllocateRequest, scope: CallScope, began: float, error: Exception) -> Exception:
    """Records that one instance has no answer; gives the error back."""
    if scope.span is not None:
        scope.span.refused(request_facts(request), began, error)
    return error


def _polished(results: Sequence[Decision | Exception]) -> float | None:
    """Seconds of polishing, which gives way to others; None where nothing was decided."""
    return max((result.timings.polish for result in results if isinstance(result, Decision)), default=None)


def _log_fields(request: allocator_pb2.AllocateRequest, scope: CallScope) -> dict[str, str]:
    ids = {"request_id": request.request_id[:LONGEST_ID]}
    return ids if scope.span is None or not scope.span.trace_id else {**ids, "trace_id": scope.span.trace_id}
