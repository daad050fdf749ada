"""The decision without transport: guard, polish, fallback, deadline, provenance."""

from time import perf_counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import beamformings, power_controls, random_beamforming, random_cell_free, random_power_control
from stand_ins import StandInModel

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import BEAMFORMING, CELL_FREE, POWER_CONTROL, PowerControl
from airgraph_models.problems.power_control import PowerControlFamily
from airgraph_server.decision import clock as clock_module
from airgraph_server.decision import decide as decide_module
from airgraph_server.decision import effort as effort_module
from airgraph_server.decision import network as network_module
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.types import Decision, Policy, Reason, Task
from airgraph_server.errors import DeadlineMissedError, ModelCannotServeError, ModelNotFoundError
from airgraph_server.metrics import Metrics
from airgraph_server.settings import Settings


@pytest.fixture(scope="module")
def decider():
    return Decider(Settings(), Metrics())


def family_of(instance):
    return POWER_CONTROL if isinstance(instance, PowerControl) else BEAMFORMING


def decide(decider, instance, **options):
    decision = decider.decide([Task(family_of(instance), instance, **options)])[0]
    assert isinstance(decision, Decision), decision
    return decision


def erratic(seed, width):
    """A network that answers anything, NaN and infinity included."""

    def run(inputs):
        rng = np.random.default_rng(seed)
        output = rng.standard_normal((len(inputs["node"]), width)) * 10.0 ** rng.integers(-3, 6)
        if rng.uniform() < 0.3:
            output[rng.integers(len(output))] = rng.choice([np.nan, np.inf])
        return output.astype(np.float32)

    return run


@given(st.one_of(power_controls(), beamformings()), st.integers(0, 2**32 - 1), st.sampled_from(list(Policy)))
def test_whatever_the_network_says_the_answer_is_finite_feasible_and_honest(instance, seed, policy):
    family = family_of(instance)
    width = 1 if isinstance(instance, PowerControl) else 2 * instance.antennas
    model = StandInModel(erratic(seed, width))
    task = Task(family, instance, policy=policy, model=model, max_polish_iterations=5)
    decision = Decider(Settings(), Metrics()).decide([task])[0]
    if isinstance(decision, ModelCannotServeError):
        assert policy is Policy.LEARNED
        return
    assert isinstance(decision, Decision)
    wide = decision.allocation.astype(np.result_type(decision.allocation, np.float64))
    assert np.isfinite(decision.allocation).all()
    assert family.margin(instance, wide) == decision.margin >= 0
    assert decision.objective == pytest.approx(family.objective(instance, wide))
    if policy is not Policy.LEARNED:
        assert decision.objective >= decision.baseline_objective


@given(power_controls(), st.integers(-140, 120), st.integers(-12, 12), st.sampled_from([Policy.AUTO, Policy.CLASSICAL]))
def test_any_unit_of_power_gives_a_finite_answer(instance, unit, spread, policy):
    """The same network in other units: gains and noise scaled alike, and one user far stronger."""
    gain = instance.gain * 10.0**unit
    gain.flat[0] *= 10.0**spread
    scaled = PowerControl.create(
        gain, noise_power=instance.noise_power * 10.0**unit, max_power=instance.max_power, links=instance.links
    )
    task = Task(POWER_CONTROL, scaled, policy, StandInModel(0.5))
    decision = Decider(Settings(), Metrics()).decide([task])[0]
    assert np.isfinite(decision.allocation).all()
    assert np.isfinite(decision.objective)
    assert decision.objective >= decision.baseline_objective


def test_auto_polishes_a_good_network_and_says_so(decider):
    instance = random_power_control(1, 8)
    best = POWER_CONTROL.solve([instance], Stopping(200))[0].allocation / instance.max_power
    model = StandInModel(lambda inputs: best[:, None].astype(np.float32))
    decision = decide(decider, instance, model=model)
    alone = decide(decider, instance, model=model, policy=Policy.LEARNED)
    assert (alone.solver, alone.polish_iterations, alone.model) == ("stand-in", 0, model)
    assert decision.polish_iterations > 0
    # The provenance names whose start ended highest, and says so if it was not the network's.
    if decision.solver == "stand-in+wmmse":
        assert (decision.fallback, decision.model) == (None, model)
    else:
        assert decision.solver == "wmmse"
        assert (decision.fallback.reason, decision.model) == (Reason.BEATEN_BY_BASELINE, None)
    assert decision.objective >= alone.objective * (1 - 1e-9)


