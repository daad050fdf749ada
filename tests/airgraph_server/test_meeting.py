"""Who is waited for, by a clock of the test's own."""

import math

import pytest

from airgraph_server.scheduler import meeting as meeting_module
from airgraph_server.scheduler.meeting import MOST_MET, Meeting


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(meeting_module, "perf_counter", made)
    return made


def hold(meeting, clock, calls, seconds_each, arrival=1e-4, kind="kind"):
    """One meeting of so many calls, each of which then takes so long."""
    for number in range(calls - 1):
        clock.now += arrival
        assert meeting.expects_more(kind, math.inf)
        meeting.wait(number)
    clock.now += arrival
    meeting.expects_more(kind, math.inf)
    expected = meeting.end(1)
    found = []
    while True:
        clock.now += seconds_each
        call = meeting.next()
        if call is None:
            break
        found.append(call)
    assert found == list(range(calls - 1))
    return expected


def test_those_who_wait_go_on_in_order_and_the_next_meeting_is_another_one(clock):
    meeting = Meeting()
    for _ in range(3):
        hold(meeting, clock, 5, 1e-3)
        assert len(meeting) == 0
        assert not meeting.is_ending


def test_how_long_all_take_is_learned(clock):
    meeting = Meeting()
    for calls in [2, 4, 8, 16] * 40:
        hold(meeting, clock, calls, 2e-3)
    assert hold(meeting, clock, 8, 2e-3) == pytest.approx(16e-3, rel=0.2)


def test_each_kind_takes_its_own_time(clock):
    meeting = Meeting()
    for calls in [2, 4, 8, 16] * 40:
        hold(meeting, clock, calls, 2e-3, kind="long")
        hold(meeting, clock, calls, 2e-4, kind="short")
    assert hold(meeting, clock, 8, 2e-3, kind="long") == pytest.approx(16e-3, rel=0.2)
    assert hold(meeting, clock, 8, 2e-4, kind="short") < 4e-3


def test_it_is_open_to_one_kind_until_it_ends(clock):
    meeting = Meeting()
    assert meeting.is_open_to("one")
    assert meeting.expects_more("one", math.inf)
    meeting.wait(0)
    assert meeting.is_open_to("one")
    assert not meeting.is_open_to("another")
    meeting.end(0)
    assert not meeting.is_open_to("one")
    assert (meeting.next(), meeting.next()) == (0, None)
    assert meeting.is_open_to("another")


def test_nobody_is_waited_for_who_would_make_another_late(clock):
    meeting = Meeting()
    for calls in [2, 4, 8, 16] * 60:
        hold(meeting, clock, calls, 1e-3)
    # Until then three have time for a fourth, and four for nobody.
    until = clock.now + (meeting._rest.predict(4) + meeting._rest.predict(5)) / 2 + 1e-4
    for number in range(3):
        assert meeting.expects_more("kind", until)
        meeting.wait(number)
    assert not meeting.is_full
    assert not meeting.expects_more("kind", until)
    clock.now += 3e-3
    assert meeting.is_full


def test_the_tightest_of_those_who_are_here_counts(clock):
    meeting = Meeting()
    assert meeting.expects_more("kind", clock.now + 1e-3 + 1e-2)
    meeting.wait(0)
    clock.now += 1e-2
    assert meeting.is_full
    assert not meeting.expects_more("kind", math.inf)


def test_there_is_room_for_so_many(clock):
    meeting = Meeting()
    for number in range(MOST_MET - 1):
        assert meeting.expects_more("kind", math.inf)
        meeting.wait(number)
    assert not meeting.is_full
    assert not meeting.expects_more("kind", math.inf)
