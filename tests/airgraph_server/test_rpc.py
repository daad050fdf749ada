"""Behaviour through the real server, without a model: classical answers, errors, batches, streams."""

import threading
import urllib.request

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from requests_to import power_control_request

from airgraph.v1 import allocator_pb2 as messages
from airgraph.v1 import allocator_pb2_grpc, problems_pb2, provenance_pb2, registry_pb2, registry_pb2_grpc, tensor_pb2
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_server.app import ALLOCATOR, INFERENCE, REGISTRY, Server
from airgraph_server.codec.tensors import decode_tensor, encode_tensor
from airgraph_server.settings import Settings

GAIN = np.random.default_rng(0).exponential(size=(5, 5))


def refused(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **options)
    return caught.value


def named_field(error):
    """(field, expected, got) from the rich details."""
    status = rpc_status.from_call(error)
    info = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(info) for detail in status.details if detail.Is(info.DESCRIPTOR))
    violation = error_details_pb2.BadRequest()
    assert any(detail.Unpack(violation) for detail in status.details if detail.Is(violation.DESCRIPTOR))
    assert violation.field_violations[0].field == info.metadata["field"]
    return info.metadata["field"], info.metadata["expected"], info.metadata["got"]


@pytest.mark.parametrize("policy", [messages.POLICY_AUTO, messages.POLICY_CLASSICAL])
def test_without_a_model_it_answers_by_wmmse_and_says_so(stub, policy):
    response = stub.Allocate(power_control_request(GAIN, "abc", noise_power=0.1, policy=policy))
    instance, settings = PowerControl.create(GAIN, noise_power=0.1), Settings()
    if policy == messages.POLICY_CLASSICAL:
        reason, expected = provenance_pb2.FALLBACK_REASON_REQUESTED, POWER_CONTROL.solve([instance], Stopping(100))[0]
    else:
        reason = provenance_pb2.FALLBACK_REASON_MODEL_UNAVAILABLE
        starts = POWER_CONTROL.polish_starts(instance, settings.polish_starts)
        stopping = Stopping(settings.polish_iterations, settings.polish_tolerance)
        expected = POWER_CONTROL.polish([instance], [starts], stopping)[0]
    provenance = response.provenance
    assert response.request_id == "abc"
    assert provenance.fallback_reason == reason
    assert provenance.solver == "wmmse"
    np.testing.assert_array_equal(decode_tensor("power", response.power_control.power), expected.allocation)
    rates = decode_tensor("rates", provenance.rates)
    assert provenance.objective == pytest.approx(expected.objective) == pytest.approx(rates.sum())
    assert provenance.constraint_margin >= 0
    assert provenance.timings.total_seconds >= provenance.timings.polish_seconds > 0


def test_beamforming_sparse_and_multi_cell(stub):
    rng = np.random.default_rng(1)
    receiver, transmitter = np.nonzero(np.ones((6, 2)))
    channel = (rng.standard_normal((12, 3)) + 1j * rng.standard_normal((12, 3))).astype(np.complex64)
    problem = problems_pb2.Beamforming(
        channel=encode_tensor(channel),
        links=tensor_pb2.Links(receiver=encode_tensor(receiver), transmitter=encode_tensor(transmitter)),
        num_receivers=6,
        num_transmitters=2,
        serving_transmitter=encode_tensor(np.array([0, 0, 0, 1, 1, 1], np.int32)),
        max_power=encode_tensor(np.array([1.0, 2.0])),
    )
    response = stub.Allocate(messages.AllocateRequest(beamforming=problem))
    beams = decode_tensor("beamformer", response.beamforming.beamformer)
    assert beams.shape == (6, 3)
    assert beams.dtype == np.complex64
    power = (np.abs(beams.astype(complex)) ** 2).sum(axis=1)
    assert power[:3].sum() <= 1
    assert power[3:].sum() <= 2
    assert response.provenance.objective >= response.provenance.baseline_objective


