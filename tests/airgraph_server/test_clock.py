"""Predicting how long things take, and stopping in time."""

from time import perf_counter, sleep

import pytest

from airgraph_server.decision.clock import PolishClock
from airgraph_server.decision.cost import RunCost


def test_the_run_cost_is_a_line_corrected_by_what_happens():
    cost = RunCost()
    assert cost.predict(100) == 0
    cost.calibrate((10, 2e-4), (110, 3e-4))
    assert cost.predict(210) == pytest.approx(4e-4)
    for _ in range(200):
        cost.observe(100, 1.9e-4 + 100 * 5e-6)
    assert cost.predict(100) == pytest.approx(1.9e-4 + 100 * 5e-6, rel=0.01)


def test_the_clock_stops_before_an_iteration_that_would_end_too_late():
    clock = PolishClock(perf_counter() + 1.0, first=0.0)
    assert not clock()
    sleep(0.6)
    # 0.4 s are left, and an iteration takes 0.6 s.
    assert clock()
    assert clock.longest >= 0.6


def test_a_first_iteration_that_is_known_to_be_long_is_not_begun():
    assert PolishClock(perf_counter() + 1.0, first=5.0)()
    assert not PolishClock(None, first=5.0)()
