"""What a call of gRPC tells the data plane."""

from __future__ import annotations

from time import perf_counter, time
from typing import Any

import grpc

from airgraph_server.allocation import CallScope
from airgraph_server.tracing.spans import CallSpan

LONGEST_DEADLINE = 1e7


def scope_of(context: grpc.ServicerContext, span: CallSpan | None, default_deadline: float | None = None) -> CallScope:
    """Deadline and caller of a call; ``default_deadline`` seconds from now where it brings no deadline."""
    return CallScope(deadline_of(context, default_deadline), lambda: not context.is_active(), span)


def deadline_of(context: grpc.ServicerContext, default_deadline: float | None = None) -> float | None:
    """On the clock of `time.perf_counter`; None for no deadline."""
    remaining = context.time_remaining()
    # A call without a deadline has one some 10^11 years away.
    endless = remaining is None or remaining > LONGEST_DEADLINE
    seconds = default_deadline if endless else remaining
    return None if seconds is None else perf_counter() + seconds


def deadline_among(arguments: tuple[Any, ...]) -> float | None:
    """On the clock of `time.perf_counter`, of a call that gRPC hands to an executor with these arguments.

    One of them is gRPC's event of the call. None where there is no deadline, or where it is not as known.
    """
    for argument in arguments:
        deadline = getattr(getattr(argument, "call_details", None), "deadline", None)
        if isinstance(deadline, float):
            remaining = deadline - time()
            return perf_counter() + remaining if remaining < LONGEST_DEADLINE else None
    return None
