"""Threads for calls that compute for a millisecond or two: they take turns, as the interpreter runs one thread anyway.

Threads that run at once wait for the interpreter's lock several times a call, and so does the one that reads from the
network: each then takes several times as long as alone, and under load nobody is in time. Here one call runs at a time;
the next begins, without a thread until then, when it has ended, waits for something or takes long.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter, sleep
from typing import Any, ParamSpec, TypeVar

from airgraph_server.scheduler.meeting import Meeting

LONGEST_TURN = 0.005
"""Seconds after which a call runs beside others: it is a long one, or waits for a message that does not come."""

P = ParamSpec("P")
T = TypeVar("T")
Job = tuple[Future[Any], Callable[[], Any]]


class _Worker:
    """A thread, and whether it has the turn."""

    __slots__ = ("began", "go", "has_turn", "job")

    def __init__(self, job: Job) -> None:
        self.job: Job | None = job
        self.go = threading.Lock()
        self.go.acquire()
        self.has_turn, self.began = True, perf_counter()


class Turns(ThreadPoolExecutor):
    """An executor whose calls run one at a time as long as they are short and do not wait."""

    def __init__(self, most: int) -> None:
        """Has ``most`` threads at most."""
        super().__init__(1)
        self._most = most
        self._guard = threading.Lock()
        self._line: deque[Job] = deque()
        self._idle: list[_Worker] = []
        self._started = 0
        self._holder: _Worker | None = None
        self._meeting: Meeting[_Worker] = Meeting()
        self._waiting = threading.Event()
        self._closed = False
        self._here = threading.local()
        threading.Thread(target=self._watch, name="turns", daemon=True).start()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Puts a call in the line."""
        future: Future[T] = Future()
        with self._guard:
            if self._closed:
                raise RuntimeError("no call is taken after shutdown")
            self._line.append((future, lambda: fn(*args, **kwargs)))
            self._next()
        return future

    def waiting(self) -> int:
        """Calls in the line."""
        return len(self._line)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more calls; what is in the line is still done."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.go.release()
        self._waiting.set()
        super().shutdown(wait, cancel_futures=cancel_futures)

    def give_way(self) -> None:
        """Lets the next call begin: this thread, if it is one of a call, is about to wait or to work for long."""
        worker: _Worker | None = getattr(self._here, "worker", None)
        if worker is not None and worker.has_turn:
            with self._guard:
                self._give_up(worker)

    def meet(self, kind: Hashable, until: float) -> float:
        """Lets the calls in the line come as far as this one, before it goes on: what they ask may be done as one.

        A call alone goes on at once, and so does the last one to come: what it does, it may do for all of them.

        Args:
            kind: What those who meet have in common; while some of one kind wait, one of another goes on at once.
            until: When, on the clock of `time.perf_counter`, all who meet should have ended.

        Returns:
            Seconds that this call has waited for others.
        """
        worker: _Worker | None = getattr(self._here, "worker", None)
        if worker is None or not worker.has_turn:
            return 0.0
        with self._guard:
            if not self._meeting.is_open_to(kind) or not (self._line or len(self._meeting)):
                return 0.0
            if not self._meeting.expects_more(kind, until) or not self._line:
                worker.began = perf_counter() + self._meeting.end(1)
                return 0.0
            came = perf_counter()
            self._meeting.wait(worker)
            self._waiting.set()
            self._end_turn(worker)
            self._next()
        worker.go.acquire()
        return perf_counter() - came

    def _give_up(self, worker: _Worker) -> None:
        """Ends a turn whose call goes on, with the guard held."""
        if worker.has_turn:
            self._end_turn(worker)
            self._next()

    def _end_turn(self, worker: _Worker) -> None:
        worker.has_turn, self._holder = False, None

    def _next(self) -> None:
        """Begins a call, or goes on with one that has met others, with the guard held, if there is one and it may."""
        able = bool(self._idle) or self._started < self._most
        if self._holder is None and len(self._meeting) and not (self._line and able and not self._meeting.is_full):
            # Those who were waited for asked for something else, or left, or are too late.
            self._meeting.end(0)
        if self._holder is None and self._meeting.is_ending:
            met = self._meeting.next()
            if met is not None:
                self._holder, met.has_turn, met.began = met, True, perf_counter()
                met.go.release()
                return
        if not self._line:
            return
        if self._holder is not None or not able:
            if not self._waiting.is_set():
                self._waiting.set()
            return
        job = self._line.popleft()
        if self._idle:
            # The one that ran last: its memory is still at hand.
            worker = self._idle.pop()
            worker.job, worker.has_turn, worker.began = job, True, perf_counter()
            worker.go.release()
        else:
            worker = _Worker(job)
            self._started += 1
            threading.Thread(target=self._work, args=(worker,), name=f"turn-{self._started}", daemon=True).start()
        self._holder = worker

    def _work(self, worker: _Worker) -> None:
        self._here.worker = worker
        while worker.job is not None:
            _do(worker.job)
            with self._guard:
                worker.job = None
                if worker.has_turn and self._line and not (self._meeting.is_ending or self._meeting.is_full):
                    # Goes on itself: nobody needs to be woken.
                    worker.job, worker.began = self._line.popleft(), perf_counter()
                    continue
                if worker.has_turn:
                    self._end_turn(worker)
                if self._closed and not self._line:
                    self._next()
                    return
                self._idle.append(worker)
                self._next()
            worker.go.acquire()

    def _watch(self) -> None:
        """Takes the turn from a call that has had it for too long while others wait."""
        while not self._closed:
            self._waiting.wait()
            sleep(LONGEST_TURN)
            with self._guard:
                holder = self._holder
                if not self._line and not len(self._meeting):
                    self._waiting.clear()
                elif holder is not None and perf_counter() - holder.began > LONGEST_TURN:
                    self._give_up(holder)


def _do(job: Job) -> None:
    future, call = job
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(call())
    except BaseException as error:
        future.set_exception(error)
