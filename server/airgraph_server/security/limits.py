"""Transport limits as gRPC channel options."""

from __future__ import annotations

from airgraph_server.security.settings import SecuritySettings


def transport_options(settings: SecuritySettings) -> list[tuple[str, int]]:
    """Options of the server's listening sockets; times are in milliseconds."""
    options = [
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.max_concurrent_streams", settings.max_calls_per_connection),
        # Over the first a call may be refused, over the second it always is: one limit is easier to explain.
        ("grpc.max_metadata_size", settings.max_metadata_bytes),
        ("grpc.absolute_max_metadata_size", settings.max_metadata_bytes),
        ("grpc.server_handshake_timeout_ms", _ms(settings.handshake_seconds)),
        ("grpc.keepalive_time_ms", _ms(settings.keepalive_seconds)),
        ("grpc.keepalive_timeout_ms", _ms(settings.keepalive_timeout_seconds)),
        # Where another ping (of the bandwidth estimate) is on its way already, its time counts instead.
        ("grpc.http2.ping_timeout_ms", _ms(settings.keepalive_timeout_seconds)),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", _ms(settings.min_client_ping_seconds)),
        ("grpc.http2.max_ping_strikes", 2),
        ("grpc.max_connection_age_grace_ms", _ms(settings.max_connection_grace_seconds)),
    ]
    if settings.max_connection_age_seconds is not None:
        options.append(("grpc.max_connection_age_ms", _ms(settings.max_connection_age_seconds)))
    return options


def _ms(seconds: float) -> int:
    return max(1, round(seconds * 1000))
