"""Passes the caller's trace on, where the caller traces."""

from __future__ import annotations

import importlib
import sys


def trace_metadata() -> tuple[tuple[str, str], ...]:
    """The current span as call metadata, in OpenTelemetry's propagation format (W3C ``traceparent`` by default).

    Empty outside a span. A program that has a span has imported OpenTelemetry; one that has not pays nothing, not even
    the import.
    """
    if "opentelemetry.trace" not in sys.modules:
        return ()
    carrier: dict[str, str] = {}
    importlib.import_module("opentelemetry.propagate").inject(carrier)
    # gRPC's keys are lower case.
    return tuple((key.lower(), value) for key, value in carrier.items())