def test_a_network_below_the_closed_form_is_named_and_not_followed(decider):
    instance = random_power_control(2, 6)
    decision = decide(decider, instance, model=StandInModel(1e-6), max_polish_iterations=0)
    assert decision.fallback.reason is Reason.BEATEN_BY_BASELINE
    assert decision.objective >= decision.baseline_objective


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (None, Reason.MODEL_UNAVAILABLE),
        (StandInModel(np.nan), Reason.NON_FINITE),
        (StandInModel(np.inf), Reason.NON_FINITE),
        (StandInModel(lambda inputs: 1 / 0), Reason.RUNTIME_ERROR),
        (StandInModel(refuses="too many antennas"), Reason.OUT_OF_DOMAIN),
        (StandInModel(outside="direct_level is 99"), Reason.OUT_OF_DOMAIN),
    ],
)
def test_auto_falls_back_to_wmmse_with_the_reason_named(decider, model, reason):
    instance = random_power_control(3, 6)
    decision = decide(decider, instance, model=model)
    classical = decide(decider, instance, policy=Policy.CLASSICAL)
    settings = Settings()
    starts = POWER_CONTROL.polish_starts(instance, settings.polish_starts)
    stopping = Stopping(settings.polish_iterations, settings.polish_tolerance)
    (raced,) = POWER_CONTROL.polish([instance], [starts], stopping)
    assert decision.fallback.reason is reason
    assert decision.fallback.detail
    assert decision.solver == "wmmse"
    assert decision.model is None
    np.testing.assert_array_equal(decision.allocation, POWER_CONTROL.filled(instance, raced.allocation))
    assert decision.objective >= classical.objective * (1 - 1e-6)
    assert classical.fallback.reason is Reason.REQUESTED


@pytest.mark.parametrize(
    ("settings", "options"),
    [({"polish_starts": 1}, {}), ({}, {"max_polish_iterations": 0}), ({"polish_iterations": 0}, {})],
    ids=["no time for many starts", "no polish asked for", "no polish set"],
)
@pytest.mark.parametrize("make", [random_power_control, lambda seed, n: random_beamforming(seed, n, 2)])
def test_auto_with_neither_network_nor_polish_is_the_papers_wmmse(make, settings, options):
    instance, plain = make(3, 6), Decider(Settings(**settings), Metrics())
    auto, classical = (decide(plain, instance, policy=policy, **options) for policy in (Policy.AUTO, Policy.CLASSICAL))
    np.testing.assert_array_equal(auto.allocation, classical.allocation)
    assert auto.polish_iterations == classical.polish_iterations == 100
    assert auto.solver == classical.solver
    assert auto.fallback.reason is Reason.MODEL_UNAVAILABLE


class WatchedFamily(PowerControlFamily):
    """Power control that notes how many starts each instance is polished from."""

    def __init__(self, link_seconds=2e-9):
        self.link_seconds = link_seconds
        self.polished, self.batches_of = [], []

    def polish(self, instances, starts, stopping):
        self.polished += [len(start) for start in starts]
        self.batches_of.append(sorted(instance.size for instance in instances))
        return super().polish(instances, starts, stopping)


def starts_of(instance, *, model=None, count=1, seconds=None, link_seconds=2e-9, **settings):
    """Starts that each of ``count`` equal tasks was polished from, by a server that has measured nothing yet."""
    family = WatchedFamily(link_seconds)
    deadline = None if seconds is None else perf_counter() + seconds
    tasks = [Task(family, instance, model=model, deadline=deadline) for _ in range(count)]
    decisions = Decider(Settings(**settings), Metrics()).decide(tasks)
    assert all(isinstance(decision, Decision) for decision in decisions)
    return family.polished


def test_small_instances_of_several_sizes_are_polished_as_one_batch_and_sparse_ones_each_alone():
    family, sizes = WatchedFamily(), (20, 50, 33, 6, 12, 100, 90)
    instances = [random_power_control(size, size) for size in sizes]
    instances += [random_power_control(1, 20, sparse=True), random_power_control(2, 20, sparse=True)]
    decisions = Decider(Settings(), Metrics()).decide([Task(family, instance) for instance in instances])
    assert all(isinstance(decision, Decision) for decision in decisions)
    assert sorted(family.batches_of) == [[6, 12], [20], [20], [20, 33, 50], [90], [100]]


@pytest.mark.parametrize("model", [None, StandInModel(0.5)], ids=["no network", "network"])
def test_large_instances_get_fewer_starts(model):
    instance = random_power_control(9, 20)
    assert starts_of(instance, model=model, polish_starts=32) == [32]
    assert starts_of(instance, model=model, polish_starts=32, multi_start_links=400) == [32]
    assert starts_of(instance, model=model, polish_starts=32, multi_start_links=100) == [8]
    # One start left: the network's own is polished, without a network plain WMMSE takes over.
    assert starts_of(instance, model=model, polish_starts=32, multi_start_links=1) == ([1] if model else [])


