"""Loads OpenTelemetry where the settings ask for it."""

from __future__ import annotations

import importlib

from airgraph_server.tracing.settings import TracingSettings
from airgraph_server.tracing.spans import Tracer


def load_tracer(settings: TracingSettings) -> Tracer:
    """The tracer that sends to the settings' collector.

    Raises:
        ImportError: OpenTelemetry is not installed.
    """
    try:
        module = importlib.import_module("airgraph_server.tracing.otel")
    except ModuleNotFoundError as error:
        raise ImportError(f"trace needs {error.name}: pip install 'airgraph[server,tracing]'") from error
    tracer: Tracer = module.OpenTelemetryTracer(settings)
    return tracer
