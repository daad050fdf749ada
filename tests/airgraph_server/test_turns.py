"""Calls that take turns: one at a time, unless one waits or takes long."""

import contextlib
import math
import threading
from functools import partial
from time import perf_counter

import pytest

from airgraph_server.scheduler import turns as turns_module
from airgraph_server.scheduler.meeting import MOST_MET
from airgraph_server.scheduler.turns import Turns

PATIENCE = 20.0


@pytest.fixture
def turns():
    """Four threads at most."""
    made = Turns(4)
    yield made
    made.shutdown()


@pytest.fixture
def patient(monkeypatch):
    """No turn ends but by its call."""
    monkeypatch.setattr(turns_module, "LONGEST_TURN", PATIENCE)


def test_short_calls_run_one_at_a_time_and_in_order(patient, turns):
    inside, most, order = [], [], []

    def call(number):
        inside.append(number)
        most.append(len(inside))
        order.append(number)
        threading.Event().wait(1e-3)
        inside.remove(number)
        return number

    futures = [turns.submit(call, number) for number in range(20)]
    assert [future.result(PATIENCE) for future in futures] == list(range(20))
    assert max(most) == 1
    assert order == list(range(20))


def test_a_call_that_waits_lets_the_next_one_begin(patient, turns):
    came = threading.Event()

    def waits():
        turns.give_way()
        return came.wait(PATIENCE)

    waiting = turns.submit(waits)
    turns.submit(came.set).result(PATIENCE)
    assert waiting.result(PATIENCE)


def test_a_call_that_takes_long_loses_its_turn_to_those_that_wait(turns):
    came = threading.Event()
    began = perf_counter()
    waiting = turns.submit(came.wait, PATIENCE)
    turns.submit(came.set)
    assert waiting.result(PATIENCE)
    assert perf_counter() - began < PATIENCE


def test_more_calls_than_threads_wait_for_one(patient):
    turns = Turns(2)
    go, began = threading.Event(), threading.Semaphore(0)

    def waits():
        turns.give_way()
        began.release()
        return go.wait(PATIENCE)

    held = [turns.submit(waits) for _ in range(2)]
    assert all(began.acquire(timeout=PATIENCE) for _ in held)
    third = turns.submit(lambda: "done")
    assert turns.waiting() == 1
    assert not third.done()
    go.set()
    assert third.result(PATIENCE) == "done"
    assert turns.waiting() == 0
    turns.shutdown()


def test_outside_a_call_there_is_no_turn_to_give_up(patient, turns):
    turns.give_way()
    assert turns.submit(lambda: 1).result(PATIENCE) == 1


def test_errors_and_cancelled_calls_harm_no_other(patient, turns):
    go = threading.Event()
    first = turns.submit(go.wait, PATIENCE)
    broken = turns.submit(lambda: 1 / 0)
    unwanted = turns.submit(lambda: 1)
    last = turns.submit(lambda: 2)
    assert unwanted.cancel()
    go.set()
    assert first.result(PATIENCE)
    with pytest.raises(ZeroDivisionError):
        broken.result(PATIENCE)
    assert last.result(PATIENCE) == 2


def test_after_shutdown_no_call_is_taken_and_no_thread_is_left():
    before = threading.active_count()
    turns = Turns(4)
    go = threading.Event()

    def waits():
        turns.give_way()
        return go.wait(PATIENCE)

    held = [turns.submit(waits) for _ in range(3)]
    go.set()
    assert all(future.result(PATIENCE) for future in held)
    turns.shutdown()
    with pytest.raises(RuntimeError, match="shutdown"):
        turns.submit(lambda: 1)
    until = perf_counter() + PATIENCE
    while threading.active_count() > before and perf_counter() < until:
        threading.Event().wait(1e-3)
    assert threading.active_count() <= before


class Meetings:
    """Calls that meet, held back until all of them stand in the line."""

    def __init__(self, turns):
        self.turns, self.begin, self.told = turns, threading.Event(), []

    def call(self, number, until=math.inf, kind="kind"):
        self.told.append(("came", number))
        waited = self.turns.meet(kind, until)
        self.told.append(("went on", number))
        return waited

    def together(self, *calls):
        """What each call gives; ``calls`` are functions without arguments."""
        first = self.turns.submit(self.begin.wait, PATIENCE)
        futures = [self.turns.submit(call) for call in calls]
        self.begin.set()
        assert first.result(PATIENCE)
        return [future.result(PATIENCE) for future in futures]


