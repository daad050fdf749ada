"""A server that is about to close, as its callers see it."""

import threading
import time

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from prometheus_client import generate_latest
from requests_to import power_control_request

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_server import app
from airgraph_server.app import Server
from airgraph_server.settings import Settings

GAIN = np.random.default_rng(0).exponential(size=(3, 3))


@pytest.fixture
def server(tmp_path):
    with Server(Settings(port=0, metrics_port=None, zoo=tmp_path, drain_seconds=60.0)) as running:
        yield running


@pytest.fixture
def channel(server):
    with grpc.insecure_channel(server.target) as connected:
        yield connected


def refusal(call):
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    return rpc_status.from_call(caught.value).details[0].value


def one(stub):
    return stub.Allocate(power_control_request(GAIN))


def batch(stub):
    return stub.AllocateBatch(allocator_pb2.AllocateBatchRequest(requests=[power_control_request(GAIN)]))


def streamed(stub):
    return next(stub.AllocateStream(iter([allocator_pb2.AllocateStreamRequest(request=power_control_request(GAIN))])))


@pytest.mark.parametrize("ask", [one, batch, streamed])
def test_new_calls_are_refused_on_open_connections_and_on_new_ones(server, channel, ask):
    opened = allocator_pb2_grpc.AllocatorStub(channel)
    ask(opened)
    server.refuse()
    with grpc.insecure_channel(server.target, [("grpc.use_local_subchannel_pool", 1)]) as another:
        for stub in (opened, allocator_pb2_grpc.AllocatorStub(another)):
            assert b"Draining" in refusal(lambda stub=stub: ask(stub))


def test_health_is_still_told_and_running_calls_end_well(server, channel):
    stub = allocator_pb2_grpc.AllocatorStub(channel)
    gain = np.random.default_rng(1).exponential(size=(300, 300))
    long = power_control_request(gain, policy=allocator_pb2.POLICY_CLASSICAL, classical_iterations=2000)
    running = stub.Allocate.future(long)
    while b'grpc_server_started_total{grpc_method="Allocate"' not in generate_latest(server.metrics.registry):
        time.sleep(0.01)
    server.refuse()
    health = health_pb2_grpc.HealthStub(channel)
    assert health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.NOT_SERVING
    refusal(lambda: one(stub))
    assert running.result().provenance.polish_iterations == 2000


def test_a_drain_refuses_before_it_closes(server, channel, monkeypatch):
    stub = allocator_pb2_grpc.AllocatorStub(channel)
    one(stub)
    slept, go_on = threading.Event(), threading.Event()

    def sleep(seconds):
        assert seconds == app.LAST_CALLS
        slept.set()
        assert go_on.wait(60)

    monkeypatch.setattr(app, "sleep", sleep)
    draining = threading.Thread(target=server.drain)
    draining.start()
    assert slept.wait(60)
    assert b"Draining" in refusal(lambda: one(stub))
    go_on.set()
    draining.join(60)
    assert not draining.is_alive()
