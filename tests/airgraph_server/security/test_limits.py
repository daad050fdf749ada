"""What one peer may ask of the transport, through the real server."""

import contextlib
import socket
import threading
import time

import grpc
import numpy as np
import pytest
from requests_to import power_control_request

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_client import Client, Unavailable
from airgraph_server.app import Server
from airgraph_server.codec.tensors import encode_tensor
from airgraph_server.settings import Settings

GAIN = np.eye(3)
LOCAL = (("grpc.use_local_subchannel_pool", 1),)
# Otherwise the window grows to megabytes before it is full.
SMALL_WINDOW = ("grpc.http2.bdp_probe", 0)


@pytest.fixture
def serve(tmp_path):
    def make(**settings):
        return Server(Settings(port=0, metrics_port=None, zoo=tmp_path, **settings))

    return make


def answers(target):
    with Client(target, timeout=10) as client:
        return client.control_power(GAIN).power.shape == (3,)


def refusal(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, timeout=10, **options)
    return caught.value


def test_an_oversized_message_is_refused_and_harms_nobody(serve):
    with serve(max_message_bytes=4096) as server, grpc.insecure_channel(server.target) as channel:
        stub = allocator_pb2_grpc.AllocatorStub(channel)
        error = refusal(stub.Allocate, power_control_request(np.ones((40, 40))))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert stub.Allocate(power_control_request(GAIN), timeout=10).provenance.objective > 0


def test_oversized_metadata_is_refused(serve):
    with serve(max_metadata_bytes=2048) as server, grpc.insecure_channel(server.target) as channel:
        stub = allocator_pb2_grpc.AllocatorStub(channel)
        error = refusal(stub.Allocate, power_control_request(GAIN), metadata=(("x-padding", "x" * 8192),))
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert answers(server.target)


def test_no_more_connections_than_allowed(serve):
    with serve(max_connections=2) as server:
        clients = [Client(server.target, timeout=3, options=LOCAL) for _ in range(3)]
        try:
            for client in clients[:2]:
                client.control_power(GAIN)
            with pytest.raises(Unavailable):
                clients[2].control_power(GAIN)
            clients[0].control_power(GAIN)
            clients[0].close()
            assert eventually(lambda: answers(server.target))
        finally:
            for client in clients:
                client.close()


def eventually(check, seconds=20):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if check():
                return True
        except Unavailable:
            pass
        time.sleep(0.05)
    return False


def test_a_peer_that_never_shakes_hands_is_disconnected(serve):
    with serve(handshake_seconds=0.3) as server, socket.create_connection(("127.0.0.1", server.port), 20) as peer:
        # The server sends its own settings first; then it has nothing more to say to a silent peer and hangs up.
        while peer.recv(4096):
            pass
        assert answers(server.target)


def test_a_client_that_pings_too_often_is_disconnected(serve):
    with serve(min_client_ping_seconds=3600) as server:
        # grpcio does not let its own clients ping this often.
        with socket.create_connection(("127.0.0.1", server.port), 20) as peer:
            peer.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, b""))
            peer.sendall(b"".join(frame(6, bytes(8)) for _ in range(10)))
            received = b""
            while chunk := peer.recv(4096):
                received += chunk
        assert b"too_many_pings" in received
        assert answers(server.target)


def frame(kind, payload):
    """An HTTP/2 frame of stream 0."""
    return len(payload).to_bytes(3, "big") + bytes([kind, 0, 0, 0, 0, 0]) + payload


def test_an_old_connection_is_asked_to_move_and_no_call_fails(serve):
    with serve(max_connection_age_seconds=0.2) as server, Client(server.target, timeout=10) as client:
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            client.control_power(GAIN)


