"""How a client makes sure of its server, and says who it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import grpc

from airgraph_client.errors import Denied

PathLike: TypeAlias = str | Path


@dataclass(frozen=True)
class Security:
    """TLS, and optionally a client certificate (mTLS) and a bearer token. Files are PEM.

    Tokens travel over TLS only. A `token_file` is read again at every call, so that a rotated token needs no new
    client; the certificates are read when the client is made.

    Attributes:
        ca: Certificates of who signs the server's; None = the well-known authorities that gRPC ships.
        certificate: The client's own certificate chain; with `key` for a server that asks for one.
        key: Private key of `certificate`.
        token: Bearer token.
        token_file: File that holds the bearer token, instead of `token`.
        server_name: Name expected in the server's certificate, where it differs from the target's.
    """

    ca: PathLike | None = None
    certificate: PathLike | None = None
    key: PathLike | None = None
    token: str | None = field(default=None, repr=False)
    token_file: PathLike | None = None
    server_name: str | None = None

    def __post_init__(self) -> None:
        """Checks that the parts belong together.

        Raises:
            ValueError: Certificate without key, key without certificate, or two tokens.
        """
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key: expected both or neither, got one")
        if self.token is not None and self.token_file is not None:
            raise ValueError("token and token_file: expected at most one, got both")

    def credentials(self) -> grpc.ChannelCredentials:
        """What gRPC opens the channel with.

        Raises:
            OSError: A file cannot be read.
        """
        channel = grpc.ssl_channel_credentials(
            *(None if path is None else Path(path).read_bytes() for path in (self.ca, self.key, self.certificate))
        )
        if self.token is None and self.token_file is None:
            return channel
        return grpc.composite_channel_credentials(channel, grpc.metadata_call_credentials(_Bearer(self), "bearer"))

    def options(self) -> tuple[tuple[str, str], ...]:
        """Channel options that go with the credentials."""
        return () if self.server_name is None else (("grpc.ssl_target_name_override", self.server_name),)

    def bearer(self) -> str:
        """The token as it is now.

        Raises:
            Denied: Its file cannot be read.
        """
        if self.token_file is None:
            return self.token or ""
        try:
            return Path(self.token_file).read_text(encoding="ascii").strip()
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a token"
            raise Denied(f"token_file {self.token_file}: {reason}", grpc.StatusCode.UNAUTHENTICATED) from None


class _Bearer(grpc.AuthMetadataPlugin):  # type: ignore[misc,unused-ignore]
    """Adds the token to every call of a channel."""

    def __init__(self, security: Security) -> None:
        self._security = security

    def __call__(
        self,
        context: grpc.AuthMetadataContext,
        callback: Callable[[tuple[tuple[str, str], ...], Exception | None], None],
    ) -> None:
        try:
            callback((("authorization", f"Bearer {self._security.bearer()}"),), None)
        except Denied as error:
            callback((), error)
