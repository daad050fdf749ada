"""Counts, times, traces and logs every call, and keeps the inside of the server inside."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any

import grpc
from structlog.contextvars import bind_contextvars

from airgraph_server.metrics import Metrics
from airgraph_server.rpc.call_log import CallLog, identify, new_id
from airgraph_server.status import abort
from airgraph_server.tracing.spans import CURRENT, CallSpan, Tracer

IN_TURNS = frozenset({"Allocate", "AllocateBatch", "ModelInfer"})
"""Methods whose calls compute."""
UNTRACED = ("grpc.",)
"""Services that say nothing of an allocation: health and reflection."""


class CallInterceptor(grpc.ServerInterceptor):  # type: ignore[misc,unused-ignore]
    """Metrics, ids and traces for all services; an exception that escapes a handler becomes INTERNAL with an id."""

    def __init__(self, metrics: Metrics, log: CallLog, tracer: Tracer | None, turns: ThreadPoolExecutor) -> None:
        """Keeps what hears of a call, without a tracer no traces, and the threads of calls that take turns."""
        self._metrics, self._log, self._tracer, self._turns = metrics, log, tracer, turns

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
        make = {
            (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
            (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
            (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
            (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
        }
        name, factory = make[handler.request_streaming, handler.response_streaming]
        behaviour = getattr(handler, name)
        if getattr(behaviour, "experimental_non_blocking", False):
            # A health watch, which holds no thread as long as nothing stands around it.
            return handler
        wrapped = (
            self._streamed(behaviour, service, method)
            if handler.response_streaming
            else self._single(behaviour, service, method)
        )
        return factory(
            wrapped,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _single(self, behaviour: Any, service: str, method: str) -> Callable[[Any, grpc.ServicerContext], Any]:
        def call(request: Any, context: grpc.ServicerContext) -> Any:
            with self._measured(service, method, context, request):
                return behaviour(request, context)

        if method in IN_TURNS:
            # The hook by which gRPC lets a method have threads of its own.
            call.experimental_thread_pool = self._turns  # type: ignore[attr-defined]
        return call

    def _streamed(
        self, behaviour: Any, service: str, method: str
    ) -> Callable[[Any, grpc.ServicerContext], Iterator[Any]]:
        def call(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
            with self._measured(service, method, context, request):
                yield from behaviour(request, context)

        return call

    def _measured(self, service: str, method: str, context: grpc.ServicerContext, request: object) -> _Measured:
        bind_contextvars(**identify(request))
        tracer = None if service.startswith(UNTRACED) else self._tracer
        return _Measured(self._metrics, self._log, tracer, service, method, context, request)


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
        request: object,
    ) -> None:
        self._metrics, self._log, self._tracer = metrics, log, tracer
        self._labels, self._context, self._request = (service, method), context, request
        self._span: CallSpan | None = None

    def __enter__(self) -> None:
        self._began = perf_counter()
        self._metrics.started.labels(*self._labels).inc()
        if self._tracer is not None:
            self._span = self._tracer.begin(*self._labels, dict(self._context.invocation_metadata()))
            CURRENT.set(self._span)
            if self._span.trace_id:
                bind_contextvars(trace_id=self._span.trace_id)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        seconds = perf_counter() - self._began
        self._metrics.handling.labels(*self._labels).observe(seconds)
        code = _code(self._context)
        if code == "OK" and not self._context.is_active():
            # The caller has left, or its deadline has passed: nothing that happened since is news to anyone.
            remaining = self._context.time_remaining()
            code = "DEADLINE_EXCEEDED" if remaining is not None and remaining <= 0 else "CANCELLED"
        if error is not None and code == "OK" and not isinstance(error, GeneratorExit):
            code = "INTERNAL"
        self._metrics.handled.labels(*self._labels, code).inc()
        if self._span is not None:
            self._span.end(code)
        self._log.call(*self._labels, code, seconds, self._request)
        if code == "INTERNAL" and isinstance(error, Exception):
            abort(self._context, error)


def _code(context: grpc.ServicerContext) -> str:
    """The status name set so far; nothing set means OK."""
    code = context.code()  # type: ignore[attr-defined,unused-ignore]
    if code is None:
        return "OK"
    if isinstance(code, grpc.StatusCode):
        return code.name
    names = {status.value[0]: status.name for status in grpc.StatusCode}
    return names.get(code, "UNKNOWN")
