"""Traces of a real server, as a collector receives them."""

import subprocess
import sys
from itertools import pairwise
from types import SimpleNamespace

import grpc
import numpy as np
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind
from requests_to import power_control_request
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from tracing.collector import collecting, plain

from airgraph_client import Client, InvalidInstance, PowerControl
from airgraph_client.async_client import AsyncClient
from airgraph_server.allocation import Allocation, CallScope
from airgraph_server.app import Server
from airgraph_server.errors import OverloadedError
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings

GAIN = np.random.default_rng(0).exponential(size=(6, 6))
STAGES = ["decode", "queue", "inference", "decision", "encode"]
ERROR = 2
UNARY, BATCH = "airgraph.v1.Allocator/Allocate", "airgraph.v1.Allocator/AllocateBatch"
STREAM = "airgraph.v1.Allocator/AllocateStream"


def settings(**given):
    return Settings(host="127.0.0.1", port=0, metrics_port=None, **given)


@pytest.fixture(scope="module")
def caller():
    """A program that traces: its spans are known here, and nowhere else."""
    return TracerProvider().get_tracer("caller")


@pytest.fixture(scope="module")
def traced(caller):
    """What a collector got of a server that was asked in every way."""
    with collecting() as (collector, endpoint):
        with (
            Server(settings(trace=True, trace_endpoint=endpoint)) as server,
            Client(server.target, timeout=30) as client,
        ):
            with caller.start_as_current_span("period") as span:
                answer = client.control_power(GAIN, noise_power=0.1, request_id="one")
            client.control_power(GAIN, noise_power=0.1, policy="classical", request_id="plain")
            with pytest.raises(InvalidInstance):
                client.control_power(-GAIN, request_id="wrong")
            client.allocate_batch([PowerControl(GAIN), PowerControl(-GAIN), PowerControl(GAIN[:3, :3])], request_id="b")
            streamed = list(client.allocate_stream([("s", PowerControl(GAIN)), ("bad", PowerControl(-GAIN))]))
            client.models()
            client.status()
        # Stopping sends what is left.
        yield SimpleNamespace(collector=collector, period=span.get_span_context(), answer=answer, streamed=streamed)


def by_request(spans):
    return {plain(span.attributes)["airgraph.request_id"]: span for span in spans}


def test_a_call_continues_its_callers_trace(traced):
    one = by_request(traced.collector.named(UNARY))["one"]
    assert one.trace_id == traced.period.trace_id.to_bytes(16)
    assert one.parent_span_id == traced.period.span_id.to_bytes(8)
    assert one.kind == SpanKind.SERVER.value + 1
    others = [span for span in traced.collector.spans if span.name == UNARY and span is not one]
    assert not any(span.parent_span_id for span in others)
    assert one.trace_id not in {span.trace_id for span in others}


def test_a_calls_span_says_what_became_of_it(traced):
    one = plain(by_request(traced.collector.named(UNARY))["one"].attributes)
    assert one["airgraph.problem"] == "power_control"
    assert (one["airgraph.nodes"], one["airgraph.links"]) == (6, 36)
    assert one["airgraph.solver"] == traced.answer.solver
    assert one["airgraph.policy"] == "auto"
    assert one["airgraph.batch_size"] == 1
    assert one["rpc.system"] == "grpc"
    assert one["rpc.grpc.status_code"] == 0
    classical = plain(by_request(traced.collector.named(UNARY))["plain"].attributes)
    assert classical["airgraph.fallback_reason"] == "REQUESTED"
    assert "airgraph.model" not in classical


def stages(collector, parent):
    """The stages under a span, each within it and after the one before; the polisher within the decision."""
    found = collector.children(parent)
    for stage in found:
        assert stage.trace_id == parent.trace_id
        assert parent.start_time_unix_nano <= stage.start_time_unix_nano <= stage.end_time_unix_nano
        assert stage.end_time_unix_nano <= parent.end_time_unix_nano
    for before, after in pairwise(found):
        assert before.end_time_unix_nano <= after.start_time_unix_nano
    decision = next(stage for stage in found if stage.name == "decision")
    for polish in collector.children(decision):
        assert polish.name == "polish"
        assert decision.start_time_unix_nano <= polish.start_time_unix_nano
        assert polish.end_time_unix_nano <= decision.end_time_unix_nano
    return [stage.name for stage in found], [span.name for span in collector.children(decision)]


