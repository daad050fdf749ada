"""Which shapes get a recorded run, and which are forgotten."""

import numpy as np

from airgraph_server.runtime import recorded_runs
from airgraph_server.runtime.recorded_runs import RecordedRuns


class Run:
    def __init__(self, inputs):
        self.shape = inputs["node"].shape
        self.closed = False

    def replay(self, inputs):
        return inputs["node"]

    def close(self):
        self.closed = True


def of(rows):
    return {"node": np.zeros((rows, 2), np.float32)}


def test_a_shape_is_recorded_when_it_comes_again_and_then_found():
    runs = RecordedRuns(Run, most=2)
    assert runs.find(of(3)) is None
    first = runs.find(of(3))
    assert first.shape == (3, 2)
    assert runs.find(of(3)) is first


def test_the_shape_used_longest_ago_gives_its_memory_back():
    runs = RecordedRuns(Run, most=2)
    made = {}
    for rows in (1, 2):
        runs.find(of(rows))
        made[rows] = runs.find(of(rows))
    runs.find(of(1))
    runs.find(of(3))
    made[3] = runs.find(of(3))
    assert [made[rows].closed for rows in (1, 2, 3)] == [False, True, False]
    assert runs.find(of(1)) is made[1]


def test_a_caller_of_ever_new_shapes_fills_no_memory(monkeypatch):
    monkeypatch.setattr(recorded_runs, "FORGET_AFTER", 10)
    runs = RecordedRuns(Run, most=2)
    for rows in range(1, 100):
        assert runs.find(of(rows)) is None
    assert len(runs._seen) <= 11
