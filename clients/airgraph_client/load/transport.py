"""The three ways in which instances reach the server; each tells a callback what became of them."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import grpc

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_client.answers import Answer, reason_of
from airgraph_client.connection import CallMetadata, Connection
from airgraph_client.errors import CODES, AirGraphError
from airgraph_client.load.plan import CallKind, LoadPlan
from airgraph_client.load.record import UNANSWERED, Outcome
from airgraph_client.streams import Item, StreamCalls, Streamed

CLOSING = 5.0
"""Seconds for a stream that owes nothing to end."""
Requests = list[allocator_pb2.AllocateRequest]
Done = Callable[[list[Outcome]], None]


class Transport(Protocol):
    """Sends a call and comes back at once."""

    def send(self, requests: Requests, timeout: float | None, done: Done) -> None:
        """Sends; ``done`` is called once, from another thread, with one outcome a request."""

    def close(self) -> None:
        """Gives up on what is unanswered."""


def open_transport(plan: LoadPlan, channels: Sequence[grpc.Channel], connection: Connection) -> Transport:
    """The transport of a plan, dealt over open channels."""
    stubs = [allocator_pb2_grpc.AllocatorStub(channel) for channel in channels]
    if plan.kind is CallKind.STREAM:
        return StreamTransport([StreamClient(connection, stub) for stub in stubs], plan.streams)
    return CallTransport(stubs, plan.kind is CallKind.BATCH, connection.call_metadata())


class CallTransport:
    """A call of its own for each message."""

    def __init__(self, stubs: Sequence[allocator_pb2_grpc.AllocatorStub], batch: bool, metadata: CallMetadata) -> None:
        """Keeps the stubs, which take turns, and whether a message holds many instances."""
        self._stubs = itertools.cycle(stubs)
        self._batch = batch
        self._metadata = metadata
        self._running: set[Any] = set()

    def send(self, requests: Requests, timeout: float | None, done: Done) -> None:
        """Starts a call."""
        stub = next(self._stubs)
        if self._batch:
            message = allocator_pb2.AllocateBatchRequest(requests=requests)
            call: Any = stub.AllocateBatch.future(message, timeout=timeout, metadata=self._metadata)
        else:
            call = stub.Allocate.future(requests[0], timeout=timeout, metadata=self._metadata)
        self._running.add(call)
        call.add_done_callback(lambda ended: self._ended(ended, len(requests), done))

    def close(self) -> None:
        """Cancels what still runs."""
        for call in list(self._running):
            call.cancel()

    def _ended(self, call: Any, count: int, done: Done) -> None:
        self._running.discard(call)
        code = call.code()
        if code is not grpc.StatusCode.OK:
            done([Outcome(code.name)] * count)
            return
        reply = call.result()
        if isinstance(reply, allocator_pb2.AllocateBatchResponse):
            done([_of_result(result) for result in reply.results])
        elif isinstance(reply, allocator_pb2.AllocateResponse):
            done([_of_response(reply)])


class StreamTransport:
    """Long-lived streams of the client's own; calls are dealt over them in turn, answers find their call by its id."""

    def __init__(self, clients: Sequence[StreamCalls], streams: int) -> None:
        """Opens the streams, dealt over the clients, each with a thread that reads it."""
        self._waiting: dict[str, Done] = {}
        self._ids = itertools.count()
        self._queues: list[queue.SimpleQueue[Item | None]] = [queue.SimpleQueue() for _ in range(streams)]
        self._failure: str | None = None
        self._readers = [
            threading.Thread(target=self._read, args=(client.allocate_stream(iter(outgoing.get, None)),), daemon=True)
            for client, outgoing in zip(itertools.cycle(clients), self._queues, strict=False)
        ]
        for reader in self._readers:
            reader.start()

    def send(self, requests: Requests, timeout: float | None, done: Done) -> None:
        """Puts one instance on the next stream."""
        number = next(self._ids)
        if self._failure is not None:
            done([Outcome(self._failure)])
            return
        identity = str(number)
        self._waiting[identity] = done
        self._queues[number % len(self._queues)].put((identity, _Ready(requests[0]), timeout))

    def close(self) -> None:
        """Ends the streams; what is unanswered stays so."""
        for outgoing in self._queues:
            outgoing.put(None)
        for reader in self._readers:
            # A stream that owes an answer ends with its channel.
            reader.join(0 if self._waiting else CLOSING)
        self._end_waiting(UNANSWERED)

    def _read(self, answers: Iterator[Streamed]) -> None:
        try:
            for identity, answer in answers:
                done = self._waiting.pop(identity, None)
                if done is not None:
                    done([_of_answer(answer)])
        except AirGraphError as error:
            if error.code is not grpc.StatusCode.CANCELLED:
                self._failure = error.code.name
                self._end_waiting(error.code.name)

    def _end_waiting(self, code: str) -> None:
        for identity in list(self._waiting):
            done = self._waiting.pop(identity, None)
            if done is not None:
                done([Outcome(code)])


class StreamClient(StreamCalls):
    """The streaming half of a client, on a channel that is open already."""

    def __init__(self, connection: Connection, stub: allocator_pb2_grpc.AllocatorStub) -> None:
        """Keeps what `StreamCalls` needs."""
        self._connection, self._allocator = connection, stub


class _Ready:
    """A request that was made before the clock ran."""

    def __init__(self, message: allocator_pb2.AllocateRequest) -> None:
        self._message = message

    def put_into(self, request: allocator_pb2.AllocateRequest) -> None:
        request.MergeFrom(self._message)


def _of_answer(answer: Answer | AirGraphError) -> Outcome:
    if isinstance(answer, AirGraphError):
        return Outcome(answer.code.name)
    return Outcome("OK", answer.solver, answer.fallback_reason or "")


def _of_result(result: allocator_pb2.AllocateResult) -> Outcome:
    if result.HasField("error"):
        return Outcome(CODES.get(result.error.code, grpc.StatusCode.UNKNOWN).name)
    return _of_response(result.response)


def _of_response(response: allocator_pb2.AllocateResponse) -> Outcome:
    source = response.provenance
    return Outcome("OK", source.solver, reason_of(source.fallback_reason) or "")