def test_near_deadlines_get_fewer_starts_and_a_batch_shares_its_time():
    # An iteration of one start is thought to take 4 ms: the first six of 32 starts about 0.8 s.
    instance, slow = random_power_control(9, 20), {"model": StandInModel(0.5), "link_seconds": 1e-5}
    assert starts_of(instance, seconds=1000.0, **slow) == [32]
    near = starts_of(instance, seconds=0.6, **slow)
    assert 1 <= near[0] < 32
    together = starts_of(instance, seconds=10.0, count=100, **slow)
    assert len(together) == 100
    assert set(together) != {32}
    assert starts_of(instance, seconds=10.0, **slow) == [32]


def test_power_control_leaves_out_a_network_that_costs_the_race_its_starts():
    instance, model = random_power_control(9, 20), StandInModel(0.5)
    task = Task(WatchedFamily(1e-5), instance, model=model, deadline=perf_counter() + 0.6)
    decision = Decider(Settings(), Metrics()).decide([task])[0]
    assert decision.fallback.reason is Reason.DEADLINE
    assert (model.batches, model.skips) == ([], 1)
    # Without a polish there is nothing that the network could cost.
    bare = Task(WatchedFamily(1e-5), instance, model=model, deadline=perf_counter() + 0.6, max_polish_iterations=0)
    Decider(Settings(), Metrics()).decide([bare])
    assert model.batches == [20]


def test_a_deadline_too_near_for_many_starts_leaves_one():
    instance = random_power_control(9, 20)
    assert starts_of(instance, seconds=10.0, model=StandInModel(0.5), link_seconds=1.0) in ([], [1])


class SlowToEnd(PowerControlFamily):
    """Polishes by a clock of its own: a millisecond an iteration, and eight from the word to stop to the answer."""

    def __init__(self):
        self.now = 0.0

    def clock(self):
        return self.now

    def polish(self, instances, starts, stopping):
        while not stopping.expired():
            self.now += 1e-3
        self.now += 8e-3
        return super().polish(instances, starts, Stopping(1))


def test_what_a_solver_takes_to_end_is_learned_and_left_to_it(monkeypatch):
    family = SlowToEnd()
    for module in (decide_module, clock_module, effort_module, network_module):
        monkeypatch.setattr(module, "perf_counter", family.clock)
    decider, instance, late = Decider(Settings(), Metrics()), random_power_control(1, 5), []
    for _ in range(10):
        deadline = family.now + 0.1
        decision = decider.decide([Task(family, instance, deadline=deadline)])[0]
        assert isinstance(decision, Decision)
        late.append(family.now - deadline)
    assert late[0] > 0
    assert all(-10e-3 < seconds <= 0 for seconds in late[5:])


@given(power_controls(), st.integers(0, 2**32 - 1))
def test_polish_is_never_worse_than_the_network_alone(instance, seed):
    answer = np.random.default_rng(seed).uniform(size=(instance.size, 1)).astype(np.float32)
    model = StandInModel(lambda inputs: answer)
    polished, alone = (
        decide(Decider(Settings(), Metrics()), instance, model=model, policy=policy)
        for policy in (Policy.AUTO, Policy.LEARNED)
    )
    assert polished.objective >= alone.objective * (1 - 1e-9)


def test_who_insists_on_the_network_is_told_why_it_cannot(decider):
    instance = random_power_control(4, 4)
    tasks = [
        Task(POWER_CONTROL, instance, Policy.LEARNED, None),
        Task(POWER_CONTROL, instance, Policy.LEARNED, StandInModel(refuses="too many antennas")),
        Task(POWER_CONTROL, instance, Policy.LEARNED, StandInModel(outside="it is far outside")),
    ]
    missing, cannot, outside = decider.decide(tasks)
    assert isinstance(missing, ModelNotFoundError)
    assert isinstance(cannot, ModelCannotServeError)
    assert isinstance(outside, Decision)


def test_one_broken_instance_of_a_batch_fails_alone(decider):
    def run(inputs):
        if (inputs["node"][:, 1] < 0.5).any():
            raise RuntimeError("this one breaks the network")
        return np.full((len(inputs["node"]), 1), 0.5, np.float32)

    model = StandInModel(run)
    good = [random_power_control(seed, 5) for seed in range(3)]
    bad = PowerControl.create(np.ones((3, 3)), weights=[1, 0.1, 1])
    tasks = [Task(POWER_CONTROL, instance, Policy.AUTO, model) for instance in (good[0], bad, *good[1:])]
    first, broken, *rest = decider.decide(tasks)
    assert broken.fallback.reason is Reason.RUNTIME_ERROR
    assert all(d.fallback is None or d.fallback.reason is Reason.BEATEN_BY_BASELINE for d in (first, *rest))


def test_a_batch_runs_the_network_once_and_within_the_link_budget():
    model = StandInModel(0.5)
    tasks = [Task(POWER_CONTROL, random_power_control(s, 4), Policy.LEARNED, model) for s in range(5)]
    decisions = Decider(Settings(), Metrics()).decide(tasks)
    assert model.batches == [20]
    assert [d.batch_size for d in decisions] == [5] * 5
    Decider(Settings(max_batch_links=24), Metrics()).decide(tasks)
    assert model.batches[1:] == [8, 8, 4]


