"""From requests to responses: decode, decide, encode. The transport-free data plane.

A test, a benchmark or another front end calls this with messages; the servicers only pass calls on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from uuid import uuid4

from airgraph.v1 import allocator_pb2
from airgraph_server.admission import Admission
from airgraph_server.codec.answers import encode_decision
from airgraph_server.codec.problems import decode_problem
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.types import Decision, Policy, Task
from airgraph_server.errors import CallError, DeadlineMissedError, InvalidInstanceError
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
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
        self._decider = Decider(settings, metrics)
        self._admission = Admission(settings.threads, settings.max_queued_calls, metrics)

    def allocate(self, requests: Sequence[allocator_pb2.AllocateRequest], scope: CallScope) -> list[Outcome]:
        """One response or error a request, in order. A bad instance fails alone."""
        try:
            with self._admission.admitted(scope.deadline) as waited:
                outcomes = self._answer(requests, scope, waited)
        except CallError as refusal:
            outcomes = [refusal for _ in requests]
        late = scope.deadline is not None and perf_counter() > scope.deadline
        missed = len(outcomes) if late else sum(isinstance(outcome, DeadlineMissedError) for outcome in outcomes)
        self._metrics.deadline_missed.inc(missed)
        return outcomes

    def _answer(
        self, requests: Sequence[allocator_pb2.AllocateRequest], scope: CallScope, waited: float
    ) -> list[Outcome]:
        began = perf_counter()
        decoded = [self._decode(request, scope) for request in requests]
        decode_seconds = perf_counter() - began
        tasks = [(i, task) for i, task in enumerate(decoded) if isinstance(task, Task)]
        answered: dict[int, Outcome] = {i: error for i, error in enumerate(decoded) if not isinstance(error, Task)}
        decisions = self._decide([task for _, task in tasks])
        for (i, task), decision in zip(tasks, decisions, strict=True):
            if isinstance(decision, Exception):
                answered[i] = decision
                continue
            decision.timings.queue = waited
            decision.timings.decode = decode_seconds / len(requests)
            decision.timings.total += waited + decode_seconds
            answered[i] = self._encode(requests[i], task, decision)
        return [answered[i] for i in range(len(requests))]

    def _decide(self, tasks: list[Task]) -> Sequence[Decision | Exception]:
        """Decides all at once; where that breaks, each alone, so that it breaks for the culprit only."""
        try:
            return self._decider.decide(tasks)
        except Exception as error:
            if len(tasks) == 1:
                return [error]
            return [self._decide([task])[0] for task in tasks]

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
        self, request: allocator_pb2.AllocateRequest, task: Task, decision: Decision
    ) -> allocator_pb2.AllocateResponse:
        began = perf_counter()
        family = task.family.name
        response = encode_decision(request.request_id or uuid4().hex, family, decision)
        timings = decision.timings
        observed = {
            "decode": timings.decode,
            "queue": timings.queue,
            "inference": timings.inference,
            "decision": timings.decision,
            "polish": timings.polish,
            "encode": perf_counter() - began,
        }
        for stage, seconds in observed.items():
            self._metrics.stage.labels(family, stage).observe(seconds)
        self._metrics.answers.labels(family, decision.solver).inc()
        if decision.fallback is not None:
            self._metrics.fallbacks.labels(family, decision.fallback.reason.value).inc()
        if decision.baseline_objective > 0:
            self._metrics.objective_over_baseline.labels(family).observe(
                decision.objective / decision.baseline_objective
            )
        return response
