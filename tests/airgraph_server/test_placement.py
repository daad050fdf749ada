"""Where groups are solved: where they are expected to end sooner, by times that were measured."""

import numpy as np
import pytest
from gpu_stand_ins import FailingGpu, PretendGpu
from hypothesis import given
from hypothesis import strategies as st
from instances import random_beamforming, random_hybrid, random_power_control, random_precoding

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import BEAMFORMING, HYBRID_PRECODING, POWER_CONTROL, PRECODING
from airgraph_server.decision import clock as clock_module
from airgraph_server.decision import decide as decide_module
from airgraph_server.decision import effort as effort_module
from airgraph_server.decision import gpu_solver as gpu_solver_module
from airgraph_server.decision import placement as placement_module
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.placement import TRIED_EVERY, WITHIN, Placement
from airgraph_server.decision.run_costs import CPU, GPU, RunCosts, kind_of
from airgraph_server.decision.spaced_clock import SpacedClock
from airgraph_server.decision.types import Decision, Policy, Task
from airgraph_server.metrics import Metrics
from airgraph_server.settings import Settings

SETTINGS = Settings()
ITERATIONS = 64
INSTANCE = random_power_control(0, 8)
STARTS = POWER_CONTROL.polish_starts(INSTANCE, 4)
LINES = {CPU: ((0, 1e-4), (100_000, 1e-1)), GPU: ((0, 1e-2), (100_000, 2e-2))}
"""Seconds that meet at eleven thousand links."""
ALWAYS_GPU = {CPU: ((0, 1e3), (1, 1e3)), GPU: ((0, 1e-9), (1, 1e-9))}


def kind(instance=INSTANCE, what="polish", iterations=ITERATIONS):
    return kind_of(POWER_CONTROL, instance, what, iterations)


def known(lines=LINES, **of):
    """Costs of power control that were measured so."""
    costs = RunCosts()
    for what in ("polish", "refine"):
        for device, (small, large) in lines.items():
            costs.of(device, kind(what=what, **of), POWER_CONTROL).calibrate(small, large)
    return costs


def placement(costs=None, device=None, metrics=None):
    gpu = PretendGpu() if device is None else device
    return Placement(SETTINGS, Metrics() if metrics is None else metrics, gpu, known() if costs is None else costs)


def place(placed_by, work, instance=INSTANCE, family=POWER_CONTROL, what="polish", iterations=ITERATIONS):
    return placed_by.place(family, instance, what, work, iterations)


def on_gpu(placed):
    return placed.what.endswith(GPU)


@pytest.mark.parametrize("what", ["polish", "refine"])
def test_the_expected_seconds_choose(what):
    for work, gpu in ((64, False), (9_000, False), (14_000, True), (1_000_000, True)):
        placed = place(placement(), work, what=what)
        assert on_gpu(placed) == gpu
        assert placed.what.startswith(what)


def test_without_a_gpu_or_iterations_or_for_what_cannot_move_everything_is_on_the_cpu():
    assert place(Placement(SETTINGS, Metrics(), None, known()), 10**9).what == "polish"
    assert place(placement(), 10**9, iterations=0).what == "polish"
    for family, instance in (
        (POWER_CONTROL, random_power_control(0, 4, sparse=True)),
        (PRECODING, random_precoding(0, 2, 2, efficient=True)),
        (BEAMFORMING, random_beamforming(0, 3, 2, antenna_limits=True)),
        (HYBRID_PRECODING, random_hybrid(0, 2, 3, 2)),
    ):
        assert place(placement(), 10**9, instance, family).what == "polish"


