"""A server that answers what a test wants, over a real loopback connection."""

# The contract spells its methods.
# ruff: noqa: N802

from concurrent import futures

import grpc
import numpy as np
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from airgraph.v1 import (
    allocator_pb2,
    allocator_pb2_grpc,
    problems_pb2,
    provenance_pb2,
    registry_pb2,
    registry_pb2_grpc,
)
from airgraph_client import Client
from airgraph_client.tensors import complex_tensor, read_tensor, real_tensor


def status_with(code: grpc.StatusCode, message: str, *details) -> status_pb2.Status:
    status = status_pb2.Status(code=code.value[0], message=message)
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def invalid_field(field: str, expected: str, got: str) -> status_pb2.Status:
    return status_with(
        grpc.StatusCode.INVALID_ARGUMENT,
        f"{field}: expected {expected}, got {got}",
        error_details_pb2.BadRequest(
            field_violations=[
                error_details_pb2.BadRequest.FieldViolation(field=field, description=f"expected {expected}, got {got}")
            ]
        ),
        error_details_pb2.ErrorInfo(
            reason="INVALID_FIELD",
            domain="airgraph.v1",
            metadata={"field": field, "expected": expected, "got": got},
        ),
    )


class FakeAllocator(allocator_pb2_grpc.AllocatorServicer):
    """Answers ones in the precision of the problem and refuses negative gains.

    Attributes:
        failure: Status every call ends with; None = answers.
        policy_failure: Of a policy, the status its calls end with.
        requests: What came in.
        metadata: Metadata of the last call.
        deadline: Seconds the last call had left.
    """

    def __init__(self):
        self.failure: status_pb2.Status | None = None
        self.policy_failure: dict[int, status_pb2.Status] = {}
        self.requests: list[allocator_pb2.AllocateRequest] = []
        self.metadata: dict[str, str | bytes] = {}
        self.deadline: float | None = None

    def Allocate(self, request, context):
        self.metadata = dict(context.invocation_metadata())
        self.deadline = context.time_remaining()
        result = self.solve(request)
        if result.HasField("error"):
            context.abort_with_status(rpc_status.to_status(result.error))
        return result.response

    def AllocateBatch(self, request, context):
        return allocator_pb2.AllocateBatchResponse(results=[self.solve(one) for one in request.requests])

    def solve(self, request) -> allocator_pb2.AllocateResult:
        self.requests.append(request)
        failure = self.failure or self.policy_failure.get(request.policy)
        if failure is not None:
            return allocator_pb2.AllocateResult(error=failure)
        response = allocator_pb2.AllocateResponse(request_id=request.request_id, provenance=provenance(request))
        if request.WhichOneof("problem") == "power_control":
            gain = read_tensor(request.power_control.gain)
            if (gain < 0).any():
                return allocator_pb2.AllocateResult(error=invalid_field("gain", "entries >= 0", f"{gain.min():g}"))
            power = np.full(len(gain), 1.0, gain.dtype)
            response.power_control.CopyFrom(problems_pb2.PowerControlAnswer(power=real_tensor("power", power)))
        elif request.WhichOneof("problem") == "precoding":
            channel = read_tensor(request.precoding.channel)
            precoder = np.ones((*channel.shape[:-2], channel.shape[-1], channel.shape[-2]), channel.dtype)
            response.precoding.CopyFrom(problems_pb2.PrecodingAnswer(precoder=complex_tensor("precoder", precoder)))
        elif request.WhichOneof("problem") == "cell_free":
            power = np.full(read_tensor(request.cell_free.fading).shape[1], 0.5, np.float32)
            response.cell_free.CopyFrom(problems_pb2.CellFreeAnswer(power=real_tensor("power", power)))
        else:
            channel = read_tensor(request.beamforming.channel)
            beams = np.ones((len(channel), channel.shape[-1]), channel.dtype)
            response.beamforming.CopyFrom(
                problems_pb2.BeamformingAnswer(beamformer=complex_tensor("beamformer", beams))
            )
        return allocator_pb2.AllocateResult(response=response)


