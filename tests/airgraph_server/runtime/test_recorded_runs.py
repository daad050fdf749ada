"""Which shapes get a recorded run, and which are forgotten."""

import threading

import numpy as np
import pytest
import structlog

from airgraph_server.runtime import recorded_runs
from airgraph_server.runtime.recorded_runs import RecordedRuns


class Network:
    """Adds one; counts what was run as it is, what was recorded, and on which threads."""

    def __init__(self):
        self.plain, self.recorded, self.closed, self.threads = [], [], [], set()
        self.refuses = False

    def run(self, inputs):
        self.threads.add(threading.get_ident())
        self.plain.append(len(inputs["node"]))
        return inputs["node"] + 1

    def record(self, inputs):
        if self.refuses:
            raise RuntimeError("out of memory")
        self.threads.add(threading.get_ident())
        self.recorded.append(len(inputs["node"]))
        return Run(self, len(inputs["node"]))


class Run:
    def __init__(self, network, rows):
        self.network, self.rows = network, rows

    def replay(self, inputs):
        assert len(inputs["node"]) == self.rows
        self.network.threads.add(threading.get_ident())
        return inputs["node"] + 1

    def close(self):
        self.network.closed.append(self.rows)


def of(rows):
    return {"node": np.arange(rows, dtype=np.float32)}


@pytest.fixture
def network():
    return Network()


def test_a_shape_is_recorded_after_it_came_again(network):
    runs = RecordedRuns(network.run, network.record, most=2)
    for _ in range(5):
        np.testing.assert_array_equal(runs.run(of(3)), np.arange(3) + 1)
    assert (network.plain, network.recorded) == ([3, 3], [3])


def test_the_shape_used_longest_ago_gives_its_memory_back_and_may_come_again(network):
    runs = RecordedRuns(network.run, network.record, most=2)
    for rows in (1, 1, 2, 2, 1, 3, 3, 3, 2, 2, 2):
        runs.run(of(rows))
    assert network.closed == [2, 1]
    assert network.recorded == [1, 2, 3, 2]


def test_all_work_is_on_one_thread_whoever_calls(network):
    several = [RecordedRuns(network.run, network.record, most=4) for _ in range(2)]

    def call(runs):
        for rows in (1, 2, 3) * 5:
            runs.run(of(rows))

    callers = [threading.Thread(target=call, args=(runs,)) for runs in several * 3]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(network.threads) == 1
    assert sorted(network.recorded) == [1, 1, 2, 2, 3, 3]


def test_a_caller_of_ever_new_shapes_fills_no_memory(network, monkeypatch):
    monkeypatch.setattr(recorded_runs, "FORGET_AFTER", 10)
    runs = RecordedRuns(network.run, network.record, most=2)
    for rows in range(1, 100):
        runs.run(of(rows))
    assert len(runs._seen) <= 10
    assert network.recorded == []


def test_what_cannot_be_recorded_is_run_as_it_is_and_said(network):
    network.refuses = True
    runs = RecordedRuns(network.run, network.record, most=2)
    with structlog.testing.capture_logs() as lines:
        for _ in range(6):
            runs.run(of(2))
    assert network.plain == [2] * 6
    assert [line["event"] for line in lines] == ["not_recorded_on_gpu"]


def test_none_are_kept_where_none_may_be(network):
    runs = RecordedRuns(network.run, network.record, most=0)
    for _ in range(4):
        runs.run(of(2))
    assert (network.plain, network.recorded) == ([2] * 4, [])
