"""What a call tells of itself while it runs; the same whether or not anybody records it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from airgraph_server.decision.types import Timings

Facts: TypeAlias = dict[str, str | int]


@dataclass(frozen=True)
class Stage:
    """A stage of an answer, on the clock of `time.perf_counter`; ``inner`` ones lie within it."""

    name: str
    began: float
    ended: float
    inner: tuple[Stage, ...] = ()


class CallSpan(Protocol):
    """The span of one call.

    Attributes:
        trace_id: 32 hexadecimal digits; empty where there is no trace.
    """

    trace_id: str

    def answered(self, facts: Facts, stages: Sequence[Stage]) -> None:
        """One instance was answered."""

    def refused(self, facts: Facts, began: float, error: Exception) -> None:
        """One instance was not."""

    def end(self, code: str) -> None:
        """The call ended, with a gRPC code."""


class Tracer(Protocol):
    """Begins spans and sends them away."""

    def begin(self, service: str, method: str, metadata: Mapping[str, Any]) -> CallSpan:
        """The span of a call that begins now, in the trace that its metadata name."""

    def close(self, seconds: float) -> None:
        """Sends what is left, within ``seconds``."""


CURRENT: ContextVar[CallSpan | None] = ContextVar("current_call_span", default=None)
"""The span of the call that this thread handles. gRPC gives every call a context of its own."""


def stages_of(timings: Timings, decoding: tuple[float, float], encoding: tuple[float, float]) -> list[Stage]:
    """The stages of one answer, in the order in which they began; a stage that it did not need is left out.

    Polishing lies within the decision: starts are chosen before it, and the guard looks at its result.

    Args:
        timings: When the decision began and how long its parts took; the run may be shared with other instances.
        decoding: When decoding began and ended.
        encoding: The same of encoding.
    """
    began = timings.began
    chosen = began + timings.inference
    polished = timings.polish_began + timings.polish
    polish = (Stage("polish", timings.polish_began, polished),) if timings.polish else ()
    found = [
        Stage("decode", *decoding),
        Stage("queue", began - timings.queue, began),
        Stage("inference", began, chosen),
        Stage("decision", chosen, timings.ended, polish),
        Stage("encode", *encoding),
    ]
    return [stage for stage in found if stage.ended > stage.began]