def provenance(request) -> provenance_pb2.Provenance:
    classical = request.policy == allocator_pb2.POLICY_CLASSICAL
    source = provenance_pb2.Provenance(
        solver="wmmse" if classical else "learned",
        model_name="" if classical else "wcgcn",
        model_version="" if classical else "3",
        fallback_reason=provenance_pb2.FALLBACK_REASON_REQUESTED
        if classical
        else provenance_pb2.FALLBACK_REASON_UNSPECIFIED,
        objective=4.5,
        baseline_objective=4.0,
        rates=real_tensor("rates", np.array([1.5, 3.0])),
        constraint_margin=0.25,
        polish_iterations=7,
        batch_size=2,
        timings=provenance_pb2.Timings(
            decode_seconds=1, queue_seconds=2, inference_seconds=3, decision_seconds=4, polish_seconds=5
        ),
    )
    source.timings.total_seconds = 15
    if request.shadow:
        source.shadow.model_name, source.shadow.model_version = "wcgcn", "3"
        source.shadow.objective = 4.4
        source.shadow.fallback_reason = provenance_pb2.FALLBACK_REASON_OUT_OF_DOMAIN
    return source


class FakeRegistry(registry_pb2_grpc.RegistryServicer):
    """One model, ``wcgcn`` version 3."""

    MODEL = registry_pb2.Model(
        name="wcgcn",
        version="3",
        problem="power_control",
        state=registry_pb2.MODEL_STATE_READY,
        runtime="onnxruntime",
        device="cpu",
        is_default=True,
        num_parameters=12345,
        min_nodes=2,
    )

    def __init__(self):
        self.reloaded = registry_pb2.ReloadModelsResponse()

    def ReloadModels(self, request, context):
        return self.reloaded

    def ListModels(self, request, context):
        return registry_pb2.ListModelsResponse(models=[self.MODEL])

    def DescribeModel(self, request, context):
        if request.name != "wcgcn":
            context.abort(grpc.StatusCode.NOT_FOUND, f"no model {request.name!r}")
        reply = registry_pb2.DescribeModelResponse(model=self.MODEL)
        reply.card.update({"source": "arXiv 2007.07632"})
        return reply


@pytest.fixture
def fake():
    return FakeAllocator()


@pytest.fixture
def health_of():
    """Health of the fake server, which a test may change."""
    servicer = health.HealthServicer()
    servicer.set("airgraph.v1.Allocator", health_pb2.HealthCheckResponse.SERVING)
    return servicer


@pytest.fixture
def registry_of():
    """Registry of the fake server, which a test may change."""
    return FakeRegistry()


@pytest.fixture
def target(fake, health_of, registry_of):
    server = grpc.server(futures.ThreadPoolExecutor(2))
    allocator_pb2_grpc.add_AllocatorServicer_to_server(fake, server)
    registry_pb2_grpc.add_RegistryServicer_to_server(registry_of, server)
    health_pb2_grpc.add_HealthServicer_to_server(health_of, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(None).wait()


@pytest.fixture
def client(target):
    with Client(target, timeout=10) as connected:
        yield connected


@pytest.fixture
def failures():
    """Of each kind of failure: the status on the wire."""
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.FromMilliseconds(250)
    return {
        "InvalidInstance": invalid_field("gain", "entries >= 0", "-1"),
        "ModelNotFound": status_with(grpc.StatusCode.NOT_FOUND, "no model 'x'"),
        "ModelCannotServe": status_with(grpc.StatusCode.FAILED_PRECONDITION, "too many receivers"),
        "DeadlineMissed": status_with(grpc.StatusCode.DEADLINE_EXCEEDED, "0.1 ms left"),
        "Overloaded": status_with(grpc.StatusCode.RESOURCE_EXHAUSTED, "queue full", retry),
        "Unavailable": status_with(grpc.StatusCode.UNAVAILABLE, "draining"),
        "NotImplementedByServer": status_with(grpc.StatusCode.UNIMPLEMENTED, "not yet"),
        "Denied": status_with(grpc.StatusCode.PERMISSION_DENIED, "not an administrator"),
        "ServerError": status_with(grpc.StatusCode.INTERNAL, "internal error, request 7"),
    }
