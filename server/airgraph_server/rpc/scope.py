"""What a call of gRPC tells the data plane."""

from __future__ import annotations

from time import perf_counter

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
