"""From requests to responses: decode, decide, encode. The transport-free data plane.

A test, a benchmark or another front end calls this with messages; the servicers only pass calls on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from uuid import uuid4

from airgraph.v1 import allocator_pb2
from airgraph_server.audit import AuditLog
from airgraph_server.codec.answers import encode_decision
from airgraph_server.codec.problems import decode_problem
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.types import Decision, Policy, Task
from airgraph_server.errors import CallError, DeadlineMissedError, InvalidInstanceError
from airgraph_server.meters import AnswerMeters
from airgraph_server.metrics import Metrics
from airgraph_server.registry.model import LoadedModel
from airgraph_server.registry.registry import Registry
from airgraph_server.scheduler.job import Result
from airgraph_server.scheduler.scheduler import Scheduler
from airgraph_server.scheduler.warm_up import warm_up_runs
from airgraph_server.settings import Settings

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
    """

    deadline: float | None = None
    abandoned: Callable[[], bool] = lambda: False


class Allocation:
    """The data plane of one server."""

    def __init__(self, settings: Settings, registry: Registry, metrics: Metrics) -> None:
        """Keeps the parts of the path."""
        self._settings = settings
        self._registry = registry
        self._metrics = metrics
        self.scheduler = Scheduler(settings, Decider(settings, metrics), metrics)
        self._meters = AnswerMeters(metrics)
        self._audit = AuditLog(settings.audit_file) if settings.audit_file is not None else None

    def allocate(self, requests: Sequence[allocator_pb2.AllocateRequest], scope: CallScope) -> list[Outcome]:
        """One response or error a request, in order. A bad instance fails alone."""
        try:
            self.scheduler.door.enter(len(requests), scope.deadline)
        except CallError as refusal:
            return [refusal for _ in requests]
        try:
            outcomes = self._answer(requests, scope)
        finally:
            self.scheduler.door.leave(len(requests))
        late = scope.deadline is not None and perf_counter() > scope.deadline
        missed = len(outcomes) if late else sum(isinstance(outcome, DeadlineMissedError) for outcome in outcomes)
        self._metrics.deadline_missed.inc(missed)
        return outcomes

    def submit(
        self, request: allocator_pb2.AllocateRequest, scope: CallScope, answered: Callable[[Outcome], None]
    ) -> None:
        """Answers one instance some time later, from another thread; a refusal at once, from this one."""
        began = perf_counter()
        try:
            self.scheduler.door.enter(1, scope.deadline)
        except CallError as refusal:
            answered(refusal)
            return

        def done(outcome: Outcome) -> None:
            self.scheduler.door.leave(1)
            self._metrics.deadline_missed.inc(isinstance(outcome, DeadlineMissedError))
            answered(outcome)

        task = self._decode(request, scope)
        decoding = perf_counter() - began
        if isinstance(task, Exception):
            done(task)
            return
        decided = partial(self._encoded, request, task, decoding)
        self.scheduler.submit(task, request.priority, lambda result: done(decided(result)))

    def _encoded(
        self, request: allocator_pb2.AllocateRequest, task: Task, decode_seconds: float, result: Result
    ) -> Outcome:
        try:
            return result if isinstance(result, Exception) else self._encode(request, task, result, decode_seconds)
        except Exception as error:
            return error

    def warm_up(self, model: LoadedModel) -> None:
        """Runs a model on instances of several sizes, so that the first caller's chances are known."""
        self.scheduler.calibrate(warm_up_runs(model))

    def close(self) -> None:
        """Ends the threads."""
        self.scheduler.close()
        if self._audit is not None:
            self._audit.close()

    def _answer(self, requests: Sequence[allocator_pb2.AllocateRequest], scope: CallScope) -> list[Outcome]:
        began = perf_counter()
        decoded = [self._decode(request, scope) for request in requests]
        decode_seconds = (perf_counter() - began) / max(len(requests), 1)
        tasks = [(i, task) for i, task in enumerate(decoded) if isinstance(task, Task)]
        outcomes: list[Outcome | Task] = list(decoded)
        results = self.scheduler.run([task for _, task in tasks], [requests[i].priority for i, _ in tasks])
        for (i, task), result in zip(tasks, results, strict=True):
            if isinstance(result, Exception):
                outcomes[i] = result
            else:
                outcomes[i] = self._encode(requests[i], task, result, decode_seconds)
        return [outcome for outcome in outcomes if not isinstance(outcome, Task)]

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
        )

    def _encode(
        self, request: allocator_pb2.AllocateRequest, task: Task, decision: Decision, decode_seconds: float
    ) -> allocator_pb2.AllocateResponse:
        began = perf_counter()
        timings = decision.timings
        timings.decode = decode_seconds
        timings.total += timings.queue + decode_seconds
        response = encode_decision(request.request_id or uuid4().hex, task.family.name, task.instance, decision)
        if self._audit is not None:
            self._audit.write(request, response, decision)
        self._meters.answered(task.family.name, decision, perf_counter() - began)
        return response
