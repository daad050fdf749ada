"""Every line of the log that concerns a call names the call's request."""

import grpc
import numpy as np
import pytest
from requests_to import power_control_request
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs
from tracing.collector import collecting

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc, registry_pb2, registry_pb2_grpc
from airgraph_client import Client, InvalidInstance, PowerControl
from airgraph_server.app import Server
from airgraph_server.security.tokens import digest_of, new_token
from airgraph_server.settings import Settings

GAIN = np.random.default_rng(0).exponential(size=(4, 4))


def serving(zoo, **given):
    return Server(Settings(host="127.0.0.1", port=0, metrics_port=None, zoo=zoo, **given))


def lines_of(ask, zoo, **given):
    """What a server logs while it is asked."""
    with capture_logs(processors=[merge_contextvars]) as lines, serving(zoo, **given) as server:
        ask(server)
    return lines


def named(lines, event):
    return [line for line in lines if line["event"] == event]


def ask_in_every_way(server):
    with Client(server.target, timeout=30) as client:
        client.control_power(GAIN, request_id="one")
        with pytest.raises(InvalidInstance):
            client.control_power(-GAIN, request_id="wrong")
        client.allocate_batch([PowerControl(GAIN), PowerControl(-GAIN)], request_id="b")
        list(client.allocate_stream([("s", PowerControl(GAIN)), ("bad", PowerControl(-GAIN))]))
        client.models()


@pytest.mark.parametrize(("given", "level"), [({"log_level": "debug"}, "debug"), ({"log_calls": 1.0}, "info")])
def test_each_call_has_a_line_with_its_code_time_and_ids(tmp_path, given, level):
    lines = lines_of(ask_in_every_way, tmp_path, **given)
    calls = {(line["method"], line["code"]): line for line in named(lines, "call")}
    assert calls.keys() == {
        ("Allocate", "OK"),
        ("Allocate", "INVALID_ARGUMENT"),
        ("AllocateBatch", "OK"),
        ("AllocateStream", "OK"),
        ("ListModels", "OK"),
    }
    assert calls["Allocate", "OK"]["request_id"] == "one"
    assert calls["Allocate", "INVALID_ARGUMENT"]["request_id"] == "wrong"
    assert calls["AllocateBatch", "OK"]["request_ids"] == ["b/0", "b/1"]
    for line in calls.values():
        assert line["log_level"] == level
        assert line["seconds"] > 0
        assert line["request_id"]
        assert line["service"].startswith("airgraph.v1.")
        assert "trace_id" not in line
    streamed = {line["request_id"]: line["code"] for line in named(lines, "stream_answer")}
    assert streamed == {"s": "OK", "bad": "INVALID_ARGUMENT"}


def test_by_default_a_call_has_no_line(tmp_path):
    lines = lines_of(ask_in_every_way, tmp_path)
    assert not named(lines, "call")
    assert not named(lines, "stream_answer")


def test_a_share_of_calls_has_a_line(tmp_path, monkeypatch):
    draws = iter([0.1, 0.9, 0.2, 0.8])
    monkeypatch.setattr("airgraph_server.rpc.call_log.random.random", lambda: next(draws))

    def ask(server):
        with Client(server.target) as client:
            for number in range(4):
                client.control_power(GAIN, request_id=str(number))

    lines = lines_of(ask, tmp_path, log_calls=0.5)
    assert [line["request_id"] for line in named(lines, "call")] == ["0", "2"]


def test_the_trace_is_named_where_calls_are_traced(tmp_path):
    with collecting() as (collector, endpoint):
        lines = lines_of(ask_in_every_way, tmp_path, log_calls=1.0, trace=True, trace_endpoint=endpoint)
        traces = {span.trace_id.hex() for span in collector.spans}
    written = named(lines, "call") + named(lines, "stream_answer")
    assert {line["trace_id"] for line in written} == traces
    (stream,) = (line for line in named(lines, "call") if line["method"] == "AllocateStream")
    assert {line["trace_id"] for line in named(lines, "stream_answer")} == {stream["trace_id"]}


def test_who_names_no_request_gets_an_id_that_is_the_same_everywhere(tmp_path):
    record = tmp_path / "audit"

    def ask(server):
        with grpc.insecure_channel(server.target) as channel:
            stub = allocator_pb2_grpc.AllocatorStub(channel)
            answers.append(stub.Allocate(power_control_request(GAIN)))
            answers.extend(
                result.response
                for result in stub.AllocateBatch(
                    allocator_pb2.AllocateBatchRequest(requests=[power_control_request(GAIN)] * 2)
                ).results
            )

    answers = []
    lines = named(lines_of(ask, tmp_path, log_calls=1.0, audit_file=record), "call")
    ids = [answer.request_id for answer in answers]
    assert len(set(ids)) == 3
    assert lines[0]["request_id"] == ids[0]
    assert lines[1]["request_ids"] == ids[1:]
    assert all(identity in record.read_text() for identity in ids)


def test_a_fault_is_logged_under_the_id_that_the_caller_sees(tmp_path):
    def ask(server):
        with grpc.insecure_channel(server.target) as channel, pytest.raises(grpc.RpcError) as caught:
            allocator_pb2_grpc.AllocatorStub(channel).Allocate(power_control_request(GAIN))
        said.append(caught.value.details())

    said = []
    lines = lines_of(ask, tmp_path, log_level="debug", audit_file="/dev/full")
    (fault,), (call,) = named(lines, "internal_error"), named(lines, "call")
    assert fault["request_id"] == call["request_id"]
    assert fault["request_id"] in said[0]


def test_refusals_and_changes_of_the_registry_have_ids_too(tmp_path):
    token = new_token()
    (tmp_path / "access").write_text(f"operator admin {digest_of(token)}\n")

    def ask(server):
        with grpc.insecure_channel(server.target) as channel:
            stub = registry_pb2_grpc.RegistryStub(channel)
            with pytest.raises(grpc.RpcError):
                stub.ListModels(registry_pb2.ListModelsRequest())
            stub.ReloadModels(registry_pb2.ReloadModelsRequest(), metadata=(("authorization", f"Bearer {token}"),))

    lines = lines_of(ask, tmp_path, access_file=tmp_path / "access", log_level="debug")
    refused, changed = named(lines, "call")
    assert refused["code"] == "UNAUTHENTICATED"
    assert named(lines, "call_refused")[0]["request_id"] == refused["request_id"]
    assert named(lines, "admin_call")[0]["request_id"] == changed["request_id"]
    assert refused["request_id"] != changed["request_id"]


def test_ids_of_a_caller_are_cut_before_they_fill_the_log(tmp_path):
    def ask(server):
        with Client(server.target) as client:
            client.control_power(GAIN, request_id="x" * 100_000)

    (line,) = named(lines_of(ask, tmp_path, log_calls=1.0), "call")
    assert len(line["request_id"]) <= 200