@given(st.integers(1, 10**9), st.integers(1, 1000), st.sampled_from(["polish", "refine"]))
def test_looks_are_never_more_apart_than_half_of_a_run(work, iterations, what):
    placed = place(placement(RunCosts()), work, iterations=iterations, what=what)
    assert 1 <= placed.apart <= max(1, iterations // 2)
    assert (placed.expected > 0) == on_gpu(placed)


class Clock:
    """Time that passes where a test says so."""

    def __init__(self, monkeypatch, *modules):
        self.now = 0.0
        for module in modules:
            monkeypatch.setattr(module, "perf_counter", lambda: self.now)


class SlowGpu(PretendGpu):
    """Takes so long between two looks."""

    def __init__(self, clock, seconds):
        super().__init__()
        self._clock, self._seconds = clock, seconds

    def wait(self):
        super().wait()
        self._clock.now += self._seconds


def test_a_gpu_that_turns_out_slow_is_left(monkeypatch):
    chosen = placement(device=SlowGpu(Clock(monkeypatch, placement_module), 0.1))
    runs = 0
    while on_gpu(placed := place(chosen, 50_000)):
        placed.solve([INSTANCE], [STARTS], Stopping(ITERATIONS), None)
        runs += 1
        assert runs < 12
    assert runs > 0


def test_where_runs_converge_early_looks_are_as_near_as_an_iteration_is_long(monkeypatch):
    """A GPU that takes six milliseconds for a run of 64 iterations, or for what it has spent when it converges."""
    costs = known({CPU: ((0, 1.0), (1, 1.0)), GPU: ((0, 6e-3), (1, 6e-3))})
    chosen = placement(costs)
    monkeypatch.setattr(placement_module, "perf_counter", iter(np.arange(10_000) * 6e-3).__next__)
    before = place(chosen, 1)
    for _ in range(30):
        place(chosen, 1).solve([INSTANCE], [STARTS], Stopping(ITERATIONS, 0.5), None)
    after = place(chosen, 1)
    (found,) = POWER_CONTROL.polish([INSTANCE], [STARTS], Stopping(ITERATIONS, 0.5))
    assert found.iterations < ITERATIONS / 2
    assert after.expected / after.apart == pytest.approx(6e-3 / found.iterations, rel=0.1)
    assert after.apart < before.apart


@pytest.mark.parametrize("device", [CPU, GPU])
def test_a_run_that_the_clock_ended_counts_as_all_its_iterations(monkeypatch, device):
    clock = Clock(monkeypatch, placement_module)
    costs = known({CPU: ((0, 1.0), (1, 1.0)), GPU: ((0, 2.0), (1, 2.0))} if device == CPU else ALWAYS_GPU)
    costs.of(device, kind(what="refine"), POWER_CONTROL).calibrate((0, 1.0), (1, 1.0))
    chosen = placement(costs)
    asked = 0

    def expired():
        nonlocal asked
        # Each look is a 64th of twice the second that was measured.
        clock.now += placed.apart * 2.0 / ITERATIONS
        asked += placed.apart
        return asked > ITERATIONS // 2

    for _ in range(100):
        placed, asked = place(chosen, 1, what="refine"), 0
        assert on_gpu(placed) == (device == GPU)
        (found,) = placed.solve([INSTANCE], [STARTS], Stopping(ITERATIONS, expired=expired), None)
        assert 0 < found.iterations <= ITERATIONS // 2
        if costs.of(device, kind(what="refine"), POWER_CONTROL).predict(1) > 1.5:
            break
    assert costs.of(device, kind(what="refine"), POWER_CONTROL).predict(1) > 1.5


@pytest.mark.parametrize("factor", [0.9 * WITHIN, 1.1 * WITHIN])
def test_now_and_then_the_other_is_tried_where_that_costs_little(factor):
    chosen = placement(known({CPU: ((0, 1.0), (1, 1.0)), GPU: ((0, factor), (1, factor))}))
    tried = sum(on_gpu(place(chosen, 1000)) for _ in range(10 * TRIED_EVERY))
    assert tried == (10 if factor < WITHIN else 0)


def test_of_a_new_kind_the_nearest_that_is_known_says_most():
    costs = known()
    costs.of(GPU, kind(iterations=4096), POWER_CONTROL).calibrate((0, 99.0), (1, 99.0))
    for instance, iterations in ((random_power_control(0, 200), 64), (INSTANCE, 30), (INSTANCE, 200)):
        longer = 2.0 ** (kind(iterations=iterations).octaves[0] - kind().octaves[0])
        for device, (small, large) in LINES.items():
            cost = costs.of(device, kind(instance, iterations=iterations), POWER_CONTROL)
            assert cost.predict(small[0]) == pytest.approx(longer * small[1])
            assert cost.predict(large[0]) == pytest.approx(longer * large[1])


def test_where_nothing_is_known_small_runs_begin_on_the_cpu_and_large_ones_on_the_gpu():
    chosen = placement(RunCosts())
    assert not on_gpu(place(chosen, 8 * 8 * 4))
    assert on_gpu(place(chosen, 50 * 50 * 32 * 256))


def test_the_warm_up_times_both_once_in_every_family_that_moves(monkeypatch):
    costs = RunCosts()
    chosen = placement(costs)
    plain = {
        POWER_CONTROL: lambda size: random_power_control(0, size),
        PRECODING: lambda size: random_precoding(0, size, size),
        BEAMFORMING: lambda size: random_beamforming(0, size, 2),
    }
    monkeypatch.setattr(placement_module, "WARM_UP", ((2, 1), (6, 3)))
    for family, make in plain.items():
        chosen.warm_up(family, make)
        chosen.warm_up(family, lambda size: pytest.fail("timed already"))
    chosen.warm_up(HYBRID_PRECODING, lambda size: random_hybrid(0, 2, size, 2))
    Placement(SETTINGS, Metrics()).warm_up(POWER_CONTROL, lambda size: pytest.fail("nothing to choose"))
    for device in (CPU, GPU):
        assert {(one.family, one.what) for one in costs.kinds(device)} == {
            (family.name, what) for family in plain for what in ("polish", "refine")
        }


def decide(decider, policy, **options):
    instances = [random_power_control(seed, 8) for seed in range(4)]
    decisions = decider.decide([Task(POWER_CONTROL, instance, policy, **options) for instance in instances])
    assert all(isinstance(decision, Decision) for decision in decisions)
    return decisions


def groups_on(metrics, device):
    labels = {"problem": "power_control", "device": device}
    return metrics.registry.get_sample_value("airgraph_iterated_groups_total", labels)


on_both_ways = pytest.mark.parametrize("policy", [Policy.AUTO, Policy.CLASSICAL])


@on_both_ways
def test_a_decision_on_the_gpu_is_that_on_the_cpu_and_says_the_same_of_itself(policy):
    metrics = Metrics()
    decider = Decider(SETTINGS, metrics, placement(known(ALWAYS_GPU), metrics=metrics))
    for ours, theirs in zip(decide(decider, policy), decide(Decider(SETTINGS, Metrics()), policy), strict=True):
        np.testing.assert_allclose(ours.allocation, theirs.allocation, rtol=1e-4, atol=1e-6)
        assert ours.objective == pytest.approx(theirs.objective, rel=1e-6)
        assert (ours.solver, ours.polish_iterations) == (theirs.solver, theirs.polish_iterations)
        assert ours.margin >= 0
        assert ours.objective >= ours.baseline_objective
    assert groups_on(metrics, "cuda") == 1


@on_both_ways
def test_no_decision_fails_by_a_gpu_that_is_lost(policy):
    metrics = Metrics()
    chosen = placement(known(ALWAYS_GPU), FailingGpu(at=1, for_good=True), metrics)
    decider = Decider(SETTINGS, metrics, chosen)
    for _ in range(2):
        for ours, theirs in zip(decide(decider, policy), decide(Decider(SETTINGS, Metrics()), policy), strict=True):
            assert ours.objective == pytest.approx(theirs.objective, rel=1e-6)
    # The run that lost it; the next one is nobody's choice any more.
    assert (groups_on(metrics, CPU), groups_on(metrics, "cuda")) == (1, None)


@pytest.mark.parametrize("iterations", [1, 20, 100, 10_000])
def test_a_run_on_the_gpu_ends_by_its_deadline(monkeypatch, iterations):
    """A GPU whose iterations take their time, which nobody sees before a look has waited for them."""
    clock = Clock(monkeypatch, decide_module, clock_module, effort_module, gpu_solver_module, placement_module)
    iteration = 6e-5

    class Ahead(SpacedClock):
        def __init__(self, expired, apart, wait):
            super().__init__(expired, apart, self._catch_up)
            self._asked_for = 0
            looks.append(apart)

        def _catch_up(self):
            clock.now += iteration * self._asked_for
            self._asked_for = 0

        def __call__(self):
            over = super().__call__()
            self._asked_for += not over
            return over

    looks = []
    monkeypatch.setattr(gpu_solver_module, "SpacedClock", Ahead)
    # Its thread is waited for in other seconds.
    monkeypatch.setattr(gpu_solver_module.GpuSolver, "_begins", lambda *_: True)
    costs = known({CPU: ((0, 1e3), (1, 1e3)), GPU: ((0, 64 * iteration), (1, 64 * iteration))})
    decider = Decider(SETTINGS, Metrics(), placement(costs))
    for _ in range(3):
        deadline = clock.now + SETTINGS.deadline_reserve + iterations * iteration
        for decision in decide(decider, Policy.AUTO, deadline=deadline):
            assert decision.objective >= decision.baseline_objective
            assert decision.polish_iterations <= iterations
            # It uses its time, up to a look.
            assert decision.polish_iterations > min(iterations, 60) - 2 * looks[-1]
        assert clock.now <= deadline - SETTINGS.deadline_reserve
    assert min(looks) > 4
