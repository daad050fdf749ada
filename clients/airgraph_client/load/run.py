"""Runs a plan: sends by the clock or by the answers, and records what comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import grpc

from airgraph_client.connection import Connection
from airgraph_client.errors import Unavailable
from airgraph_client.load.mix import DEFAULT_MIX, InstancePool, Share
from airgraph_client.load.plan import CallKind, LoadPlan
from airgraph_client.load.record import NOT_SENT, UNANSWERED, Outcome, Record
from airgraph_client.load.report import Report
from airgraph_client.load.transport import Transport, open_transport
from airgraph_client.requests import Options

CONNECT_SECONDS = 10.0
TICK = 0.25
"""Seconds between two looks at the progress."""
Progress = Callable[[float, Record], None]


def run_load(
    connection: Connection,
    plan: LoadPlan,
    mix: tuple[Share, ...] = DEFAULT_MIX,
    progress: Progress | None = None,
) -> Report:
    """Runs one plan to its end.

    Args:
        connection: The server.
        plan: What to send.
        mix: Which instances.
        progress: Called every quarter of a second with the seconds since the start and the record so far.

    Raises:
        Unavailable: Nobody listens there.
    """
    pool = InstancePool(mix, Options(policy=plan.policy), plan.seed)
    with ExitStack() as opened:
        channels = [opened.enter_context(connection.channel()) for _ in range(plan.connections)]
        try:
            for channel in channels:
                grpc.channel_ready_future(channel).result(CONNECT_SECONDS)
        except grpc.FutureTimeoutError as error:
            raise Unavailable(f"nobody listens at {connection.target}", grpc.StatusCode.UNAVAILABLE) from error
        transport = open_transport(plan, channels, connection)
        run = _Run(plan, pool, transport)
        sender = threading.Thread(target=run.send_all, daemon=True)
        sender.start()
        while sender.is_alive():
            sender.join(TICK)
            if progress is not None:
                progress(time.perf_counter() - run.began, run.record)
        run.drain()
        transport.close()
        run.give_up()
    if run.failure is not None:
        raise run.failure
    return Report.of(plan, mix, run.record)


class _Run:
    """One run in progress."""

    def __init__(self, plan: LoadPlan, pool: InstancePool, transport: Transport) -> None:
        self.record = Record(plan.deadline)
        self.began = time.perf_counter()
        self.failure: BaseException | None = None
        self._plan = plan
        self._pool = pool
        self._transport = transport
        self._instances = plan.batch if plan.kind is CallKind.BATCH else 1
        self._room = threading.Condition()
        self._in_flight: dict[int, tuple[float, float, float]] = {}
        self._number = 0

    def send_all(self) -> None:
        """Sends until the plan's time is over."""
        try:
            if self._plan.open_loop:
                self._send_by_the_clock()
            else:
                self._send_by_the_answers()
        except BaseException as error:
            self.failure = error

    def _send_by_the_clock(self) -> None:
        for offset in self._plan.sends():
            intended = self.began + offset
            wait = intended - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
            self._send(intended, offset - self._plan.warmup)

    def _send_by_the_answers(self) -> None:
        end = self.began + self._plan.length
        while True:
            with self._room:
                while len(self._in_flight) >= self._plan.concurrency:
                    # With no answer at all the run still ends.
                    if not self._room.wait(max(end - time.perf_counter(), 0)):
                        return
            now = time.perf_counter()
            if now >= end:
                return
            self._send(now, now - self.began - self._plan.warmup)

    def _send(self, intended: float, at: float) -> None:
        """Sends what was meant for ``intended``, ``at`` seconds into the counted time."""
        now = time.perf_counter()
        deadline = self._plan.deadline
        timeout = None if deadline is None else intended + deadline - now
        full = self._plan.open_loop and len(self._in_flight) >= self._plan.max_in_flight
        if full or (timeout is not None and timeout <= 0):
            # The generator is late, or the server lets calls pile up: the call a controller meant is lost.
            self._record(at, intended, now, now, [Outcome(NOT_SENT)] * self._instances)
            return
        if at >= 0:
            self.record.sent(now - intended)
        number, self._number = self._number, self._number + 1
        with self._room:
            self._in_flight[number] = (at, intended, now)
        requests = self._pool.take(self._instances)
        self._transport.send(requests, timeout, lambda outcomes: self._ended(number, outcomes))

    def _ended(self, number: int, outcomes: list[Outcome]) -> None:
        now = time.perf_counter()
        with self._room:
            times = self._in_flight.pop(number, None)
            self._room.notify()
        if times is not None:
            self._record(*times, now, outcomes)

    def _record(self, at: float, intended: float, sent: float, ended: float, outcomes: list[Outcome]) -> None:
        if at >= 0:
            self.record.ended(at, ended - intended, ended - sent, outcomes)

    def drain(self) -> None:
        """Waits for the last answers, no longer than the plan allows."""
        until = time.perf_counter() + self._plan.drain
        with self._room:
            self._room.wait_for(lambda: not self._in_flight, max(until - time.perf_counter(), 0))
            # From here on an answer is too late: what the transport's end brings is not one.
            self._left = list(self._in_flight.values())
            self._in_flight.clear()

    def give_up(self) -> None:
        """Counts what was never answered."""
        now = time.perf_counter()
        for at, intended, sent in self._left:
            self._record(at, intended, sent, now, [Outcome(UNANSWERED)] * self._instances)
