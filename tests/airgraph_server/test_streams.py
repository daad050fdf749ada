"""Streams through the real server: order, errors, half-close, flow control, drain."""

import queue
import threading
import time

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from requests_to import power_control_request

from airgraph.v1 import allocator_pb2 as messages
from airgraph.v1 import allocator_pb2_grpc
from airgraph_client import Client, DeadlineMissed, InvalidInstance, PowerControl
from airgraph_client.async_client import AsyncClient
from airgraph_server.app import Server
from airgraph_server.settings import Settings

GAIN = np.random.default_rng(0).exponential(size=(5, 5))
LARGE = np.random.default_rng(1).exponential(size=(200, 200))


def item(identity, gain=GAIN, timeout=None, **options):
    request = power_control_request(gain, identity, **options)
    return messages.AllocateStreamRequest(request=request, timeout_seconds=timeout)


def slow(identity):
    return item(identity, LARGE, policy=messages.POLICY_CLASSICAL, classical_iterations=4000)


@pytest.fixture
def two_places(tmp_path):
    with Server(Settings(port=0, metrics_port=None, zoo=tmp_path, threads=2, stream_window=4)) as server:
        yield server


def test_answers_come_as_they_are_ready_and_half_close_loses_none(two_places):
    with grpc.insecure_channel(two_places.target) as channel:
        stub = allocator_pb2_grpc.AllocatorStub(channel)
        answers = list(stub.AllocateStream(iter([slow("slow"), item("a"), item("b")]), timeout=60))
    assert {answer.request_id for answer in answers} == {"slow", "a", "b"}
    assert answers[-1].request_id == "slow"
    assert all(answer.result.HasField("response") for answer in answers)


@pytest.mark.parametrize(
    ("bad", "field"),
    [(item(""), "request_id"), (item("x", timeout=0.0), "timeout_seconds"), (item("x", timeout=np.nan), "timeout")],
)
def test_a_bad_item_fails_alone_and_the_stream_goes_on(stub, bad, field):
    first, second = sorted(stub.AllocateStream(iter([bad, item("z")])), key=lambda answer: answer.request_id)
    assert first.result.error.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert field in first.result.error.message
    assert second.result.HasField("response")


def test_an_items_timeout_is_its_own(two_places):
    with grpc.insecure_channel(two_places.target) as channel:
        stub = allocator_pb2_grpc.AllocatorStub(channel)
        answers = {a.request_id: a.result for a in stub.AllocateStream(iter([item("late", timeout=1e-9), item("on")]))}
    assert answers["late"].error.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    assert answers["on"].HasField("response")


def test_a_caller_that_reads_nothing_is_held_back_and_holds_up_nobody(two_places):
    taken = []

    def endless():
        for number in range(100_000):
            taken.append(number)
            # Answers of a megabyte fill the connection's window at once.
            yield item(str(number), LARGE)

    with (
        grpc.insecure_channel(two_places.target) as channel,
        grpc.insecure_channel(two_places.target, [("grpc.use_local_subchannel_pool", 1)]) as other,
    ):
        stalled = allocator_pb2_grpc.AllocatorStub(channel).AllocateStream(endless())
        stub = allocator_pb2_grpc.AllocatorStub(other)
        time.sleep(1.0)
        answers = list(stub.AllocateStream(iter([item(str(i)) for i in range(20)]), timeout=30))
        assert len(answers) == 20
        assert all(answer.result.HasField("response") for answer in answers)
        stalled.cancel()
    assert len(taken) < 100_000


def test_idle_streams_end_at_once_when_the_server_drains(tmp_path):
    server = Server(Settings(port=0, metrics_port=None, zoo=tmp_path, threads=1, drain_seconds=30.0))
    server.start()
    sent: queue.SimpleQueue = queue.SimpleQueue()
    with grpc.insecure_channel(server.target) as channel:
        stream = allocator_pb2_grpc.AllocatorStub(channel).AllocateStream(iter(sent.get, None))
        sent.put(item("a"))
        assert next(stream).request_id == "a"
        began = time.monotonic()
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert list(stream) == []
        stopping.join(20)
        assert time.monotonic() - began < 20
        sent.put(None)


def test_health_watches_hold_no_threads(tmp_path):
    with Server(Settings(port=0, metrics_port=None, zoo=tmp_path, threads=1, drain_seconds=1.0)) as server:
        before = threading.active_count()
        with grpc.insecure_channel(server.target) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            watches = [health.Watch(health_pb2.HealthCheckRequest()) for _ in range(40)]
            assert all(next(watch).status == health_pb2.HealthCheckResponse.SERVING for watch in watches)
            # Each client's watch has a thread too, one; the server's pool stays small.
            server_threads = [thread for thread in threading.enumerate() if thread.name.startswith("call")]
            assert len(server_threads) < 40
            assert threading.active_count() < before + 40 + 40
            for watch in watches:
                watch.cancel()


def test_the_client_streams(server):
    with Client(server.target, timeout=20) as client:
        pairs = [("good", PowerControl(GAIN)), ("bad", PowerControl(-GAIN))]
        answers = dict(client.allocate_stream(pairs))
        assert answers["good"].power.shape == (5,)
        assert isinstance(answers["bad"], InvalidInstance)
        counted = dict(client.allocate_stream(PowerControl(GAIN[:n, :n]) for n in (1, 2, 3)))
        assert {identity: answer.power.size for identity, answer in counted.items()} == {"0": 1, "1": 2, "2": 3}
        with pytest.raises(InvalidInstance, match="policy"):
            list(client.allocate_stream([PowerControl(GAIN)], policy="none"))


async def test_the_asyncio_client_streams(server):
    async def drawn():
        for size in (1, 2, 3):
            yield PowerControl(GAIN[:size, :size])

    async with AsyncClient(server.target, timeout=20) as client:
        for instances in (drawn(), [PowerControl(GAIN[:n, :n]) for n in (1, 2, 3)]):
            answers = {identity: answer async for identity, answer in client.allocate_stream(instances)}
            assert {identity: answer.power.size for identity, answer in answers.items()} == {"0": 1, "1": 2, "2": 3}


def test_the_client_gives_an_instance_a_timeout_of_its_own(two_places):
    items = [
        ("late", PowerControl(GAIN), 1e-9),
        ("on", PowerControl(GAIN), 60.0),
        ("as the stream", PowerControl(GAIN)),
    ]
    with Client(two_places.target) as client:
        answers = dict(client.allocate_stream(iter(items), timeout=60.0))
    assert isinstance(answers.pop("late"), DeadlineMissed)
    assert [answer.power.size for answer in answers.values()] == [5, 5]
