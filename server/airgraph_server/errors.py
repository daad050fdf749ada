"""What can go wrong with a call, in terms of the problem; `rpc.status` turns these into gRPC codes."""

from __future__ import annotations

from airgraph_models.problems import InvalidInstanceError

__all__ = [
    "CallError",
    "DeadlineMissedError",
    "DrainingError",
    "InvalidInstanceError",
    "ModelCannotServeError",
    "ModelNotFoundError",
    "NotPermittedError",
    "OverloadedError",
    "TooLargeError",
    "UnauthenticatedError",
]


class CallError(Exception):
    """Base of what a call can be refused for, apart from an invalid instance."""


class TooLargeError(CallError):
    """The instance exceeds a size limit of this server."""

    def __init__(self, field: str, limit: int, got: int) -> None:
        """Keeps the field, the limit and the size that exceeds it."""
        super().__init__(f"{field}: expected at most {limit}, got {got}")
        self.field = field
        self.expected = f"at most {limit}"
        self.got = str(got)


class ModelNotFoundError(CallError):
    """No model of that name and version is loaded."""


class ModelCannotServeError(CallError):
    """The model exists, but cannot take this instance."""


class DeadlineMissedError(CallError):
    """The deadline has passed before the answer was computed."""


class DrainingError(CallError):
    """The server is about to end; another one may answer."""


class OverloadedError(CallError):
    """The server sheds this call to keep the deadlines of those it has admitted."""

    def __init__(self, message: str, retry_after: float) -> None:
        """Keeps the hint, in seconds, after which a retry may succeed."""
        super().__init__(message)
        self.retry_after = retry_after


class UnauthenticatedError(CallError):
    """The caller did not say who it is, or is not known."""


class NotPermittedError(CallError):
    """The caller is known and may not do this."""