@pytest.fixture
def meetings(turns):
    return Meetings(turns)


def test_calls_in_the_line_come_as_far_before_the_last_of_them_goes_on(patient, meetings):
    waited = meetings.together(*(partial(meetings.call, number) for number in range(3)))
    assert meetings.told[:3] == [("came", number) for number in range(3)]
    # The last one goes on first, and does what is to be done for all; the others in order.
    assert meetings.told[3:] == [("went on", number) for number in (2, 0, 1)]
    assert waited[0] >= waited[1] > 0.0
    assert waited[2] == 0.0


def test_a_call_alone_meets_nobody(patient, meetings):
    assert meetings.turns.submit(meetings.call, 0).result(PATIENCE) == 0.0


def test_outside_a_call_there_is_nobody_to_meet(turns):
    assert turns.meet("kind", math.inf) == 0.0


def test_who_has_no_time_waits_for_nobody(patient, meetings):
    meetings.together(*(partial(meetings.call, number, perf_counter()) for number in range(3)))
    assert [number for what, number in meetings.told if what == "went on"] == [0, 1, 2]
    assert meetings.told[:2] == [("came", 0), ("went on", 0)]


@pytest.mark.parametrize("broken", [False, True])
def test_who_asks_for_something_else_holds_nobody_up(patient, meetings, broken):
    waited = meetings.together(
        partial(meetings.call, 0), partial(meetings.call, 1), *([broken_call] if broken else [lambda: 7.0])
    )
    assert waited[2] == (None if broken else 7.0)
    assert meetings.told == [("came", 0), ("came", 1), ("went on", 0), ("went on", 1)]


def test_who_is_of_another_kind_goes_on_at_once_and_those_who_wait_meet_after_it(patient, meetings):
    waited = meetings.together(
        partial(meetings.call, 0), partial(meetings.call, 1, kind="another"), partial(meetings.call, 2)
    )
    assert meetings.told[:4] == [("came", 0), ("came", 1), ("went on", 1), ("came", 2)]
    assert meetings.told[4:] == [("went on", 2), ("went on", 0)]
    assert waited[1] == waited[2] == 0.0 < waited[0]


def broken_call():
    with contextlib.suppress(ZeroDivisionError):
        return 1 / 0


def test_who_keeps_its_message_back_holds_up_nobody_for_longer_than_a_turn(meetings):
    never = threading.Event()
    first = meetings.turns.submit(meetings.begin.wait, PATIENCE)
    waiting = meetings.turns.submit(meetings.call, 1)
    silent = meetings.turns.submit(never.wait, PATIENCE)
    meetings.begin.set()
    assert first.result(PATIENCE)
    assert waiting.result(PATIENCE) > 0.0
    assert not silent.done()
    never.set()
    assert silent.result(PATIENCE)


def test_no_more_meet_than_there_are_threads_for(patient, meetings):
    """Four here; the others meet after them."""
    waited = meetings.together(*(partial(meetings.call, number) for number in range(10)))
    assert len(waited) == 10
    assert sorted(number for what, number in meetings.told if what == "went on") == list(range(10))


def test_no_more_meet_than_fit_one_run(patient):
    turns = Turns(2 * MOST_MET)
    meetings = Meetings(turns)
    meetings.together(*(partial(meetings.call, number) for number in range(MOST_MET + 5)))
    came = [i for i, (what, _) in enumerate(meetings.told) if what == "came"]
    assert came[:MOST_MET] == list(range(MOST_MET))
    assert meetings.told[MOST_MET][0] == "went on"
    turns.shutdown()


def test_those_who_wait_at_shutdown_are_done(patient):
    turns = Turns(4)
    meetings = Meetings(turns)
    first = turns.submit(meetings.begin.wait, PATIENCE)
    futures = [turns.submit(meetings.call, number) for number in range(3)]
    turns.shutdown(wait=False)
    meetings.begin.set()
    assert first.result(PATIENCE)
    assert len([future.result(PATIENCE) for future in futures]) == 3
