"""Groups on a GPU: its answers in time, and the CPU's where it has none."""

import subprocess
import sys
import threading
from time import perf_counter

import numpy as np
import pytest
from gpu_stand_ins import FailingGpu, PretendGpu, thread
from hypothesis import given
from hypothesis import strategies as st
from instances import random_power_control
from structlog.testing import capture_logs

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import POWER_CONTROL
from airgraph_server.decision.gpu_solver import GpuSolver
from airgraph_server.decision.spaced_clock import SpacedClock
from airgraph_server.runtime.array_devices import load_array_device
from airgraph_server.settings import Device, Settings

torch = pytest.importorskip("torch")

INSTANCES = [random_power_control(seed, 8) for seed in range(3)]
STARTS = [POWER_CONTROL.polish_starts(instance, 8) for instance in INSTANCES]


def solve(solver, stopping=Stopping(40), what="polish", **options):  # noqa: B008
    return solver.solve(POWER_CONTROL, what, INSTANCES, STARTS, stopping, **options)


def assert_as_good(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.objective == pytest.approx(other.objective, rel=1e-6)
        np.testing.assert_allclose(one.allocation, other.allocation, rtol=1e-4, atol=1e-6)


@given(st.lists(st.booleans(), max_size=40), st.integers(1, 9))
def test_a_spaced_clock_looks_at_every_so_many_and_at_each_once_over(says, apart):
    said, looks = iter(says), []

    def expired():
        looks.append(next(said, False))
        return looks[-1]

    waited = []
    clock = SpacedClock(expired, apart, lambda: waited.append(len(looks)))
    for asked in range(60):
        before, was_over = len(looks), clock.over
        assert clock() is clock.over
        looked = len(looks) > before
        assert looked == (was_over or asked % apart == 0)
        if looked:
            assert clock.over is looks[-1]
    # Each look waits first for what was asked of the device.
    assert waited == list(range(len(looks)))


@pytest.mark.parametrize("what", ["polish", "refine"])
def test_the_gpu_answers_as_the_cpu(what):
    found, kept = solve(GpuSolver(PretendGpu(), thread()), what=what)
    assert kept
    assert_as_good(found, getattr(POWER_CONTROL, what)(INSTANCES, STARTS, Stopping(40)))


@given(st.integers(0, 60), st.integers(1, 16))
def test_it_stops_at_the_first_look_after_the_time_is_over(allowed, apart):
    """A clock of iterations: an iteration takes one tick, and the time is over after so many."""
    ticks = 0

    def expired():
        nonlocal ticks
        over = ticks + apart > allowed
        ticks += apart
        return over

    solver = GpuSolver(PretendGpu(), thread())
    found, kept = solve(solver, Stopping(1000, expired=expired), "refine", apart=apart)
    assert kept
    # Never later than the clock allows, which expects the next look after so many iterations.
    assert {one.iterations for one in found} == {allowed // apart * apart}


def test_a_gpu_that_is_lost_in_a_run_leaves_the_group_to_the_cpu_and_says_why():
    gpu = FailingGpu(at=2, for_good=True)
    solver = GpuSolver(gpu, thread())
    with capture_logs() as logs:
        found, kept = solve(solver, apart=4)
    assert not kept
    assert not solver.working
    assert_as_good(found, POWER_CONTROL.polish(INSTANCES, STARTS, Stopping(40)))
    (lost,) = [line for line in logs if line["event"] == "gpu_lost"]
    assert lost["work"] == "polishing"
    assert lost["device"] == "cpu"
    assert "illegal memory access" in lost["reason"]
    with capture_logs() as logs:
        solve(solver, apart=4)
    assert [line for line in logs if line["event"] == "gpu_lost"] == []


def test_a_run_that_fails_on_a_working_gpu_costs_that_run_only():
    solver = GpuSolver(FailingGpu(at=2, for_good=False), thread())
    with capture_logs() as logs:
        found, kept = solve(solver, apart=4)
    assert (kept, solver.working) == (False, True)
    assert_as_good(found, POWER_CONTROL.polish(INSTANCES, STARTS, Stopping(40)))
    assert [line["event"] for line in logs] == ["not_polished_on_gpu"]


def test_who_cannot_wait_for_the_gpu_is_solved_on_the_cpu():
    pool, release = thread(), threading.Event()
    pool.submit(release.wait)
    gpu = PretendGpu()
    try:
        found, kept = solve(GpuSolver(gpu, pool), Stopping(40, expired=lambda: True), latest=perf_counter())
    finally:
        release.set()
    assert not kept
    assert gpu.waited == 0
    assert {one.iterations for one in found} == {0}
    for instance, start, one in zip(INSTANCES, STARTS, found, strict=True):
        assert one.objective >= POWER_CONTROL.objective(instance, start[0]) * (1 - 1e-12)


def test_who_can_wait_gets_the_gpu():
    found, kept = solve(GpuSolver(PretendGpu(), thread()), latest=perf_counter() + 3600)
    assert kept
    assert len(found) == len(INSTANCES)


NO_GPU = "torch finds no CUDA device"
on_a_gpu = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_GPU)]


class TestOnAGpu:
    """With the real one."""

    pytestmark = on_a_gpu

    @pytest.mark.parametrize("what", ["polish", "refine"])
    def test_the_server_finds_it_and_it_answers_as_the_cpu(self, what):
        device = load_array_device(Settings(device=Device.CUDA))
        assert device is not None
        found, kept = solve(GpuSolver(device), what=what, apart=4)
        assert kept
        assert_as_good(found, getattr(POWER_CONTROL, what)(INSTANCES, STARTS, Stopping(40)))

    def test_when_it_is_really_lost_the_group_is_solved_on_the_cpu(self):
        ran = subprocess.run(
            [sys.executable, "-c", LOSE_THE_GPU], capture_output=True, text=True, timeout=200, check=False
        )
        assert "device gone" in ran.stdout, ran.stderr
        assert "gpu_lost" in ran.stdout + ran.stderr
        assert "went on" in ran.stdout, ran.stderr


LOSE_THE_GPU = """
import numpy as np
import torch
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_server.decision.gpu_solver import GpuSolver
from airgraph_server.runtime.array_devices import load_array_device
from airgraph_server.settings import Settings
instance = PowerControl.create(np.random.default_rng(0).exponential(size=(8, 8)), noise_power=0.1)
group = POWER_CONTROL, "polish", [instance], [POWER_CONTROL.polish_starts(instance, 8)], Stopping(40)
solver = GpuSolver(load_array_device(Settings()))
before, kept = solver.solve(*group)
assert kept
# A kernel that reads beyond its memory ends the process's use of the device, as a broken GPU does.
try:
    torch.zeros(1, device="cuda")[torch.full((1,), 10**12, device="cuda")]
    torch.cuda.synchronize()
except Exception as error:
    print("device gone:", type(error).__name__)
after, kept = solver.solve(*group)
assert not kept
assert not solver.working
assert abs(after[0].objective - before[0].objective) < 1e-6
print("went on")
"""
