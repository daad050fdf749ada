"""What the scheduler has computed: decisions, and runs of a network on tensors that a caller laid out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from airgraph_server.decision.sharing import never
from airgraph_server.decision.types import Decision, Task, Timings
from airgraph_server.decision.union import UnionDecision, UnionTask
from airgraph_server.errors import CallError, DeadlineMissedError


class RawModel(Protocol):
    """A loaded network, as far as such a run needs it."""

    name: str
    version: str

    def run_raw(self, inputs: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Runs the network on inputs that a caller laid out."""


@dataclass(frozen=True)
class RawRun:
    """One run to make.

    Attributes:
        problem: What the network was trained for.
        model: The network.
        inputs: By the names that it uses.
        deadline: On the clock of `time.perf_counter`; None for no deadline.
        abandoned: Asked before compute: has the caller gone away?
    """

    problem: str
    model: RawModel
    inputs: dict[str, npt.NDArray[Any]]
    deadline: float | None = None
    abandoned: Callable[[], bool] = lambda: False


@dataclass
class RawOutput:
    """What the network answered."""

    values: npt.NDArray[np.float32]
    timings: Timings = field(default_factory=Timings)


class Decides(Protocol):
    """What decides instances."""

    def decide(self, tasks: Sequence[Task], needed_at: Callable[[], float] = ...) -> Sequence[Decision | CallError]:
        """One result a task; polishing ends when ``needed_at()`` has come."""

    def decide_unions(self, tasks: Sequence[UnionTask]) -> Sequence[UnionDecision | Exception]:
        """One result a union."""


def run_all(
    decider: Decides, work: Sequence[Task | UnionTask | RawRun], needed_at: Callable[[], float] = never
) -> list[Decision | UnionDecision | RawOutput | Exception]:
    """Decides instances or unions together, or makes runs one after the other; the scheduler never mixes them."""
    tasks = [one for one in work if isinstance(one, Task)]
    if tasks:
        return list(decider.decide(tasks, needed_at))
    unions = [one for one in work if isinstance(one, UnionTask)]
    if unions:
        return list(decider.decide_unions(unions))
    return [_output(run) for run in work if isinstance(run, RawRun)]


def _output(run: RawRun) -> RawOutput | Exception:
    began = perf_counter()
    if run.abandoned() or (run.deadline is not None and began >= run.deadline):
        return DeadlineMissedError("the deadline passed before the network could run")
    try:
        values = run.model.run_raw(run.inputs)
    except Exception as error:
        # Others of the same batch are not to blame.
        return error
    ended = perf_counter()
    return RawOutput(values, Timings(inference=ended - began, total=ended - began, began=began, ended=ended))
