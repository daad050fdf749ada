"""The Allocator service."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import grpc

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_server.allocation import Allocation, CallScope, Outcome
from airgraph_server.rpc.status import abort, status_of


def _scope(context: grpc.ServicerContext) -> CallScope:
    remaining = context.time_remaining()
    deadline = None if remaining is None else perf_counter() + remaining
    return CallScope(deadline, lambda: not context.is_active())


def _result(outcome: Outcome) -> allocator_pb2.AllocateResult:
    if isinstance(outcome, Exception):
        return allocator_pb2.AllocateResult(error=status_of(outcome))
    return allocator_pb2.AllocateResult(response=outcome)


class AllocatorServicer(allocator_pb2_grpc.AllocatorServicer):
    """Passes calls to the data plane."""

    def __init__(self, allocation: Allocation) -> None:
        """Keeps the data plane."""
        self._allocation = allocation

    def Allocate(  # noqa: N802
        self, request: allocator_pb2.AllocateRequest, context: grpc.ServicerContext
    ) -> allocator_pb2.AllocateResponse:
        """Answers one instance."""
        outcome = self._allocation.allocate([request], _scope(context))[0]
        if isinstance(outcome, Exception):
            abort(context, outcome, request.request_id)
        return outcome

    def AllocateBatch(  # noqa: N802
        self, request: allocator_pb2.AllocateBatchRequest, context: grpc.ServicerContext
    ) -> allocator_pb2.AllocateBatchResponse:
        """Answers many instances of any sizes; each succeeds or fails alone."""
        outcomes = self._allocation.allocate(request.requests, _scope(context))
        return allocator_pb2.AllocateBatchResponse(results=[_result(outcome) for outcome in outcomes])

    def AllocateStream(  # noqa: N802
        self, request_iterator: Iterator[allocator_pb2.AllocateStreamRequest], context: grpc.ServicerContext
    ) -> Iterator[allocator_pb2.AllocateStreamResponse]:
        """Answers each request of the stream, within its own timeout where it has one."""
        for item in request_iterator:
            scope = _scope(context)
            if item.HasField("timeout_seconds"):
                own = perf_counter() + item.timeout_seconds
                scope = CallScope(own if scope.deadline is None else min(own, scope.deadline), scope.abandoned)
            outcome = self._allocation.allocate([item.request], scope)[0]
            yield allocator_pb2.AllocateStreamResponse(request_id=item.request.request_id, result=_result(outcome))
