"""Lets a call through to its method only if the caller may make it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health

from airgraph_server.errors import NotPermittedError, UnauthenticatedError
from airgraph_server.log import logger
from airgraph_server.security.settings import SecuritySettings
from airgraph_server.security.tokens import AccessFile, Role
from airgraph_server.status import refusing

OPEN_SERVICES = frozenset({health.SERVICE_NAME})
"""Called by probes, which carry no token, and telling nothing but whether the server serves."""
ADMIN_METHODS = frozenset({"LoadModel", "UnloadModel", "ReloadModels", "RepositoryModelLoad", "RepositoryModelUnload"})
"""Methods, of any service, that change what is served."""
SCHEME = "bearer"


class Guard(grpc.ServerInterceptor):  # type: ignore[misc,unused-ignore]
    """Checks the bearer token of every call before its message is even parsed.

    Without an access file everybody may ask; methods that change what is served are then answered only by a server
    that other machines cannot reach.
    """

    def __init__(self, settings: SecuritySettings, host: str) -> None:
        """Reads the access file, where there is one.

        Raises:
            OSError: It cannot be read or understood.
        """
        self._access = None if settings.access_file is None else AccessFile(settings.access_file)
        self._reachable = not is_loopback(host)

    def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], grpc.RpcMethodHandler[Any, Any] | None],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Gives the method's own handler, or one that refuses."""
        handler = continuation(handler_call_details)
        _, service, method = str(handler_call_details.method).split("/")
        if handler is None or service in OPEN_SERVICES:
            return handler
        try:
            name = self._check(method in ADMIN_METHODS, handler_call_details.invocation_metadata)
        except (UnauthenticatedError, NotPermittedError) as error:
            logger().info("call_refused", service=service, method=method, reason=str(error))
            return refusing(handler, error)
        if method in ADMIN_METHODS:
            logger().info("admin_call", service=service, method=method, caller=name)
        return handler

    def _check(self, admin: bool, metadata: Any) -> str:
        if self._access is None:
            if admin and self._reachable:
                raise NotPermittedError("this server has no access file, so nobody may change what it serves")
            return "anyone"
        caller = self._access.caller(bearer_token(metadata))
        if caller is None:
            raise UnauthenticatedError("the bearer token is not known to this server")
        if admin and caller.role is not Role.ADMIN:
            raise NotPermittedError(f"{caller.name} is no administrator")
        return caller.name


def bearer_token(metadata: Any) -> str:
    """The token of a call's metadata.

    Raises:
        UnauthenticatedError: There is none, or more than one.
    """
    values = [value for key, value in metadata or () if key == "authorization"]
    if len(values) != 1:
        raise UnauthenticatedError(f"authorization: expected one bearer token, got {len(values)}")
    scheme, _, token = str(values[0]).partition(" ")
    if scheme.lower() != SCHEME or not token.strip():
        raise UnauthenticatedError("authorization: expected 'Bearer TOKEN', got another form")
    return token.strip()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address that is listened on."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.startswith("unix:")