def test_stages_lie_in_order_under_their_call(traced):
    spans = by_request(traced.collector.named(UNARY))
    assert stages(traced.collector, spans["one"]) == (STAGES, ["polish"])
    # No network, no inference.
    names, _ = stages(traced.collector, spans["plain"])
    assert names == ["decode", "queue", "decision", "encode"]


def test_instances_of_a_batch_and_a_stream_have_spans_of_their_own(traced):
    for method, ids, bad in ((BATCH, {"b/0", "b/1", "b/2"}, "b/1"), (STREAM, {"s", "bad"}, "bad")):
        (call,) = traced.collector.named(method)
        instances = by_request(traced.collector.children(call))
        assert instances.keys() == ids
        assert {span.name for span in instances.values()} == {"instance"}
        refused = instances.pop(bad)
        assert plain(refused.attributes)["error.type"] == "INVALID_ARGUMENT"
        assert not traced.collector.children(refused)
        for span in instances.values():
            assert stages(traced.collector, span)[0] == STAGES
    assert len(traced.streamed) == 2


def test_what_the_caller_did_wrong_is_named_and_is_no_error_of_the_server(traced):
    wrong = by_request(traced.collector.named(UNARY))["wrong"]
    assert plain(wrong.attributes)["error.type"] == "INVALID_ARGUMENT"
    assert plain(wrong.attributes)["rpc.grpc.status_code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert wrong.status.code != ERROR
    assert not traced.collector.children(wrong)


def test_health_is_not_traced_and_the_registry_is(traced):
    assert {span.name for span in traced.collector.spans if "/" in span.name} == {
        UNARY,
        BATCH,
        STREAM,
        "airgraph.v1.Registry/ListModels",
    }


def test_a_fault_of_the_server_is_marked(tmp_path):
    with (
        collecting() as (collector, endpoint),
        # An audit record that cannot be written: the answer must not be sent.
        Server(settings(trace=True, trace_endpoint=endpoint, zoo=tmp_path, audit_file="/dev/full")) as server,
        Client(server.target, timeout=30) as client,
    ):
        with pytest.raises(Exception, match="internal"):
            client.control_power(GAIN)
        server.stop()
        (failed,) = collector.named(UNARY)
    assert failed.status.code == ERROR
    assert plain(failed.attributes)["error.type"] == "INTERNAL"


class Recorder:
    """A span of a call that keeps what it is told."""

    trace_id = ""

    def __init__(self):
        self.told = []

    def refused(self, facts, began, error):
        self.told.append((facts["airgraph.request_id"], type(error)))


@pytest.mark.parametrize("streamed", [False, True])
def test_who_is_turned_away_at_the_door_is_recorded_too(tmp_path, streamed):
    chosen, metrics, span = settings(threads=1, max_queued_calls=0, zoo=tmp_path), Metrics(), Recorder()
    allocation = Allocation(chosen, Registry(chosen, metrics), metrics)
    allocation.scheduler.door.enter(1, None)
    request, scope = power_control_request(GAIN, "one too many"), CallScope(span=span)
    outcomes = []
    if streamed:
        allocation.submit(request, scope, outcomes.append)
    else:
        outcomes = allocation.allocate([request], scope)
    allocation.close()
    assert span.told == [("one too many", OverloadedError)] == [("one too many", type(outcomes[0]))]


def test_the_environment_names_the_collector_the_service_and_the_sampler(tmp_path, monkeypatch):
    with collecting() as (collector, endpoint):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        monkeypatch.setenv("OTEL_SERVICE_NAME", "radio")
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        with Server(settings(trace=True, zoo=tmp_path)) as server, Client(server.target) as client:
            client.control_power(GAIN)
        assert {(r["service.name"], r["deployment.environment.name"]) for r in collector.resources} == {
            ("radio", "test")
        }
        monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_off")
        before = len(collector.spans)
        with Server(settings(trace=True, zoo=tmp_path)) as server, Client(server.target) as client:
            client.control_power(GAIN)
        assert len(collector.spans) == before > 0


def test_a_disabled_sdk_traces_nothing_and_names_no_trace(tmp_path, monkeypatch):
    with collecting() as (collector, endpoint):
        monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
        chosen = settings(trace=True, trace_endpoint=endpoint, zoo=tmp_path, log_calls=1.0)
        with (
            capture_logs(processors=[merge_contextvars]) as lines,
            Server(chosen) as server,
            Client(server.target) as client,
        ):
            client.control_power(GAIN)
        assert not collector.spans
    (call,) = (line for line in lines if line["event"] == "call")
    assert "trace_id" not in call


def test_the_ratio_samples_and_the_caller_decides(tmp_path, caller):
    with collecting() as (collector, endpoint):
        with (
            Server(settings(trace=True, trace_endpoint=endpoint, trace_sample_ratio=0.0, zoo=tmp_path)) as server,
            Client(server.target) as client,
        ):
            client.control_power(GAIN, request_id="not sampled")
            with caller.start_as_current_span("sampled"):
                client.control_power(GAIN, request_id="sampled by the caller")
        assert by_request(collector.named(UNARY)).keys() == {"sampled by the caller"}


def test_a_server_that_does_not_trace_sends_nothing_and_answers(tmp_path, monkeypatch, caller):
    with collecting() as (collector, endpoint):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        with (
            Server(settings(zoo=tmp_path)) as server,
            Client(server.target) as client,
            caller.start_as_current_span("period"),
        ):
            assert client.control_power(GAIN).power.size == 6
        assert not collector.spans


def test_a_collector_that_is_not_there_fails_no_call(tmp_path):
    server = Server(settings(trace=True, trace_endpoint="http://127.0.0.1:9", zoo=tmp_path))
    with server, Client(server.target) as client:
        assert client.control_power(GAIN).power.size == 6


def test_a_collector_that_does_not_answer_does_not_hold_up_the_stop(tmp_path):
    with collecting() as (collector, endpoint):
        collector.stall()
        with Server(settings(trace=True, trace_endpoint=endpoint, zoo=tmp_path)) as server:
            with Client(server.target) as client:
                client.control_power(GAIN)
            server.stop()
            # The exporter has not given up on it yet: nobody waited for that.
            assert collector.stalled.is_active()
        collector.release()


async def test_the_asynchronous_client_passes_its_trace_on_too(tmp_path, caller):
    with collecting() as (collector, endpoint):
        with Server(settings(trace=True, trace_endpoint=endpoint, zoo=tmp_path)) as server:
            async with AsyncClient(server.target) as client:
                with caller.start_as_current_span("period") as span:
                    await client.control_power(GAIN)
                    _ = [pair async for pair in client.allocate_stream([PowerControl(GAIN)])]
        calls = collector.named(UNARY) + collector.named(STREAM)
    assert len(calls) == 2
    assert {call.parent_span_id for call in calls} == {span.get_span_context().span_id.to_bytes(8)}


def test_outside_a_span_a_client_sends_no_context(caller):
    from airgraph_client.connection import Connection

    connection = Connection(metadata=(("site", "7"),))
    assert not trace.get_current_span().get_span_context().is_valid
    assert connection.call_metadata() == (("site", "7"),)
    with caller.start_as_current_span("period"):
        keys = [key for key, _ in connection.call_metadata()]
    assert keys == ["site", "traceparent"]


def test_the_extra_is_named_where_it_is_missing():
    code = (
        "import sys\nsys.modules['opentelemetry'] = None\n"
        "from airgraph_server.app import Server\nfrom airgraph_server.settings import Settings\n"
        "Server(Settings(port=0, metrics_port=None, trace=True))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "airgraph[server,tracing]" in ended.stderr
