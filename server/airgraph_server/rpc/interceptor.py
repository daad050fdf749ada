"""Counts, times, traces and logs every call, and keeps the inside of the server inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import grpc
from structlog.contextvars import bind_contextvars

from airgraph_server.errors import CallError
from airgraph_server.metrics import Metrics
from airgraph_server.rpc.call_log import CallLog, identify, new_id
from airgraph_server.status import abort
from airgraph_server.tracing.spans import CURRENT, CallSpan, Tracer

IN_TURNS = frozenset({"Allocate", "AllocateBatch", "ModelInfer"})
"""Methods whose calls compute."""
KINDS = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}
"""By whether request and answer are streams: what gRPC calls the behaviour, and what makes its handler."""
UNTRACED = ("grpc.",)
"""Services that say nothing of an allocation: health and reflection."""


class CallInterceptor(grpc.ServerInterceptor):  # type: ignore[misc,unused-ignore]
    """Metrics, ids and traces for all services; an exception that escapes a handler becomes INTERNAL with an id."""

    def __init__(
        self,
        metrics: Metrics,
        log: CallLog,
        tracer: Tracer | None,
        turns: ThreadPoolExecutor,
        look: Callable[[grpc.ServicerContext], None],
    ) -> None:
        """Keeps what hears of a call; without a tracer there are no traces.

        Calls that compute run in the threads of ``turns``; ``look`` raises where they would be refused anyway.
        """
        self._metrics, self._log, self._tracer, self._turns, self._look = metrics, log, tracer, turns, look

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Wraps the handler of a known method."""
        # gRPC gives each call a context of its own: every line logged within it from here on has the id.
        bind_contextvars(request_id=new_id())
        handler = continuation(handler_call_details)
        if handler is None:
            return None
        _, service, method = str(handler_call_details.method).split("/")
        name, factory = KINDS[handler.request_streaming, handler.response_streaming]
        behaviour = getattr(handler, name)
        if getattr(behaviour, "experimental_non_blocking", False):
            # A health watch, which holds no thread as long as nothing stands around it.
            return handler
        if method in IN_TURNS:
            # Reads its one message itself: not before it is known that there is time for it.
            factory, wrapped = grpc.stream_unary_rpc_method_handler, self._in_turn(behaviour, service, method)
        elif handler.response_streaming:
            wrapped = self._streamed(behaviour, service, method)
        else:
            wrapped = self._single(behaviour, service, method)
        return factory(
            wrapped,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _single(self, behaviour: Any, service: str, method: str) -> Callable[[Any, grpc.ServicerContext], Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            with self._measured(service, method, context) as measured:
                measured.read(request)
                return behaviour(request, context)

        return call

    def _in_turn(
        self, behaviour: Any, service: str, method: str
    ) -> Callable[[Iterator[Any], grpc.ServicerContext], Any]:
        def call(requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
            with self._measured(service, method, context) as measured:
                try:
                    self._look(context)
                except CallError as refusal:
                    abort(context, refusal)
                request = next(requests, None)
                if request is None:
                    context.abort(*_without_message(context))
                measured.read(request)
                return behaviour(request, context)

        # The hook by which gRPC lets a method have threads of its own.
        call.experimental_thread_pool = self._turns  # type: ignore[attr-defined]
        return call

    def _streamed(
        self, behaviour: Any, service: str, method: str
    ) -> Callable[[Any, grpc.ServicerContext], Iterator[Any]]:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with self._measured(service, method, context) as measured:
                measured.read(request)
                yield from behaviour(request, context)

        return call

    def _measured(self, service: str, method: str, context: grpc.ServicerContext) -> _Measured:
        tracer = None if service.startswith(UNTRACED) else self._tracer
        return _Measured(self._metrics, self._log, tracer, service, method, context)


class _Measured:
    """One call from start to end."""

    def __init__(
        self,
        metrics: Metrics,
        log: CallLog,
        tracer: Tracer | None,
        service: str,
        method: str,
        context: grpc.ServicerContext,
    ) -> None:
        self._metrics, self._log, self._tracer = metrics, log, tracer
        self._labels, self._context = (service, method), context
        self._request: object = None
        self._span: CallSpan | None = None

    def read(self, request: object) -> None:
        """The message is here: from now on lines of the log name it."""
        self._request = request
        bind_contextvars(**identify(request))

    def __enter__(self) -> _Measured:
        self._began = perf_counter()
        self._metrics.child("started", *self._labels).inc()
        if self._tracer is not None:
            self._span = self._tracer.begin(*self._labels, dict(self._context.invocation_metadata()))
            CURRENT.set(self._span)
            if self._span.trace_id:
                bind_contextvars(trace_id=self._span.trace_id)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        seconds = perf_counter() - self._began
        self._metrics.child("handling", *self._labels).observe_all([seconds])
        code = _code(self._context)
        if code == "OK" and not self._context.is_active():
            # The caller has left, or its deadline has passed: nothing that happened since is news to anyone.
            remaining = self._context.time_remaining()
            code = "DEADLINE_EXCEEDED" if remaining is not None and remaining <= 0 else "CANCELLED"
        if error is not None and code == "OK" and not isinstance(error, GeneratorExit):
            code = "INTERNAL"
        self._metrics.child("handled", *self._labels, code).inc()
        if self._span is not None:
            self._span.end(code)
        self._log.call(*self._labels, code, seconds, self._request)
        if code == "INTERNAL" and isinstance(error, Exception):
            abort(self._context, error)


def _without_message(context: grpc.ServicerContext) -> tuple[grpc.StatusCode, str]:
    """What ends a call that brought no message."""
    if context.is_active():
        return grpc.StatusCode.UNIMPLEMENTED, "this method takes exactly one message"
    remaining = context.time_remaining()
    late = remaining is not None and remaining <= 0
    return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED, "nobody waits for an answer"


def _code(context: grpc.ServicerContext) -> str:
    """The status name set so far; nothing set means OK."""
    code = context.code()  # type: ignore[attr-defined,unused-ignore]
    if code is None:
        return "OK"
    if isinstance(code, grpc.StatusCode):
        return code.name
    names = {status.value[0]: status.name for status in grpc.StatusCode}
    return names.get(code, "UNKNOWN")