def test_a_deadline_that_has_passed_refuses_the_call_and_a_near_one_gives_the_closed_form(decider):
    instance = random_power_control(5, 6)
    late = decider.decide([Task(POWER_CONTROL, instance, deadline=perf_counter() - 1)])[0]
    assert isinstance(late, DeadlineMissedError)
    gone = decider.decide([Task(POWER_CONTROL, instance, abandoned=lambda: True)])[0]
    assert isinstance(gone, DeadlineMissedError)
    hasty = Decider(Settings(deadline_reserve=10.0), Metrics())
    slow = StandInModel(0.5, seconds=100.0)
    near = hasty.decide([Task(POWER_CONTROL, instance, model=slow, deadline=perf_counter() + 5)])[0]
    assert near.fallback.reason is Reason.DEADLINE
    assert near.solver == "full_power"
    assert near.objective == pytest.approx(near.baseline_objective)
    assert slow.batches == []
    assert slow.skips == 1


def test_an_endless_polish_ends_at_the_deadline():
    settings = Settings(polish_iterations=10_000_000, polish_tolerance=0)
    instance = random_beamforming(6, 8, 2)
    task = Task(BEAMFORMING, instance, model=StandInModel(0.5, width=4), deadline=perf_counter() + 0.2, shadow=False)
    began = perf_counter()
    decision = Decider(settings, Metrics()).decide([task])[0]
    assert perf_counter() - began < 5
    assert 0 < decision.polish_iterations < 10_000_000


def test_a_request_may_ask_for_less_polish_but_not_more(decider):
    instance = random_beamforming(7, 6, 2)
    model = StandInModel(0.5, width=4)
    less = decide(decider, instance, model=model, max_polish_iterations=3)
    assert less.polish_iterations == 3
    strict = Decider(Settings(polish_iterations=2, polish_tolerance=0), Metrics())
    assert decide(strict, instance, model=model, max_polish_iterations=50).polish_iterations == 2


def test_what_is_not_finite_spreads_to_no_other_instance_of_a_batch(decider):
    def spreads(inputs):
        nodes = len(inputs["node"])
        broken = (inputs["node"][:, 1] < 0.4).any()
        return np.full((nodes, 1), np.nan if broken else 0.5, np.float32)

    model = StandInModel(spreads)
    instances = [random_power_control(seed, 5) for seed in range(3)]
    instances[1] = PowerControl.create(instances[1].gain, weights=[0.3, 1, 1, 1, 1])
    tasks = [Task(POWER_CONTROL, instance, Policy.LEARNED, model) for instance in instances]
    found = decider.decide(tasks)
    assert [d.fallback and d.fallback.reason for d in found] == [None, Reason.NON_FINITE, None]
    assert model.batches == [15, 5, 5, 5]


def test_shadow_answers_classically_and_reports_the_network(decider):
    instance = random_power_control(8, 6)
    decision = decide(decider, instance, model=StandInModel(0.5), shadow=True)
    alone = decide(decider, instance, model=StandInModel(0.5), policy=Policy.LEARNED)
    assert decision.solver == "wmmse"
    assert decision.shadow.objective == pytest.approx(alone.objective, rel=1e-6)
    assert decision.shadow.fallback is None
    broken = decide(decider, instance, model=StandInModel(np.nan), shadow=True)
    assert broken.solver == "wmmse"
    assert broken.shadow.fallback.reason is Reason.NON_FINITE


@pytest.mark.parametrize(
    ("model", "settings", "seconds", "solver", "reason"),
    [
        (StandInModel(), {}, None, "fixed_point", Reason.BEATEN_BY_BASELINE),
        (None, {}, None, "fixed_point", Reason.MODEL_UNAVAILABLE),
        (StandInModel(), {"deadline_reserve": 60.0}, 30.0, "full_power", Reason.DEADLINE),
    ],
    ids=["exact without it", "none is loaded", "no time for one leap"],
)
def test_where_the_polisher_is_exact_auto_asks_no_network(model, settings, seconds, solver, reason):
    instance = random_cell_free(5, 6, 12)
    deadline = None if seconds is None else perf_counter() + seconds
    task = Task(CELL_FREE, instance, model=model, deadline=deadline)
    (decision,) = Decider(Settings(**settings), Metrics()).decide([task])
    assert (decision.solver, decision.model, decision.fallback.reason) == (solver, None, reason)
    assert decision.fallback.detail
    assert (decision.polish_iterations > 0) == (solver == "fixed_point")
    assert decision.objective >= decision.baseline_objective
    assert decision.margin >= 0
    if model is not None:
        assert model.batches == []
