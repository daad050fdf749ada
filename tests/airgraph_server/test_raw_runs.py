"""Runs on a caller's own tensors share places, deadlines, counts and record with allocations."""

import hashlib
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from time import perf_counter, sleep

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from requests_to import power_control_request
from test_inference_protocol import infer_request, inputs_of

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_server.allocation import Allocation, CallScope
from airgraph_server.app import Server
from airgraph_server.errors import DeadlineMissedError
from airgraph_server.inference import Inference
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.scheduler.raw import RawRun, run_all
from airgraph_server.settings import Settings
from inference import open_inference_pb2, open_inference_pb2_grpc

NAME = "power_control/aligned"
GAIN = np.random.default_rng(0).exponential(size=(3, 3))
PATIENCE = 60.0
METHOD = {"grpc_service": "inference.GRPCInferenceService", "grpc_method": "ModelInfer"}


@pytest.fixture
def zoo(tmp_path):
    shutil.copytree(Settings().zoo / NAME, tmp_path / "zoo" / NAME)
    return tmp_path / "zoo"


@contextmanager
def serving(zoo, **settings):
    """A server of one place, its model, and stubs of both services."""
    with (
        Server(Settings(port=0, metrics_port=None, zoo=zoo, threads=1, **settings)) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        allocator = allocator_pb2_grpc.AllocatorStub(channel)
        yield server, server.registry.newest(NAME).model, allocator, Infer(channel)


class Infer:
    """Calls of ModelInfer."""

    def __init__(self, channel):
        self.call = open_inference_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer


@contextmanager
def occupied(model, infer):
    """The only place is taken by a run that lasts until the end of the block."""
    entered, go = threading.Event(), threading.Event()
    run = model.run_raw

    def held(inputs):
        entered.set()
        assert go.wait(PATIENCE)
        return run(inputs)

    model.run_raw = held
    running = infer.call.future(infer_request(NAME, inputs_of(model)), timeout=PATIENCE)
    assert entered.wait(PATIENCE)
    try:
        yield running
    finally:
        go.set()
        running.result()
        del model.run_raw


def refusal(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, **options)
    return caught.value


def count(server, name, **labels):
    return server.metrics.registry.get_sample_value(name, labels) or 0.0


def test_a_full_server_sheds_raw_runs_and_allocations_alike_with_a_hint(zoo):
    with serving(zoo, max_queued_calls=0) as (server, model, allocator, infer):
        with occupied(model, infer):
            for call, request in (
                (infer.call, infer_request(NAME, inputs_of(model))),
                (allocator.Allocate, power_control_request(GAIN)),
            ):
                error = refusal(call, request, timeout=PATIENCE)
                assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
                (detail,) = rpc_status.from_call(error).details
                hint = error_details_pb2.RetryInfo()
                assert detail.Unpack(hint)
                assert hint.retry_delay.ToNanoseconds() > 0
        assert count(server, "airgraph_shed_total") == 2
        assert count(server, "grpc_server_handled_total", **METHOD, grpc_code="RESOURCE_EXHAUSTED") == 1
        assert infer.call(infer_request(NAME, inputs_of(model)), timeout=PATIENCE).outputs


def asking(which, model, allocator, infer, **options):
    """Asks one way; the code of the refusal, or OK."""
    item = allocator_pb2.AllocateStreamRequest(request=power_control_request(GAIN, "a"))
    try:
        if which == "infer":
            infer.call(infer_request(NAME, inputs_of(model)), **options)
        elif which == "allocate":
            allocator.Allocate(power_control_request(GAIN), **options)
        else:
            item.timeout_seconds = options.get("timeout", 0.0)
            if not options:
                item.ClearField("timeout_seconds")
            (answer,) = allocator.AllocateStream(iter([item]))
            return code_of(answer.result.error.code)
    except grpc.RpcError as error:
        return error.code().name
    return "OK"


def code_of(number):
    return next(code.name for code in grpc.StatusCode if code.value[0] == number)


@pytest.mark.parametrize("which", ["infer", "allocate"])
def test_who_waits_for_a_place_is_given_up_at_the_deadline(zoo, which):
    with serving(zoo) as (server, model, allocator, infer):
        with occupied(model, infer):
            assert count(server, "airgraph_queue_depth") == 1
            assert asking(which, model, allocator, infer, timeout=0.3) == "DEADLINE_EXCEEDED"
        # What was given up has not run: what ran was the run that held the place.
        assert infer.call(infer_request(NAME, inputs_of(model)), timeout=PATIENCE).outputs
        assert count(server, "airgraph_inferences_total", problem="power_control", model="aligned") == 2
        assert count(server, "airgraph_deadline_missed_total") == 1


@pytest.mark.parametrize("which", ["infer", "allocate", "stream"])
def test_a_call_that_brings_no_deadline_gets_the_servers(zoo, which):
    with serving(zoo, default_deadline_seconds=0.3) as (server, *parties), ThreadPoolExecutor(2) as pool:
        model, _, infer = parties
        with occupied(model, infer):
            patient = pool.submit(asking, which, *parties, timeout=PATIENCE)
            wait_until(lambda: count(server, "airgraph_queue_depth") == 2)
            hasty = pool.submit(asking, which, *parties)
            wait_until(lambda: count(server, "airgraph_queue_depth") == 3 or hasty.done())
            # Who waits on a stream is told when there is a place again.
            sleep(0.4)
        assert hasty.result() == "DEADLINE_EXCEEDED"
        assert patient.result() == "OK"


def wait_until(true):
    until = perf_counter() + PATIENCE
    while not true():
        assert perf_counter() < until
        sleep(0.01)


def test_every_raw_run_is_counted_and_recorded_once(zoo, tmp_path):
    audit = tmp_path / "audit.jsonl"
    with serving(zoo, audit_file=audit) as (server, model, _, infer):
        requests = [infer_request(NAME, inputs_of(model, (size,)), id=f"raw-{size}") for size in range(2, 8)]
        for request in requests:
            assert infer.call(request, timeout=PATIENCE).id == request.id
        nameless = infer.call(infer_request(NAME, inputs_of(model)), timeout=PATIENCE)
        lines = {line["request_id"]: line for line in map(json.loads, audit.read_text().splitlines())}
        assert set(lines) == {*(request.id for request in requests), nameless.id}
        for request in requests:
            request.id = request.model_name = ""
            tensors = request.SerializeToString(deterministic=True)
            assert hashlib.sha256(tensors).hexdigest() in {line["input_sha256"] for line in lines.values()}
        for line in lines.values():
            assert (line["problem"], line["model"], line["solver"]) == ("power_control", "aligned:1", "aligned")
            assert line["model_sha256"] == model.card.files
            assert line["objective"] is line["margin"] is line["reason"] is None
        runs = len(lines)
        assert count(server, "airgraph_inferences_total", problem="power_control", model="aligned") == runs
        assert count(server, "grpc_server_handled_total", **METHOD, grpc_code="OK") == runs
        for stage in ("decode", "queue", "inference", "encode"):
            assert count(server, "airgraph_stage_seconds_count", problem="power_control", stage=stage) == runs


def test_a_raw_run_that_cannot_be_recorded_is_not_answered(zoo):
    with serving(zoo, audit_file="/dev/full") as (_, model, _, infer):
        error = refusal(infer.call, infer_request(NAME, inputs_of(model)), timeout=PATIENCE)
        assert error.code() is grpc.StatusCode.INTERNAL


@pytest.mark.parametrize("scope", [{"deadline": 0.0}, {"abandoned": lambda: True}])
def test_what_is_late_or_left_never_reaches_the_network(zoo, scope):
    settings, metrics = Settings(zoo=zoo), Metrics()
    registry = Registry(settings, metrics)
    registry.load()
    allocation = Allocation(settings, registry, metrics)
    model, ran = registry.newest(NAME).model, []
    model.run_raw = ran.append
    with pytest.raises(DeadlineMissedError):
        Inference(registry, allocation.scheduler, metrics, None).infer(
            infer_request(NAME, inputs_of(model)), CallScope(**scope)
        )
    allocation.close()
    assert ran == []
    assert metrics.registry.get_sample_value("airgraph_deadline_missed_total") == 1.0


def test_a_run_that_breaks_breaks_alone():
    class Model:
        name, version = "stand-in", "1"

        def run_raw(self, inputs):
            return inputs["node"] / inputs["by"] if inputs["by"].all() else _broken()

    def _broken():
        raise RuntimeError("a defect")

    node = np.ones(3, np.float32)
    late = RawRun("power_control", Model(), {"node": node, "by": node}, deadline=perf_counter() - 1)
    runs = [RawRun("power_control", Model(), {"node": node, "by": by}) for by in (node, 0 * node, 2 * node)]
    first, broken, third, missed = run_all(None, [*runs, late])
    np.testing.assert_array_equal(first.values, node)
    np.testing.assert_array_equal(third.values, node / 2)
    assert isinstance(broken, RuntimeError)
    assert isinstance(missed, DeadlineMissedError)


def test_the_protocols_answer_names_what_ran(zoo):
    with serving(zoo) as (_, model, _, infer):
        inputs = inputs_of(model)
        answer = infer.call(infer_request("aligned", inputs), timeout=PATIENCE)
        assert isinstance(answer, open_inference_pb2.ModelInferResponse)
        assert (answer.model_name, answer.model_version) == ("aligned", "1")
        found = np.frombuffer(answer.raw_output_contents[0], "<f4").reshape(answer.outputs[0].shape)
        np.testing.assert_array_equal(found, model.run_raw(inputs))