@pytest.mark.parametrize(
    ("changed", "field", "got"),
    [
        ({"gain": GAIN * np.nan}, "gain", "nan"),
        ({"gain": -GAIN}, "gain", "-"),
        ({"gain": GAIN[:3]}, "gain", "shape [3, 5]"),
        ({"gain": GAIN[:0, :0]}, "gain", "shape [0, 0]"),
        ({"gain": GAIN.astype(complex)}, "gain", "complex128"),
        ({"gain": GAIN, "noise_power": -1.0}, "noise_power", "-1.0"),
        ({"gain": GAIN, "noise_power": [1.0, 1.0]}, "noise_power", "shape [2]"),
        ({"gain": GAIN, "max_power": 0.0}, "max_power", "0.0"),
        ({"gain": GAIN, "weights": [np.inf] * 5}, "weights", "inf"),
        ({"gain": GAIN, "policy": 77}, "policy", "77"),
        ({"gain": GAIN, "classical_iterations": 10_001}, "classical_iterations", "10001"),
    ],
)
def test_bad_input_is_refused_by_field_and_the_server_goes_on(stub, changed, field, got):
    error = refused(stub.Allocate, power_control_request(**changed))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    named, expected, found = named_field(error)
    assert named == field
    assert expected
    assert got in found
    assert stub.Allocate(power_control_request(GAIN)).provenance.objective > 0


@pytest.mark.parametrize(
    ("tensor", "got"),
    [
        (tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=[2, 2], data=b"123"), "3 bytes"),
        (tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=[-1, 2], data=b""), "shape [-1, 2]"),
        (tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=[2**30, 4], data=b""), "0 bytes"),
        (tensor_pb2.Tensor(shape=[2, 2], data=b"0" * 16), "dtype code 0"),
        (tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=[2**62, 2**62, 0], data=b""), "4611686"),
        (tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=[1] * 65, data=b"0000"), "[1, 1"),
        (tensor_pb2.Tensor(dtype=99, shape=[2, 2], data=b"0" * 16), "dtype code 99"),
    ],
)
def test_a_malformed_tensor_is_refused(stub, tensor, got):
    request = messages.AllocateRequest(power_control=problems_pb2.PowerControl(gain=tensor))
    error = refused(stub.Allocate, request)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert named_field(error)[0] == "gain"
    assert got in named_field(error)[2]


def test_beamforming_without_any_link_is_silent_and_fine(stub):
    empty = encode_tensor(np.zeros(0, np.int32))
    problem = problems_pb2.Beamforming(
        channel=encode_tensor(np.zeros((0, 2), np.complex64)),
        links=tensor_pb2.Links(receiver=empty, transmitter=empty),
        num_receivers=3,
        num_transmitters=3,
    )
    assert stub.Allocate(messages.AllocateRequest(beamforming=problem)).provenance.objective == 0


@pytest.mark.parametrize("shape", [(1, 1, 300), (60, 1, 1)])
def test_antennas_and_heard_beams_are_bounded(stub, shape):
    serving = encode_tensor(np.zeros(shape[0], np.int32))
    problem = problems_pb2.Beamforming(channel=encode_tensor(np.ones(shape, np.complex64)), serving_transmitter=serving)
    error = refused(stub.Allocate, messages.AllocateRequest(beamforming=problem))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert named_field(error)[0] == "channel"


@pytest.mark.parametrize("request_", [messages.AllocateRequest(), power_control_request(GAIN)])
def test_missing_parts_are_named(stub, request_):
    if request_.WhichOneof("problem"):
        request_.power_control.ClearField("gain")
    error = refused(stub.Allocate, request_)
    assert named_field(error)[0] in ("problem", "gain")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_an_index_out_of_range_is_refused(stub):
    request = power_control_request(np.ones(2))
    request.power_control.num_nodes = 2
    request.power_control.links.receiver.CopyFrom(encode_tensor(np.array([0, 1], np.int32)))
    request.power_control.links.transmitter.CopyFrom(encode_tensor(np.array([0, 2], np.int32)))
    error = refused(stub.Allocate, request)
    assert named_field(error) == ("transmitter", "indices in 0..1", "2 at index (1)")


@pytest.mark.parametrize("nodes", [41, 39])
def test_a_graph_over_a_limit_is_refused_for_its_size(stub, nodes):
    error = refused(stub.Allocate, power_control_request(np.ones((nodes, nodes))))
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    limit = "40" if nodes == 41 else "1500"
    assert named_field(error) == ("gain", f"at most {limit}", str(41 if nodes == 41 else 39 * 39))


def test_who_insists_on_a_network_that_is_not_there_gets_not_found(stub):
    error = refused(stub.Allocate, power_control_request(GAIN, policy=messages.POLICY_LEARNED))
    assert error.code() is grpc.StatusCode.NOT_FOUND
    pinned = power_control_request(GAIN, model=messages.ModelPin(name="none"))
    assert refused(stub.Allocate, pinned).code() is grpc.StatusCode.NOT_FOUND


