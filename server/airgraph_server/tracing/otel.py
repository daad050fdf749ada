"""Spans by OpenTelemetry, sent over OTLP/gRPC."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from google.rpc import code_pb2
from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import SpanKind, Status, StatusCode

from airgraph_server.status import code_of
from airgraph_server.tracing.settings import TracingSettings
from airgraph_server.tracing.spans import Facts, Stage

SERVERS_FAULT = frozenset({"UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"})
"""Codes that make the span of a server an error, by OpenTelemetry's conventions for gRPC; others are the caller's."""
MANY = frozenset({"AllocateBatch", "AllocateStream"})
"""Methods whose instances have spans of their own."""


class OpenTelemetryTracer:
    """Implements `airgraph_server.tracing.spans.Tracer`."""

    def __init__(self, settings: TracingSettings) -> None:
        """Starts the thread that sends spans; nothing is looked up or sent yet."""
        try:
            release = version("airgraph")
        except PackageNotFoundError:
            release = ""
        # What the environment says of this process goes before our own words.
        said = OTELResourceDetector().detect().attributes
        own = {
            "service.name": "airgraph-server",
            "service.version": release,
            "service.instance.id": f"{socket.gethostname()}:{os.getpid()}",
        }
        resource = Resource.create({**own, **said})
        ratio = settings.trace_sample_ratio
        sampler = None if ratio is None else ParentBased(TraceIdRatioBased(ratio))
        self._provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(settings.trace_endpoint)))
        self._tracer = self._provider.get_tracer("airgraph_server", release)

    def begin(self, service: str, method: str, metadata: Mapping[str, Any]) -> OpenTelemetryCallSpan:
        """The span of a call that begins now, in the trace that its metadata name (W3C traceparent by default)."""
        span = self._tracer.start_span(
            f"{service}/{method}",
            propagate.extract(metadata),
            SpanKind.SERVER,
            {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method},
        )
        return OpenTelemetryCallSpan(self._tracer, span, many=method in MANY)

    def close(self, seconds: float) -> None:
        """Sends what is left, within ``seconds``: a collector that is not there must not keep the server up."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(seconds)


class OpenTelemetryCallSpan:
    """Implements `airgraph_server.tracing.spans.CallSpan`.

    The one instance of a unary call is described by the span of the call; those of a batch or a stream have a span
    each under it.
    """

    def __init__(self, tracer: trace.Tracer, span: trace.Span, *, many: bool) -> None:
        """Wraps a span that has begun."""
        context = span.get_span_context()
        self.trace_id = trace.format_trace_id(context.trace_id) if context.is_valid else ""
        self._tracer, self._span, self._many = tracer, span, many
        # Stages are timed by another clock than spans.
        self._offset = time.time_ns() - time.perf_counter_ns()

    def answered(self, facts: Facts, stages: Sequence[Stage]) -> None:
        """Describes one instance and its stages, which are over."""
        if not self._span.is_recording():
            return
        if not self._many:
            self._span.set_attributes(facts)
            self._record(stages, self._span)
            return
        instance = self._start("instance", stages[0].began, self._span, facts)
        self._record(stages, instance)
        instance.end(self._time(stages[-1].ended))

    def refused(self, facts: Facts, began: float, error: Exception) -> None:
        """Describes one instance that has no answer."""
        if not self._span.is_recording():
            return
        if not self._many:
            self._span.set_attributes(facts)
            return
        instance = self._start("instance", began, self._span, facts)
        _mark(instance, code_of(error))
        instance.end()

    def end(self, code: str) -> None:
        """Ends the span of the call."""
        _mark(self._span, code)
        self._span.end()

    def _record(self, stages: Sequence[Stage], parent: trace.Span) -> None:
        for stage in stages:
            span = self._start(stage.name, stage.began, parent, {})
            self._record(stage.inner, span)
            span.end(self._time(stage.ended))

    def _start(self, name: str, began: float, parent: trace.Span, facts: Facts) -> trace.Span:
        context = trace.set_span_in_context(parent)
        return self._tracer.start_span(name, context, attributes=facts, start_time=self._time(began))

    def _time(self, seconds: float) -> int:
        return self._offset + round(seconds * 1e9)


def _mark(span: trace.Span, code: str) -> None:
    span.set_attribute("rpc.grpc.status_code", code_pb2.Code.Value(code))
    if code == "OK":
        return
    span.set_attribute("error.type", code)
    if code in SERVERS_FAULT:
        span.set_status(Status(StatusCode.ERROR, code))
