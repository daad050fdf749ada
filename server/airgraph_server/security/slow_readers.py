"""Ends streams whose caller does not read what it is sent."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any

import grpc
from structlog.contextvars import get_contextvars

from airgraph_server.log import logger

LOOKS = 4
"""Looks at a stream within the time it has to take one answer."""


class SlowReaders(grpc.ServerInterceptor):  # type: ignore[misc,unused-ignore]
    """Cancels a stream when one answer waits too long for room in the caller's flow-control window.

    gRPC gives a writer no timeout, and keepalive does not notice: the caller's transport answers pings while its
    program reads nothing. Without this such a caller would keep a stream's thread for ever.
    """

    def __init__(self, seconds: float) -> None:
        """Gives each answer ``seconds`` to be taken."""
        self._seconds = seconds

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Watches methods that answer with a stream from a stream, the ones that can go on without end."""
        handler = continuation(handler_call_details)
        if handler is None or not (handler.request_streaming and handler.response_streaming):
            return handler
        behaviour: Any = handler.stream_stream

        def call(requests: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with _Watch(context, self._seconds, str(handler_call_details.method)) as watch:
                for answer in behaviour(requests, context):
                    # gRPC asks for the next answer only when this one has been taken.
                    watch.writing_since = monotonic()
                    yield answer
                    watch.writing_since = None

        return grpc.stream_stream_rpc_method_handler(
            call, request_deserializer=handler.request_deserializer, response_serializer=handler.response_serializer
        )


class _Watch:
    """A thread that lives as long as its stream."""

    def __init__(self, context: grpc.ServicerContext, seconds: float, method: str) -> None:
        self.writing_since: float | None = None
        self._context, self._seconds, self._method = context, seconds, method
        self._ids = get_contextvars()
        self._ended = threading.Event()

    def __enter__(self) -> _Watch:
        threading.Thread(target=self._look, name="watch", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ended.set()

    def _look(self) -> None:
        while not self._ended.wait(self._seconds / LOOKS):
            since = self.writing_since
            if since is not None and monotonic() - since > self._seconds:
                logger().warning("slow_reader", method=self._method, seconds=self._seconds, **self._ids)
                self._context.cancel()
                return
