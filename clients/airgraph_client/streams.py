"""Streams: instances in, answers out as they are ready. One stream serves one controller."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import TypeAlias, Unpack

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_client.answers import Answer
from airgraph_client.connection import Connection
from airgraph_client.errors import AirGraphError, typed_errors
from airgraph_client.requests import Options, Problem, allocate_request, read_result

Item: TypeAlias = Problem | tuple[str, Problem] | tuple[str, Problem, float | None]
Streamed: TypeAlias = tuple[str, Answer | AirGraphError]


class StreamCalls:
    """The streaming methods of `Client`."""

    _connection: Connection
    _allocator: allocator_pb2_grpc.AllocatorStub

    def allocate_stream(self, instances: Iterable[Item], **options: Unpack[Options]) -> Iterator[Streamed]:
        """Sends instances over one stream, and gives the answers in the order in which they are ready.

        Args:
            instances: Instances, pairs of an id and an instance, or triples that end in the instance's own timeout;
                without an id they are counted: "0", "1", ...
                Drawn from another thread, as fast as the server takes them; may wait for answers.
            **options: See `Options`; they hold for every instance. The timeout is each instance's own, from its
                arrival at the server.

        Returns:
            Pairs of the id and the answer, or the exception that a call of its own would have raised. One bad instance
            fails alone. Closing the iterator ends the stream.

        Raises:
            AirGraphError: The stream itself broke, or an instance cannot be sent.
        """
        sending = _Sending(options, self._connection.timeout)

        def requests() -> Iterator[allocator_pb2.AllocateStreamRequest]:
            for item in instances:
                request = sending.request(item)
                if request is None:
                    return
                yield request

        with typed_errors():
            call = self._allocator.AllocateStream(requests(), metadata=self._connection.call_metadata())
            try:
                for response in call:
                    yield response.request_id, read_result(response.result)
            finally:
                call.cancel()
        sending.raise_refused()


class AsyncStreamCalls:
    """The streaming methods of `AsyncClient`."""

    _connection: Connection
    _allocator: allocator_pb2_grpc.AllocatorAsyncStub

    async def allocate_stream(
        self, instances: Iterable[Item] | AsyncIterable[Item], **options: Unpack[Options]
    ) -> AsyncIterator[Streamed]:
        """Sends instances over one stream, and gives the answers in the order in which they are ready.

        Args:
            instances: Instances, pairs of an id and an instance, or triples that end in the instance's own timeout;
                without an id they are counted: "0", "1", ...
            **options: See `Options`; they hold for every instance. The timeout is each instance's own, from its
                arrival at the server.

        Returns:
            Pairs of the id and the answer, or the exception that a call of its own would have raised. One bad instance
            fails alone. Closing the iterator ends the stream.

        Raises:
            AirGraphError: The stream itself broke, or an instance cannot be sent.
        """
        sending = _Sending(options, self._connection.timeout)

        async def requests() -> AsyncIterator[allocator_pb2.AllocateStreamRequest]:
            async for item in _each(instances):
                request = sending.request(item)
                if request is None:
                    return
                yield request

        with typed_errors():
            call = self._allocator.AllocateStream(requests(), metadata=self._connection.call_metadata())
            try:
                async for response in call:
                    yield response.request_id, read_result(response.result)
            finally:
                call.cancel()
        sending.raise_refused()


async def _each(instances: Iterable[Item] | AsyncIterable[Item]) -> AsyncIterator[Item]:
    if isinstance(instances, AsyncIterable):
        async for item in instances:
            yield item
    else:
        for item in instances:
            yield item


class _Sending:
    """Makes the messages of one stream, and keeps what went wrong for the thread that reads."""

    def __init__(self, options: Options, default_timeout: float | None) -> None:
        self._options = options
        timeout = options.get("timeout")
        self._timeout = default_timeout if timeout is None else timeout
        self._count = 0
        self._refused: AirGraphError | None = None

    def request(self, item: Item) -> allocator_pb2.AllocateStreamRequest | None:
        """The message of an item; None, which ends the stream, where it cannot be sent."""
        identity, instance, *own = item if isinstance(item, tuple) else (str(self._count), item)
        timeout = own[0] if own else self._timeout
        self._count += 1
        try:
            request = allocate_request(instance, self._options)
        except AirGraphError as error:
            self._refused = error
            return None
        request.request_id = identity
        return allocator_pb2.AllocateStreamRequest(request=request, timeout_seconds=timeout)

    def raise_refused(self) -> None:
        """Raises what kept an item from being sent."""
        if self._refused is not None:
            raise self._refused
