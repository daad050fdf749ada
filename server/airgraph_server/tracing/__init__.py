"""Traces of calls: a span a stage. Only `otel` imports OpenTelemetry, and only where the settings turn it on."""