class Cable:
    """Forwards one connection to the server, both ways, until it is cut: then nothing arrives and nothing is said."""

    def __init__(self, port):
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._server_port = port
        self._whole = threading.Event()
        self._whole.set()
        self._sockets, self._threads = [self._listening], []
        self._start(self._connect)

    def _start(self, work, *arguments):
        self._threads.append(threading.Thread(target=work, args=arguments, daemon=True))
        self._threads[-1].start()

    def _connect(self):
        near, _ = self._listening.accept()
        far = socket.create_connection(("127.0.0.1", self._server_port))
        self._sockets += near, far
        self._start(self._pump, near, far)
        self._start(self._pump, far, near)

    def _pump(self, source, sink):
        # Closing the sockets ends it.
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._whole.wait()
                sink.sendall(data)

    def cut(self):
        self._whole.clear()

    def close(self):
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._whole.set()
        for thread in self._threads:
            thread.join(10)


def streamed(stub, request):
    """Whether a stream is given a place and an answer."""
    try:
        return next(stub.AllocateStream(iter([request]), timeout=10)).HasField("result")
    except grpc.RpcError as error:
        if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
            raise
        return False


@pytest.fixture
def request_():
    """A long answer to a short question: 2000 receivers without interference."""
    own = encode_tensor(np.arange(2000, dtype=np.int32))
    request = power_control_request(np.ones(2000, np.float32))
    request.power_control.num_nodes = 2000
    request.power_control.links.receiver.CopyFrom(own)
    request.power_control.links.transmitter.CopyFrom(own)
    return allocator_pb2.AllocateStreamRequest(request=request)


def test_a_caller_that_reads_nothing_holds_up_nobody_and_loses_its_place(serve, request_):
    with (
        serve(max_streams=1, slow_reader_seconds=0.4) as server,
        grpc.insecure_channel(server.target, (*LOCAL, SMALL_WINDOW)) as slow,
        grpc.insecure_channel(server.target, LOCAL) as other,
    ):
        stream = allocator_pb2_grpc.AllocatorStub(slow).AllocateStream(forever(request_))
        next(stream)
        assert answers(server.target)
        stub = allocator_pb2_grpc.AllocatorStub(other)
        assert not streamed(stub, request_)
        assert eventually(lambda: streamed(stub, request_))
        with pytest.raises(grpc.RpcError) as caught:
            for _ in stream:
                pass
        assert caught.value.code() is grpc.StatusCode.CANCELLED


def test_a_caller_that_has_gone_silent_loses_its_place(serve, request_):
    with serve(max_streams=1, keepalive_seconds=0.4, keepalive_timeout_seconds=0.4) as server:
        cable = Cable(server.port)
        with grpc.insecure_channel(f"127.0.0.1:{cable.port}") as lost, grpc.insecure_channel(server.target) as other:
            more = threading.Event()
            stream = allocator_pb2_grpc.AllocatorStub(lost).AllocateStream(one_and_wait(request_, more))
            next(stream)
            cable.cut()
            stub = allocator_pb2_grpc.AllocatorStub(other)
            assert not streamed(stub, request_)
            assert eventually(lambda: streamed(stub, request_))
            more.set()
            cable.close()


def forever(request):
    while True:
        yield request


def one_and_wait(request, more):
    yield request
    more.wait()


def test_a_connection_has_no_more_calls_than_allowed(serve, request_):
    more = threading.Event()
    with serve(max_calls_per_connection=1) as server, grpc.insecure_channel(server.target, LOCAL) as full:
        stub = allocator_pb2_grpc.AllocatorStub(full)
        stream = stub.AllocateStream(one_and_wait(request_, more))
        next(stream)
        # The caller's own library holds the second call back.
        with pytest.raises(grpc.RpcError) as caught:
            stub.Allocate(power_control_request(GAIN), timeout=0.5)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        assert answers(server.target)
        more.set()
        assert list(stream) == []
        assert stub.Allocate(power_control_request(GAIN), timeout=10).provenance.objective > 0


def test_a_stream_older_than_age_and_grace_is_cut_as_unavailable(serve, request_):
    more = threading.Event()
    aged = serve(max_connection_age_seconds=0.3, max_connection_grace_seconds=0.3)
    with aged as server, grpc.insecure_channel(server.target) as channel:
        stub = allocator_pb2_grpc.AllocatorStub(channel)
        stream = stub.AllocateStream(one_and_wait(request_, more), timeout=20)
        next(stream)
        with pytest.raises(grpc.RpcError) as caught:
            next(stream)
        more.set()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert streamed(stub, request_)
