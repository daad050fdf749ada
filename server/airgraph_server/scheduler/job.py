"""What waits in the queue: one ticket an instance, held together by the call they came in."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from airgraph_models.problems import PowerControl
from airgraph_server.decision.types import Decision, Policy, Task
from airgraph_server.decision.union import UnionDecision, UnionTask
from airgraph_server.scheduler.load import Load
from airgraph_server.scheduler.raw import RawOutput, RawRun

Work = Task | UnionTask | RawRun
Result = Decision | UnionDecision | RawOutput | Exception
Kind = tuple[str, int, str, bool, str]
"""Problem, antennas, policy, deadline or none, model: what one run has in common."""


class Job:
    """The instances of one call.

    Attributes:
        results: One a task, None while it is not decided.
        given_up: Nobody waits for the results any more.
    """

    def __init__(self, tasks: Sequence[Work], notify: Callable[[Job], None] | None) -> None:
        """``notify`` is called when the last result is in; without one a caller waits in `wait`."""
        self.tasks = tasks
        self.results: list[Result | None] = [None] * len(tasks)
        self.given_up = False
        self._left = len(tasks)
        self._notify = notify
        # Released with the last result: a lock takes a tenth of the time of an event, and one caller waits at most.
        self._done = threading.Lock() if notify is None else None
        if self._done is not None:
            self._done.acquire()

    @property
    def done(self) -> bool:
        """Whether every task has its result."""
        return self._left == 0

    def settle(self, position: int, result: Result) -> bool:
        """Takes one result, with the scheduler's lock held; whether it was the last."""
        self.results[position] = result
        self._left -= 1
        return self._left == 0

    def announce(self) -> None:
        """Tells who waits that the last result is in; without the scheduler's lock."""
        if self._notify is not None:
            self._notify(self)
        elif self._done is not None:
            self._done.release()

    def wait(self, seconds: float | None) -> bool:
        """Waits for the last result; whether it came."""
        if self._done is None:
            return True
        return self._done.acquire(timeout=threading.TIMEOUT_MAX if seconds is None else max(seconds, 0.0))


@dataclass(slots=True, order=True)
class Ticket:
    """One instance in the queue; the smallest goes first."""

    rank: tuple[int, float, int]
    job: Job = field(compare=False)
    position: int = field(compare=False)
    task: Work = field(compare=False)
    load: Load = field(compare=False)
    kind: Kind = field(compare=False)
    queued_at: float = field(compare=False)

    @property
    def deadline(self) -> float:
        """On the clock of `time.perf_counter`, infinite where there is none."""
        return math.inf if self.task.deadline is None else self.task.deadline


RAW, UNION = "raw", "union"
"""Stand for the policy of a `RawRun` and a `UnionTask`, which no task shares."""


def load_of(task: Work) -> Load:
    """What the task adds to a run; of raw tensors their elements count as links."""
    if isinstance(task, RawRun):
        return Load(sum(value.size for value in task.inputs.values()), max(map(len, task.inputs.values()), default=0))
    if isinstance(task, UnionTask):
        # As one: its time is the network's, which lets others have the interpreter.
        return Load(task.links, task.nodes)
    size = task.family.measure(task.instance)
    return Load(size.links, size.nodes)


def kind_of(task: Work) -> Kind:
    """What the task must share with the others of its run."""
    if isinstance(task, RawRun):
        return (task.problem, 0, RAW, task.deadline is not None, f"{task.model.name}/{task.model.version}")
    if isinstance(task, UnionTask):
        return (PowerControl.problem, 1, UNION, task.deadline is not None, f"{task.model.name}/{task.model.version}")
    policy = "shadow" if task.shadow else task.policy.value
    used = task.policy is not Policy.CLASSICAL or task.shadow
    model = f"{task.model.name}/{task.model.version}" if task.model is not None and used else ""
    return (task.family.name, task.family.antennas(task.instance), policy, task.deadline is not None, model)
