"""What an operator sets about traces."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings


class TracingSettings(BaseSettings):
    """The tracing part of the server's `Settings`; what is not set here is taken from OpenTelemetry's environment."""

    trace: bool = False
    """Send OpenTelemetry traces over OTLP/gRPC; needs the extra `tracing`. OTEL_* variables are respected."""
    trace_endpoint: str | None = None
    """Collector, such as http://localhost:4317 (https for TLS); None = OTEL_EXPORTER_OTLP_ENDPOINT, else this."""
    trace_sample_ratio: float | None = Field(None, ge=0, le=1)
    """Share of calls traced where the caller has not decided; None = OTEL_TRACES_SAMPLER, else all."""
