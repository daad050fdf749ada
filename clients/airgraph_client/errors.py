"""What a call can end with, one exception a kind, and how they are read from gRPC statuses."""

# The names say what happened, as they read in an except clause.
# ruff: noqa: N818

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

CODES = {code.value[0]: code for code in grpc.StatusCode}


class AirGraphError(Exception):
    """Base of everything a call can end with.

    Attributes:
        code: The gRPC status code.
        message: The server's words.
    """

    code: grpc.StatusCode

    def __init__(self, message: str, code: grpc.StatusCode = grpc.StatusCode.UNKNOWN) -> None:
        """Keeps the message and the code."""
        super().__init__(message)
        self.message = message
        self.code = code


class InvalidInstance(AirGraphError):
    """A field of the instance, or an option of the call, cannot be accepted.

    Attributes:
        field: Name of the field as the contract spells it; empty where the server named none.
        expected: What would have been accepted.
        got: What was sent.
    """

    def __init__(self, field: str, expected: str, got: str, message: str | None = None) -> None:
        """Keeps the three parts; the message joins them where none is given."""
        super().__init__(message or f"{field}: expected {expected}, got {got}", grpc.StatusCode.INVALID_ARGUMENT)
        self.field = field
        self.expected = expected
        self.got = got


class InstanceTooLarge(InvalidInstance):
    """The instance exceeds a size limit of this server."""

    def __init__(self, field: str, expected: str, got: str, message: str | None = None) -> None:
        """Keeps the three parts, under the code of exhausted resources."""
        super().__init__(field, expected, got, message)
        self.code = grpc.StatusCode.RESOURCE_EXHAUSTED


class ModelNotFound(AirGraphError):
    """The server has no model of that name and version."""


class ModelCannotServe(AirGraphError):
    """The model exists, but cannot take this instance."""


class DeadlineMissed(AirGraphError):
    """There was not time enough: the call was refused at once, or its timeout ran out."""


class Overloaded(AirGraphError):
    """The server sheds load.

    Attributes:
        retry_after: Seconds after which a retry may succeed; None where the server gave no hint.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        """Keeps the message and the hint."""
        super().__init__(message, grpc.StatusCode.RESOURCE_EXHAUSTED)
        self.retry_after = retry_after


class Unavailable(AirGraphError):
    """The server cannot be reached, or is draining."""


class NotImplementedByServer(AirGraphError):
    """The server does not offer this method, or does not solve this problem."""


class Denied(AirGraphError):
    """The caller did not say who it is, or may not do this."""


class ServerError(AirGraphError):
    """The server failed, or ended the call in a way this client does not know."""


PLAIN: dict[grpc.StatusCode, type[AirGraphError]] = {
    grpc.StatusCode.NOT_FOUND: ModelNotFound,
    grpc.StatusCode.FAILED_PRECONDITION: ModelCannotServe,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineMissed,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.UNIMPLEMENTED: NotImplementedByServer,
    grpc.StatusCode.UNAUTHENTICATED: Denied,
    grpc.StatusCode.PERMISSION_DENIED: Denied,
}


def from_status(status: status_pb2.Status) -> AirGraphError:
    """The exception a ``google.rpc.Status`` stands for, with what its details say."""
    code = CODES.get(status.code, grpc.StatusCode.UNKNOWN)
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        return InvalidInstance(*_named_field(status), status.message or None)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        named = _named_field(status)
        if named[0]:
            return InstanceTooLarge(*named, status.message or None)
        return Overloaded(status.message, _retry_after(status))
    return PLAIN.get(code, ServerError)(status.message, code)


def from_rpc_error(error: grpc.RpcError) -> AirGraphError:
    """The exception an ended call stands for, of a synchronous or an asyncio channel."""
    try:
        status = rpc_status.from_call(error)
    except ValueError:
        # The details disagree with the status proper, so another party wrote one of them.
        status = None
    if status is None:
        status = status_pb2.Status(code=error.code().value[0], message=error.details() or "")
    return from_status(status)


@contextmanager
def typed_errors() -> Iterator[None]:
    """Turns gRPC's exceptions into this module's within its block."""
    try:
        yield
    except grpc.RpcError as error:
        raise from_rpc_error(error) from error


def _named_field(status: status_pb2.Status) -> tuple[str, str, str]:
    """Field, expected and got; empty where the server named none."""
    info = error_details_pb2.ErrorInfo()
    bad_request = error_details_pb2.BadRequest()
    for detail in status.details:
        # Unpack leaves the message alone where the detail is of another type.
        _ = detail.Unpack(info) or detail.Unpack(bad_request)
    field = info.metadata.get("field", "")
    if not field and bad_request.field_violations:
        field = bad_request.field_violations[0].field
    return field, info.metadata.get("expected", ""), info.metadata.get("got", "")


def _retry_after(status: status_pb2.Status) -> float | None:
    hint = error_details_pb2.RetryInfo()
    for detail in status.details:
        if detail.Unpack(hint):
            return float(hint.retry_delay.seconds + hint.retry_delay.nanos * 1e-9)
    return None
