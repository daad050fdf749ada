"""The Allocator service."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import grpc
from structlog.contextvars import bound_contextvars

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_server.allocation import Allocation, Outcome
from airgraph_server.errors import OverloadedError
from airgraph_server.rpc.call_log import CallLog
from airgraph_server.rpc.scope import scope_of
from airgraph_server.rpc.stream import Stream
from airgraph_server.settings import Settings
from airgraph_server.status import abort, code_of, status_of
from airgraph_server.tracing.spans import CURRENT

RETRY_STREAM_AFTER = 1.0


def _fill_result(
    result: allocator_pb2.AllocateResult, request: allocator_pb2.AllocateRequest, outcome: Outcome
) -> None:
    if isinstance(outcome, Exception):
        result.error.CopyFrom(status_of(outcome, request.request_id))
    else:
        result.response.CopyFrom(outcome)


def _streamed(
    log: CallLog, trace_id: str, request: allocator_pb2.AllocateRequest, outcome: Outcome, seconds: float
) -> allocator_pb2.AllocateStreamResponse:
    answer = allocator_pb2.AllocateStreamResponse(request_id=request.request_id)
    # The thread that says so may be one that handles another call.
    with bound_contextvars(**({"trace_id": trace_id} if trace_id else {})):
        _fill_result(answer.result, request, outcome)
    code = code_of(outcome) if isinstance(outcome, Exception) else "OK"
    log.stream_answer(request.request_id, code, seconds, trace_id)
    return answer


class AllocatorServicer(allocator_pb2_grpc.AllocatorServicer):
    """Passes calls to the data plane."""

    def __init__(self, allocation: Allocation, log: CallLog, settings: Settings) -> None:
        """Keeps the data plane, the places for streams and the deadline of calls that bring none."""
        self._allocation, self._log = allocation, log
        self._max_streams, self._window = settings.max_streams, settings.stream_window
        self._default_deadline = settings.default_deadline_seconds
        self._lock = threading.Lock()
        self._streams: set[Stream] = set()
        self._draining = False

    def drain(self) -> None:
        """Reads no more from any stream: idle ones end at once, the others when they have answered."""
        with self._lock:
            self._draining = True
            streams = list(self._streams)
        for stream in streams:
            stream.end()

    def Allocate(  # noqa: N802
        self, request: allocator_pb2.AllocateRequest, context: grpc.ServicerContext
    ) -> allocator_pb2.AllocateResponse:
        """Answers one instance."""
        outcome = self._allocation.allocate([request], scope_of(context, CURRENT.get(), self._default_deadline))[0]
        if isinstance(outcome, Exception):
            abort(context, outcome, request.request_id)
        return outcome

    def AllocateBatch(  # noqa: N802
        self, request: allocator_pb2.AllocateBatchRequest, context: grpc.ServicerContext
    ) -> allocator_pb2.AllocateBatchResponse:
        """Answers many instances of any sizes; each succeeds or fails alone."""
        outcomes = self._allocation.allocate(request.requests, scope_of(context, CURRENT.get(), self._default_deadline))
        response = allocator_pb2.AllocateBatchResponse()
        for one, outcome in zip(request.requests, outcomes, strict=True):
            _fill_result(response.results.add(), one, outcome)
        return response

    def AllocateStream(  # noqa: N802
        self, request_iterator: Iterator[allocator_pb2.AllocateStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[allocator_pb2.AllocateStreamResponse]:
        """Answers each request of the stream, within its own timeout where it has one.

        An open stream holds two threads, busy or not, so their number is bounded.
        """
        span = CURRENT.get()
        say = partial(_streamed, self._log, "" if span is None else span.trace_id)
        stream = Stream(self._allocation, lambda: scope_of(context, span), say, self._window, self._default_deadline)
        with self._lock:
            full = len(self._streams) >= self._max_streams
            if not full:
                self._streams.add(stream)
                if self._draining:
                    stream.end()
        if full:
            abort(context, OverloadedError("too many open streams", RETRY_STREAM_AFTER))
        try:
            yield from stream.answers(request_iterator)
        finally:
            with self._lock:
                self._streams.discard(stream)
