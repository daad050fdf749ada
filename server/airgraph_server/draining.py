"""Refuses calls that come while the server leaves, in words that clients retry on."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from typing import Any

import grpc
from grpc_health.v1 import health

from airgraph_server.errors import DrainingError
from airgraph_server.status import refusing


class Draining(grpc.ServerInterceptor):  # type: ignore[misc,unused-ignore]
    """Lets every call through until it is told to refuse; then only health is asked for.

    gRPC drops a call that reaches a server after it was stopped, on a connection whose client has not heard of it yet
    or while others wait for a handler: the client sees CANCELLED, which nobody retries. What is refused here
    sees UNAVAILABLE, and goes to another server.
    """

    def __init__(self) -> None:
        """Refuses nothing yet."""
        self._refuses = Event()

    def refuse(self) -> None:
        """Refuses all calls that begin from here on."""
        self._refuses.set()

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Gives the method's own handler, or one that refuses."""
        handler = continuation(handler_call_details)
        _, service, _ = str(handler_call_details.method).split("/")
        if handler is None or not self._refuses.is_set() or service == health.SERVICE_NAME:
            return handler
        return refusing(handler, DrainingError("this server is going and takes no new calls"))
