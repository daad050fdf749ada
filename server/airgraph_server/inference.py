"""Runs of the networks on a caller's own tensors: read, queue, run, write. Transport-free, like `allocation`."""

from __future__ import annotations

from time import perf_counter

from airgraph_server.allocation import CallScope
from airgraph_server.audit import AuditLog
from airgraph_server.codec.raw_tensors import read_inputs
from airgraph_server.errors import DeadlineMissedError, InvalidInstanceError, ModelNotFoundError
from airgraph_server.meters import AnswerMeters
from airgraph_server.metrics import Metrics
from airgraph_server.registry.model import LoadedModel
from airgraph_server.registry.registry import Entry, Registry
from airgraph_server.scheduler.raw import RawOutput, RawRun
from airgraph_server.scheduler.scheduler import Scheduler
from airgraph_server.tracing.facts import LONGEST_ID
from airgraph_server.tracing.spans import Facts, stages_of
from inference import open_inference_pb2 as messages


class Inference:
    """Admission, queue, counts and record are those of allocations; what a network says here is nobody's allocation."""

    def __init__(self, registry: Registry, scheduler: Scheduler, metrics: Metrics, audit: AuditLog | None) -> None:
        """Keeps the models, the scheduler that they share with allocations, and what hears of answers."""
        self._registry, self._scheduler, self._metrics, self._audit = registry, scheduler, metrics, audit
        self._meters = AnswerMeters(metrics)

    def find(self, name: str, wanted: str) -> tuple[Entry, LoadedModel]:
        """The newest ready model called ``problem/name``, or ``name`` where that is unique.

        Raises:
            ModelNotFoundError: There is none, or none of the wanted version.
            InvalidInstanceError: Several problems have one.
        """
        found = self._registry.newest(name, wanted)
        if found is None or found.model is None:
            raise ModelNotFoundError(f"no model {name!r} version {wanted or 'any'!r} is ready")
        problems = sorted({e.problem for e in self._registry.entries() if name in (e.name, f"{e.problem}/{e.name}")})
        if len(problems) > 1:
            raise InvalidInstanceError("name", "problem/name where several problems have it", ", ".join(problems))
        return found, found.model

    def infer(self, request: messages.ModelInferRequest, scope: CallScope) -> messages.ModelInferResponse:
        """Runs a network once.

        Raises:
            CallError: The call is shed, late, or for a model that is not there.
            InvalidInstanceError: The tensors are not the network's.
        """
        door, missed = self._scheduler.door, False
        visit, spared = door.enter(1, scope.deadline), None
        try:
            response = self._answer(request, scope)
            spared = 0.0
            return response
        except DeadlineMissedError:
            missed = True
            raise
        finally:
            door.leave(visit, spared)
            late = scope.deadline is not None and perf_counter() > scope.deadline
            self._metrics.deadline_missed.inc(missed or late)

    def _answer(self, request: messages.ModelInferRequest, scope: CallScope) -> messages.ModelInferResponse:
        began = perf_counter()
        entry, model = self.find(request.model_name, request.model_version)
        asked = [tensor.name for tensor in request.outputs]
        if any(name != model.output_name for name in asked):
            raise InvalidInstanceError("outputs", model.output_name, ", ".join(asked))
        run = RawRun(entry.problem, model, read_inputs(request, model.example), scope.deadline, scope.abandoned)
        read = perf_counter()
        (result,) = self._scheduler.run([run])
        if isinstance(result, Exception):
            raise result
        return self._encode(request, model, entry.problem, result, scope, (began, read))

    def _encode(
        self,
        request: messages.ModelInferRequest,
        model: LoadedModel,
        problem: str,
        result: RawOutput,
        scope: CallScope,
        decoding: tuple[float, float],
    ) -> messages.ModelInferResponse:
        began, values = perf_counter(), result.values
        output = messages.ModelInferResponse.InferOutputTensor(
            name=model.output_name, datatype="FP32", shape=values.shape
        )
        response = messages.ModelInferResponse(
            model_name=request.model_name,
            model_version=model.version,
            id=request.id,
            outputs=[output],
            raw_output_contents=[values.astype("<f4", copy=False).tobytes()],
        )
        if self._audit is not None:
            self._audit.inferred(request, problem, model)
        ended = perf_counter()
        result.timings.decode, result.timings.encode = decoding[1] - decoding[0], ended - began
        self._meters.inferred(problem, model.name, result.timings)
        if scope.span is not None:
            facts: Facts = {
                "airgraph.request_id": request.id[:LONGEST_ID],
                "airgraph.problem": problem,
                "airgraph.model": f"{model.name}:{model.version}",
            }
            scope.span.answered(facts, stages_of(result.timings, decoding, (began, ended)))
        return response
