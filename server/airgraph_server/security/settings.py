"""What an operator sets about transport security, callers and transport limits."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings


class SecuritySettings(BaseSettings):
    """The security part of the server's `Settings`."""

    tls_certificate: Path | None = None
    """PEM certificate chain of the server; with `tls_key` turns TLS on. Read again when the file changes."""
    tls_key: Path | None = None
    """PEM private key of `tls_certificate`."""
    tls_client_ca: Path | None = None
    """PEM certificates of who signs clients; a client without a certificate from there cannot connect (mTLS)."""
    access_file: Path | None = None
    """Who may call: a line a token, NAME ROLE HASH (see `airgraph_server.security.tokens`). Read again on change."""
    probe_port: int | None = Field(None, ge=0, le=65535)
    """Plain-text port with nothing but the health service, for probes that speak no TLS; 0 takes a free one."""
    max_connections: int = Field(1024, ge=1)
    """Connections open at once; further ones are closed before their handshake."""
    max_calls_per_connection: int = Field(256, ge=1)
    """Calls open at once on one connection; the client's library holds back further ones."""
    max_metadata_bytes: int = Field(16 * 1024, ge=1024)
    """Largest request metadata (HTTP/2 headers)."""
    max_connection_age_seconds: float | None = Field(None, gt=0)
    """Age at which a connection is asked to move, so that clients find new servers; None = never."""
    max_connection_grace_seconds: float = Field(30.0, gt=0)
    """Time for open calls after that; then they are cut."""
    handshake_seconds: float = Field(10.0, gt=0)
    """Longest TLS and HTTP/2 handshake."""
    keepalive_seconds: float = Field(60.0, gt=0)
    """Interval at which a connection is asked for a sign of life."""
    keepalive_timeout_seconds: float = Field(20.0, gt=0)
    """Wait for that sign before a connection, such as that of a client that reads nothing, is closed."""
    slow_reader_seconds: float = Field(10.0, gt=0)
    """Time a stream's caller has to take one answer; then the stream is ended."""
    min_client_ping_seconds: float = Field(10.0, gt=0)
    """Smallest interval of a client's own keepalive; one that pings more often is disconnected."""

    @model_validator(mode="after")
    def _whole_tls(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key: expected both or neither, got one")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("tls_client_ca: expected with tls_certificate and tls_key, got it alone")
        return self
