"""Predicting how long things take, and stopping in time."""

from time import perf_counter, sleep

import pytest

from airgraph_server.decision.clock import Ending, PolishClock
from airgraph_server.decision.cost import RunCost


def test_the_run_cost_is_a_line_corrected_by_what_happens():
    cost = RunCost((10, 2e-4), (110, 3e-4))
    assert cost.predict(210) == pytest.approx(4e-4)
    for _ in range(300):
        cost.observe(100, 6e-4)
        cost.observe(1000, 5.1e-3)
    assert cost.predict(100) == pytest.approx(6e-4, rel=0.15)
    assert cost.predict(1000) == pytest.approx(5.1e-3, rel=0.05)


def test_tiny_runs_say_nothing_about_large_ones():
    cost = RunCost((10, 2e-4), (4000, 2e-3))
    before = cost.predict(2500)
    for _ in range(100):
        cost.observe(2, 5e-4)
    assert cost.predict(2500) < 2 * before


def test_one_stall_is_not_believed_and_what_is_skipped_is_tried_again():
    cost = RunCost((10, 2e-4), (4000, 2e-3))
    before = cost.predict(2500)
    cost.observe(2500, 10.0)
    assert cost.predict(2500) < 2 * before
    for _ in range(100):
        cost.skipped()
    assert cost.predict(2500) < 0.01 * before
    cost.observe(2500, before)
    assert cost.predict(2500) > 0.5 * before


def test_the_clock_stops_before_an_iteration_that_would_end_too_late():
    clock = PolishClock(perf_counter() + 1.0, first=0.0)
    assert not clock()
    sleep(0.6)
    # 0.4 s are left, and an iteration takes 0.6 s.
    assert clock()
    assert clock.first >= 0.6


def test_the_clock_forgets_a_long_iteration_as_a_race_gets_shorter():
    clock = PolishClock(perf_counter() + 1.0, first=10.0)
    assert clock()
    for _ in range(30):
        clock()
    assert clock.expected < 0.1
    assert not clock()


def test_the_clock_remembers_when_it_last_said_stop():
    clock = PolishClock(perf_counter() + 0.05, first=0.0)
    assert not clock()
    assert clock.stopped is None
    sleep(0.06)
    before = perf_counter()
    assert clock()
    first = clock.stopped
    assert clock()
    assert before <= first <= clock.stopped <= perf_counter()


def test_a_first_iteration_that_is_known_to_be_long_is_not_begun():
    assert PolishClock(perf_counter() + 1.0, first=5.0)()
    assert not PolishClock(None, first=5.0)()


def test_an_ending_is_believed_once_it_repeats_and_fades():
    ending = Ending()
    ending.observe(10.0)
    assert 0 < ending.expected < 1e-3
    for _ in range(6):
        ending.observe(8e-3)
    assert ending.expected == pytest.approx(8e-3)
    for _ in range(30):
        ending.observe(1e-5)
    assert ending.expected < 1e-4
