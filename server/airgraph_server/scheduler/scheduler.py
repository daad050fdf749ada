"""The scheduler: takes what is queued at once, urgent first, and runs what fits together as one batch.

There is no waiting window. A caller that finds a free place computes in its own thread, what others have queued
included; where all places are taken it waits, and whoever computes next takes its instances along. So a lone call is
handed to nobody, and calls that come together run together. Runs of small instances take turns, whatever the number of
places: beside each other they would wait for the interpreter, and one larger run does the same work in less time.
"""

from __future__ import annotations

import itertools
import math
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, overload

from airgraph_server.decision.types import Decision, Task
from airgraph_server.decision.union import UnionDecision, UnionTask
from airgraph_server.errors import CallError, DeadlineMissedError, OverloadedError
from airgraph_server.metrics import Metrics
from airgraph_server.scheduler.costs import KindCosts
from airgraph_server.scheduler.door import Door
from airgraph_server.scheduler.job import Job, Kind, Result, Ticket, Work, kind_of, load_of
from airgraph_server.scheduler.load import NOTHING, Load
from airgraph_server.scheduler.queue import Budget, TicketQueue
from airgraph_server.scheduler.raw import Decides, RawOutput, RawRun, run_all
from airgraph_server.scheduler.turns import Turns
from airgraph_server.settings import Settings

SHARE_OF_MEETING = 0.65
"""Of the time until a deadline: one call after another in meetings of all of it would be late by turns."""
GONE = "the caller has gone away, or the deadline passed, before the answer was computed"


