"""Call errors to gRPC statuses with rich details that name field, expected and got."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from structlog.contextvars import get_contextvars

from airgraph_server.errors import (
    CallError,
    DeadlineMissedError,
    DrainingError,
    InvalidInstanceError,
    ModelCannotServeError,
    ModelNotFoundError,
    NotPermittedError,
    OverloadedError,
    TooLargeError,
    UnauthenticatedError,
)
from airgraph_server.log import logger

DOMAIN = "airgraph.v1"
CODES: dict[type[Exception], int] = {
    InvalidInstanceError: code_pb2.INVALID_ARGUMENT,
    TooLargeError: code_pb2.RESOURCE_EXHAUSTED,
    OverloadedError: code_pb2.RESOURCE_EXHAUSTED,
    ModelNotFoundError: code_pb2.NOT_FOUND,
    ModelCannotServeError: code_pb2.FAILED_PRECONDITION,
    DeadlineMissedError: code_pb2.DEADLINE_EXCEEDED,
    DrainingError: code_pb2.UNAVAILABLE,
    UnauthenticatedError: code_pb2.UNAUTHENTICATED,
    NotPermittedError: code_pb2.PERMISSION_DENIED,
}


def code_of(error: Exception) -> str:
    """Name of the gRPC code that an error becomes."""
    return str(code_pb2.Code.Name(CODES.get(type(error), code_pb2.INTERNAL)))


def status_of(error: Exception, request_id: str = "") -> status_pb2.Status:
    """The status a caller sees. An unknown error becomes INTERNAL with an id and nothing of the inside."""
    code = CODES.get(type(error))
    if code is None:
        incident = request_id or get_contextvars().get("request_id") or uuid.uuid4().hex
        logger().error("internal_error", request_id=incident, exc_info=error)
        return status_pb2.Status(code=code_pb2.INTERNAL, message=f"internal error, request {incident}")
    status = status_pb2.Status(code=code, message=str(error))
    status.details.extend(_packed(detail) for detail in _details(error))
    return status


def _packed(detail: Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed


def _details(error: Exception) -> list[Message]:
    if isinstance(error, InvalidInstanceError | TooLargeError):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=error.field, description=f"expected {error.expected}, got {error.got}"
        )
        reason = "INVALID_FIELD" if isinstance(error, InvalidInstanceError) else "TOO_LARGE"
        named = {"field": error.field, "expected": error.expected, "got": error.got}
        return [
            error_details_pb2.BadRequest(field_violations=[violation]),
            error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=named),
        ]
    if isinstance(error, OverloadedError):
        delay = duration_pb2.Duration()
        delay.FromNanoseconds(math.ceil(error.retry_after * 1e3) * 1_000_000)
        return [error_details_pb2.RetryInfo(retry_delay=delay)]
    reason = type(error).__name__.removesuffix("Error")
    return [error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN)] if isinstance(error, CallError) else []


def abort(context: grpc.ServicerContext, error: Exception, request_id: str = "") -> NoReturn:
    """Ends the call with the error's status."""
    if isinstance(error, OverloadedError):
        # Made for every call while the server is busiest.
        context.abort_with_status(_shed(str(error), math.ceil(error.retry_after * 1e3)))
    context.abort_with_status(rpc_status.to_status(status_of(error, request_id)))
    raise error


@lru_cache(maxsize=1024)
def _shed(message: str, milliseconds: int) -> grpc.Status:
    """The status of a call that is to come again after so long."""
    status: grpc.Status = rpc_status.to_status(status_of(OverloadedError(message, milliseconds / 1e3)))
    return status


def refusing(handler: grpc.RpcMethodHandler[Any, Any], error: Exception) -> grpc.RpcMethodHandler[Any, Any]:
    """A handler of the same kind of method that ends every call with the error's status."""

    def single(request: Any, context: grpc.ServicerContext) -> NoReturn:
        abort(context, error)

    def streamed(request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        abort(context, error)
        yield

    # No deserialiser: what a refused caller sent is not looked at.
    if handler.request_streaming:
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(streamed)
        return grpc.stream_unary_rpc_method_handler(single)
    if handler.response_streaming:
        return grpc.unary_stream_rpc_method_handler(streamed)
    return grpc.unary_unary_rpc_method_handler(single)
