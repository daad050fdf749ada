"""How a client reaches its server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from airgraph_client.security import Security
from airgraph_client.trace_context import trace_metadata

ChannelOptions: TypeAlias = Sequence[tuple[str, str | int]]
CallMetadata: TypeAlias = tuple[tuple[str, str | bytes], ...]

# A dense network of 1000 pairs is 4 MB, gRPC's default limit of a message.
DEFAULT_OPTIONS: tuple[tuple[str, str | int], ...] = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A connection of its own for each client: a server of several processes deals them out to its workers.
    ("grpc.use_local_subchannel_pool", 1),
    # Where the target's name stands for several servers, as dns:///airgraph:50051 does, calls take turns.
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
)


@dataclass(frozen=True)
class Connection:
    """Where the server is and how it is spoken to.

    Attributes:
        target: Address, such as ``"localhost:50051"`` or ``"dns:///airgraph:50051"``.
        timeout: Seconds a call may take where it says nothing itself; None = no deadline.
        credentials: TLS credentials (`grpc.ssl_channel_credentials`); None = plain text.
        metadata: Key and value pairs sent with every call, such as ``("authorization", "Bearer ...")``.
        options: gRPC channel options on top of unlimited message sizes and round-robin balancing.
    """

    target: str = "localhost:50051"
    timeout: float | None = None
    credentials: grpc.ChannelCredentials | None = None
    metadata: CallMetadata = ()
    options: ChannelOptions = ()

    def call_metadata(self) -> CallMetadata:
        """What the next call carries: `metadata`, and the caller's trace where there is one."""
        return (*self.metadata, *trace_metadata())

    def channel(self) -> grpc.Channel:
        """Opens a channel for threads."""
        options = (*DEFAULT_OPTIONS, *self.options)
        if self.credentials is None:
            return grpc.insecure_channel(self.target, options)
        return grpc.secure_channel(self.target, self.credentials, options)

    def aio_channel(self) -> grpc.aio.Channel:
        """Opens a channel for asyncio."""
        options = (*DEFAULT_OPTIONS, *self.options)
        if self.credentials is None:
            return grpc.aio.insecure_channel(self.target, options)
        return grpc.aio.secure_channel(self.target, self.credentials, options)


def connect(
    target: str,
    timeout: float | None,
    security: Security | None,
    credentials: grpc.ChannelCredentials | None,
    metadata: CallMetadata,
    options: ChannelOptions,
) -> Connection:
    """The connection that a client's arguments describe.

    Raises:
        ValueError: Both `security` and `credentials` are given.
        OSError: A file of `security` cannot be read.
    """
    if security is None:
        return Connection(target, timeout, credentials, metadata, options)
    if credentials is not None:
        raise ValueError("security and credentials: expected at most one, got both")
    return Connection(target, timeout, security.credentials(), metadata, (*security.options(), *options))