class Scheduler:
    """The queue in front of the decision."""

    def __init__(
        self,
        settings: Settings,
        decider: Decides,
        metrics: Metrics,
        turns: Turns | None = None,
    ) -> None:
        """Starts one thread a place, for what has no caller waiting in a thread of its own.

        Callers' threads give way to others before they wait or compute for long.
        """
        self._give_way: Callable[[], None] = (lambda: None) if turns is None else turns.give_way
        self._meet: Callable[[Kind, float], float] = (lambda kind, until: 0.0) if turns is None else turns.meet
        self._settings = settings
        self._decider = decider
        self._metrics = metrics
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        budget = Budget(settings.max_batch_links, settings.max_batch_nodes, settings.max_run_seconds)
        self._queue = TicketQueue(budget)
        self._costs = KindCosts(settings.threads)
        self._running: dict[int, float] = {}
        self._small_runs: set[int] = set()
        room = settings.threads + settings.max_queued_calls
        waiting = (lambda: 0) if turns is None else turns.waiting
        self.door = Door(room, settings.deadline_reserve, metrics, waiting)
        self._sequence = itertools.count()
        self._meeting: Counter[Kind] = Counter()
        self._needed_at = math.inf
        self._closed = False
        self._workers = [
            threading.Thread(target=self._serve, name=f"compute-{i}", daemon=True) for i in range(settings.threads)
        ]
        for worker in self._workers:
            worker.start()

    def close(self) -> None:
        """Ends the threads; what is queued is left to its callers."""
        with self._lock:
            self._closed = True
            self._work.notify_all()

    @overload
    def run(self, tasks: Sequence[Task], priorities: Sequence[int] | None = None) -> list[Decision | Exception]: ...

    @overload
    def run(
        self, tasks: Sequence[UnionTask], priorities: Sequence[int] | None = None
    ) -> list[UnionDecision | Exception]: ...

    @overload
    def run(self, tasks: Sequence[RawRun], priorities: Sequence[int] | None = None) -> list[RawOutput | Exception]: ...

    def run(self, tasks: Sequence[Work], priorities: Sequence[int] | None = None) -> Sequence[Result]:
        """Computes the tasks of one call in its caller's thread; one result a task, in order."""
        if not tasks:
            return []
        job = Job(tasks, None)
        queued = self._admit(job, priorities or [0] * len(tasks))
        deadlines = [task.deadline for task in tasks]
        latest = max((d for d in deadlines if d is not None), default=None) if None not in deadlines else None
        alone = len(tasks) == 1 and queued and _meets(queued[0])
        waited = self._meet_others(queued[0], latest) if alone else 0.0
        while not job.done:
            if self._lead(job):
                continue
            remaining = None if latest is None else latest - perf_counter()
            self._give_way()
            if not job.wait(remaining):
                break
        job.given_up = not job.done
        for result in job.results if waited else ():
            if isinstance(result, UnionDecision | Decision):
                result.timings.meeting = waited
        return [DeadlineMissedError(GONE) if result is None else result for result in job.results]

    @overload
    def submit(self, task: Task, priority: int, notify: Callable[[Decision | Exception], None]) -> None: ...

    @overload
    def submit(self, task: UnionTask, priority: int, notify: Callable[[UnionDecision | Exception], None]) -> None: ...

    def submit(self, task: Work, priority: int, notify: Callable[[Any], None]) -> None:
        """Decides one task in a thread of the scheduler's and gives the result to ``notify``."""

        def done(job: Job) -> None:
            result = job.results[0]
            notify(DeadlineMissedError(GONE) if result is None else result)

        job = Job([task], done)
        self._admit(job, [priority])
        with self._lock:
            self._call_to_work()

    def calibrate(self, runs: Sequence[Sequence[Work]]) -> None:
        """Times runs without anybody waiting, so that the first caller's chances are known."""
        self._costs.calibrate(self._decider, runs)

    def _meet_others(self, ticket: Ticket, deadline: float | None) -> float:
        """Seconds waited for others of the kind: single calls become one run, which one of them makes for all."""
        now, until = perf_counter(), math.inf
        if deadline is not None:
            # Those who come meanwhile should still have some of their time.
            until = now + SHARE_OF_MEETING * (deadline - now) - self._settings.deadline_reserve
        with self._lock:
            self._meeting[ticket.kind] += 1
        waited = self._meet(ticket.kind, until)
        with self._lock:
            self._meeting[ticket.kind] -= 1
        return waited

    def _admit(self, job: Job, priorities: Sequence[int]) -> list[Ticket]:
        """Queues what can make its deadline; the rest of the job has its refusals."""
        now = perf_counter()
        queued = []
        shed = 0
        ended = False
        with self._lock:
            ahead: dict[tuple[int, float], dict[Kind, Load]] = {}
            for position, (task, priority) in enumerate(zip(job.tasks, priorities, strict=True)):
                rank = (-priority, math.inf if task.deadline is None else task.deadline)
                ticket = Ticket((*rank, next(self._sequence)), job, position, task, load_of(task), kind_of(task), now)
                if task.deadline is not None:
                    if rank not in ahead:
                        ahead[rank] = self._queue.ahead_of(rank)
                    refusal = self._refusal(ticket, now, self._busy_for(ahead[rank], ticket.load.small))
                    if refusal is not None:
                        shed += isinstance(refusal, OverloadedError)
                        ended = job.settle(position, refusal)
                        continue
                    ahead[rank][ticket.kind] = ahead[rank].get(ticket.kind, NOTHING) + ticket.load
                self._queue.put(ticket)
                queued.append(ticket)
            self._plan()
        if shed:
            self._metrics.shed.inc(shed)
        if ended:
            job.announce()
        return queued

    def _refusal(self, ticket: Ticket, now: float, wait: float) -> CallError | None:
        """Why the ticket cannot make its deadline; None if it can."""
        remaining = ticket.deadline - now
        needed = self._costs.floors[ticket.kind].predict(ticket.load)
        if needed > remaining:
            return DeadlineMissedError(
                f"the answer takes about {needed * 1e3:.2f} ms, and {max(remaining, 0.0) * 1e3:.2f} ms are left"
            )
        if wait > 0 and wait + needed + self._settings.deadline_reserve > remaining:
            return OverloadedError(
                f"the turn comes in about {wait * 1e3:.2f} ms, and the deadline in {remaining * 1e3:.2f} ms", wait
            )
        return None

    def _busy_for(self, ahead: dict[Kind, Load], small: bool) -> float:
        """Seconds until a place is free and what is ahead is done; 0 where a place is free and nothing is ahead."""
        seconds = self._costs.length_of(ahead)
        if self._full(small):
            seconds += max(min(self._running.values()) - perf_counter(), 0.0) / (1 if small else self._settings.threads)
        return seconds

    def _full(self, small: bool) -> bool:
        """Whether no run may begin, one of small instances or of large ones. With the lock held, as the next."""
        return len(self._running) >= self._settings.threads or (small and bool(self._small_runs))

    def _may_begin(self) -> bool:
        return len(self._queue) > 0 and not self._full(self._queue.small_first)

    def _wanted(self) -> bool:
        """Whether a thread of the scheduler's own has something to do, which no caller is about to do."""
        return self._may_begin() and not self._meeting[self._queue.first_kind]

    def _call_to_work(self) -> None:
        if self._wanted():
            self._work.notify()

    def _lead(self, job: Job) -> bool:
        """Computes in the caller's thread until its job is done; False where all places are taken."""
        led = False
        while not job.done:
            with self._lock:
                tickets, dropped, ended = self._begin()
            self._finish_run(tickets, ended)
            if not tickets and not dropped:
                break
            led = True
        with self._lock:
            self._call_to_work()
        return led or job.done

    def _serve(self) -> None:
        while True:
            with self._lock:
                while not self._closed and not self._wanted():
                    self._work.wait()
                if self._closed:
                    return
                tickets, _, ended = self._begin()
            self._finish_run(tickets, ended)

    def _begin(self) -> tuple[list[Ticket], list[Ticket], list[Job]]:
        """Takes a run and a place, with the lock held; nothing where no run may begin.

        Returns:
            What runs, what is not worth running, and the jobs that have ended with that.
        """
        if not self._may_begin():
            return [], [], []
        now = perf_counter()
        tickets, dropped = self._queue.take(now, self._settings.deadline_reserve, self._costs.runs)
        ended = [one.job for one in dropped if one.job.settle(one.position, DeadlineMissedError(GONE))]
        if tickets:
            load = sum((ticket.load for ticket in tickets), NOTHING)
            self._running[threading.get_ident()] = now + self._costs.runs[tickets[0].kind].predict(load)
            if load.small:
                self._small_runs.add(threading.get_ident())
        self._call_to_work()
        self._plan()
        return tickets, dropped, ended

    def _finish_run(self, tickets: list[Ticket], ended: list[Job]) -> None:
        """Runs what was taken and tells everybody whose job has ended, now or before."""
        if tickets:
            began = perf_counter()
            if threading.get_ident() not in self._small_runs:
                self._give_way()
            results = self._decide([ticket.task for ticket in tickets])
            seconds = perf_counter() - began
            self._costs.observe(tickets, results, seconds)
            with self._lock:
                del self._running[threading.get_ident()]
                self._small_runs.discard(threading.get_ident())
                for ticket, result in zip(tickets, results, strict=True):
                    if not isinstance(result, Exception):
                        result.timings.queue = began - ticket.queued_at
                    if ticket.job.settle(ticket.position, result):
                        ended.append(ticket.job)
                self._plan()
        for job in ended:
            job.announce()

    def _decide(self, tasks: Sequence[Work]) -> list[Result]:
        """Computes all at once; where that breaks, each alone, so that it breaks for the culprit only."""
        try:
            return run_all(self._decider, tasks, self._needed)
        except Exception as error:
            if len(tasks) == 1:
                return [error]
            return [self._decide([task])[0] for task in tasks]

    def _needed(self) -> float:
        return self._needed_at

    def _plan(self) -> None:
        """Says until when running batches may polish: until the queue needs their place. With the lock held."""
        self._needed_at = math.inf
        if len(self._queue) and not self._may_begin():
            until = self._queue.earliest_deadline() - self._settings.deadline_reserve
            self._needed_at = until - self._costs.length_of(self._queue.all())


def _meets(ticket: Ticket) -> bool:
    """Whether a run of it and others takes less time than theirs one after the other; a message's is one already."""
    if isinstance(ticket.task, UnionTask):
        return len(ticket.task.instances) == 1
    return isinstance(ticket.task, Task) and ticket.load.small