def test_one_bad_instance_of_a_batch_fails_alone(stub):
    sizes = [3, 5, 3, 1]
    requests = [power_control_request(GAIN[:n, :n], str(i)) for i, n in enumerate(sizes)]
    requests.insert(2, power_control_request(-GAIN, "bad"))
    results = stub.AllocateBatch(messages.AllocateBatchRequest(requests=requests)).results
    assert [result.WhichOneof("outcome") for result in results] == [*["response"] * 2, "error", *["response"] * 2]
    assert results[2].error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    for request, result in zip(requests, results, strict=True):
        if result.HasField("response"):
            alone = stub.Allocate(request)
            assert result.response.request_id == request.request_id
            np.testing.assert_allclose(
                decode_tensor("power", result.response.power_control.power),
                decode_tensor("power", alone.power_control.power),
                atol=1e-9,
            )
    assert len(stub.AllocateBatch(messages.AllocateBatchRequest()).results) == 0


def test_a_stream_answers_each_request_with_its_id(stub):
    items = [messages.AllocateStreamRequest(request=power_control_request(GAIN, str(i))) for i in range(4)]
    items.insert(1, messages.AllocateStreamRequest(request=power_control_request(-GAIN, "bad")))
    answers = {answer.request_id: answer.result for answer in stub.AllocateStream(iter(items), timeout=20)}
    assert sorted(answers) == ["0", "1", "2", "3", "bad"]
    assert answers["bad"].HasField("error")
    assert answers["3"].response.provenance.objective > 0


def test_overload_is_shed_with_a_retry_hint_while_admitted_calls_are_answered(tmp_path):
    settings = Settings(port=0, metrics_port=None, zoo=tmp_path, threads=1, max_queued_calls=1)
    gain = np.random.default_rng(0).exponential(size=(200, 200))
    with Server(settings) as server, grpc.insecure_channel(server.target) as channel:
        stub = allocator_pb2_grpc.AllocatorStub(channel)
        request = power_control_request(gain, policy=messages.POLICY_CLASSICAL, classical_iterations=3000)
        calls = [stub.Allocate.future(request, timeout=60) for _ in range(8)]
        codes = [call.code() for call in calls]
        shed = [call for call in calls if call.code() is grpc.StatusCode.RESOURCE_EXHAUSTED]
        assert codes.count(grpc.StatusCode.OK) >= 2
        assert len(shed) == 8 - codes.count(grpc.StatusCode.OK) > 0
        hint = error_details_pb2.RetryInfo()
        assert all(detail.Unpack(hint) for detail in rpc_status.from_call(shed[0]).details)
        assert server.metrics.registry.get_sample_value("airgraph_shed_total") == len(shed)


