"""Calls that take turns: one at a time, unless one waits or takes long."""

import threading
from time import perf_counter

import pytest

from airgraph_server.scheduler import turns as turns_module
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