def test_more_callers_than_threads_and_no_deadline_all_get_answers(tmp_path):
    gain = np.random.default_rng(0).exponential(size=(100, 100))
    with (
        Server(Settings(port=0, metrics_port=None, zoo=tmp_path, threads=1)) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        stub = allocator_pb2_grpc.AllocatorStub(channel)
        request = power_control_request(gain, policy=messages.POLICY_CLASSICAL, classical_iterations=500)
        calls = [stub.Allocate.future(request) for _ in range(6)]
        assert [call.code() for call in calls] == [grpc.StatusCode.OK] * 6


def test_idle_streams_leave_room_for_health_and_one_too_many_is_refused(tmp_path):
    settings = Settings(port=0, metrics_port=None, zoo=tmp_path, threads=1, max_queued_calls=0, max_streams=3)
    over = threading.Event()

    def one_and_idle():
        yield messages.AllocateStreamRequest(request=power_control_request(GAIN))
        over.wait(60)

    with Server(settings) as server, grpc.insecure_channel(server.target) as channel:
        stub = allocator_pb2_grpc.AllocatorStub(channel)
        streams = [stub.AllocateStream(one_and_idle()) for _ in range(3)]
        # An answer of any kind shows that the server holds the stream: one on its way may lose its place to the next.
        assert all(next(stream).HasField("result") for stream in streams)
        error = refused(list, stub.AllocateStream(iter([]), timeout=20))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        health = health_pb2_grpc.HealthStub(channel)
        assert health.Check(health_pb2.HealthCheckRequest(), timeout=5).status == 1
        over.set()
        assert [list(stream) for stream in streams] == [[], [], []]
        assert list(stub.AllocateStream(iter([]), timeout=20)) == []


def test_a_batch_survives_an_instance_that_breaks_the_server(stub, monkeypatch):
    grade = POWER_CONTROL.grade

    def break_on_three(instances, allocations):
        if any(instance.size == 3 for instance in instances):
            raise RuntimeError("a defect")
        return grade(instances, allocations)

    monkeypatch.setattr(type(POWER_CONTROL), "grade", lambda self, *arguments: break_on_three(*arguments))
    requests = [power_control_request(GAIN[:n, :n], str(n)) for n in (2, 3, 4)]
    results = stub.AllocateBatch(messages.AllocateBatchRequest(requests=requests)).results
    assert [result.WhichOneof("outcome") for result in results] == ["response", "error", "response"]
    assert results[1].error.code == grpc.StatusCode.INTERNAL.value[0]
    assert "3" in results[1].error.message
    assert "defect" not in results[1].error.message


def test_callers_who_send_no_message_hold_up_nobody(channel, stub):
    send = threading.Event()

    def nothing():
        send.wait(30)
        yield from ()

    # What a careless client may do on the wire: it opens the call and keeps its message.
    begin = channel.stream_unary(
        "/airgraph.v1.Allocator/Allocate", response_deserializer=messages.AllocateResponse.FromString
    )
    silent = [begin.future(nothing(), timeout=30) for _ in range(8)]
    assert stub.Allocate(power_control_request(GAIN, "abc"), timeout=20).request_id == "abc"
    send.set()
    for call in silent:
        assert call.code() is grpc.StatusCode.UNIMPLEMENTED
        assert "exactly one message" in call.details()
    assert stub.Allocate(power_control_request(GAIN, "abc"), timeout=20).request_id == "abc"


def test_a_deadline_in_the_past_is_refused(stub):
    # In the past indeed: within a deadline of a microsecond, which gRPC rounds up, the server may have answered.
    error = refused(stub.Allocate, power_control_request(GAIN), timeout=-1.0)
    assert error.code() is grpc.StatusCode.DEADLINE_EXCEEDED


def test_health_knows_every_service(channel):
    health = health_pb2_grpc.HealthStub(channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    for service in ("", ALLOCATOR, REGISTRY, INFERENCE):
        assert health.Check(health_pb2.HealthCheckRequest(service=service)).status == serving


def test_reflection_lists_the_services(channel):
    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="")
    answer = next(iter(stub.ServerReflectionInfo(iter([asked]))))
    names = {service.name for service in answer.list_services_response.service}
    assert {ALLOCATOR, REGISTRY, INFERENCE, "grpc.health.v1.Health"} <= names


def test_an_empty_registry_says_so(channel):
    registry = registry_pb2_grpc.RegistryStub(channel)
    assert len(registry.ListModels(registry_pb2.ListModelsRequest()).models) == 0
    for call, message in (
        (registry.DescribeModel, registry_pb2.DescribeModelRequest(name="x")),
        (registry.LoadModel, registry_pb2.LoadModelRequest(name="x")),
        (registry.UnloadModel, registry_pb2.UnloadModelRequest(name="x")),
    ):
        assert refused(call, message).code() is grpc.StatusCode.NOT_FOUND
    assert registry.ReloadModels(registry_pb2.ReloadModelsRequest()) == registry_pb2.ReloadModelsResponse()


def test_metrics_count_what_happened(server, stub):
    stub.Allocate(power_control_request(GAIN))
    refused(stub.Allocate, power_control_request(-GAIN))
    page = urllib.request.urlopen(f"http://{server.settings.host}:{server.metrics_port}/metrics", timeout=5)
    text = page.read().decode()
    for line in (
        'airgraph_answers_total{problem="power_control",solver="wmmse"}',
        'airgraph_fallbacks_total{problem="power_control",reason="MODEL_UNAVAILABLE"}',
        'airgraph_stage_seconds_bucket{le="0.0001",problem="power_control",stage="polish"}',
        'grpc_server_handled_total{grpc_code="INVALID_ARGUMENT",grpc_method="Allocate",'
        'grpc_service="airgraph.v1.Allocator"}',
        'airgraph_objective_over_baseline_count{problem="power_control"}',
        "airgraph_queue_depth 0.0",
    ):
        assert line in text, line
