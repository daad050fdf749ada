"""A race ends with a start that leads, within the budgets, however little time it has."""

import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import dense_twin, power_controls, random_power_control, seeds

from airgraph_models.classical.race import LEAVING, Interference, Winner, race, stages
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import POWER_CONTROL, PowerControl, power_control


def random_shares(seed, starts, pairs):
    return np.random.default_rng(seed).uniform(size=(starts, pairs)) ** 4


def run(instance, start, stopping):
    return race(instance.interference, instance.weights[None], start, stopping)


def objective(instance, shares):
    return POWER_CONTROL.objective(instance, shares.astype(float) * instance.max_power)


def objectives(instance, starts):
    return np.array([objective(instance, start) for start in starts])


@given(power_controls(), seeds)
def test_the_products_are_those_of_the_gains_over_the_noise(instance, seed):
    dense = instance if instance.links is None else dense_twin(instance)
    snr = dense.gain * dense.max_power / dense.noise_power[:, None]
    others = snr * ~np.eye(instance.size, dtype=bool)
    values = random_shares(seed, 3, instance.size).astype(np.float32)
    np.testing.assert_allclose(instance.interference.direct[0], snr.diagonal(), rtol=1e-6)
    np.testing.assert_allclose(instance.interference.received(values), values @ others.T, rtol=1e-4, atol=1e-12)
    np.testing.assert_allclose(instance.interference.caused(values), values @ snr, rtol=1e-4, atol=1e-12)
    rate = instance.interference.rate(instance.weights.astype(np.float32), np.sqrt(values))
    np.testing.assert_allclose(rate / np.log(2), objectives(dense, values), rtol=1e-4)


def test_a_stack_of_matrices_multiplies_each_by_its_own_starts():
    rng = np.random.default_rng(0)
    snr, values = rng.exponential(size=(4, 6, 6)), rng.uniform(size=(4, 3, 6)).astype(np.float32)
    together = Interference.dense(snr)
    for i in range(4):
        alone = Interference.dense(snr[i])
        np.testing.assert_array_equal(together.direct[i], alone.direct)
        np.testing.assert_allclose(together.received(values)[i], alone.received(values[i]), rtol=1e-6)
        np.testing.assert_allclose(together.caused(values)[i], alone.caused(values[i]), rtol=1e-6)


@given(seeds, st.integers(1, 10), st.integers(1, 6), st.floats(-10, 20))
def test_a_step_is_two_steps_of_wmmse_in_the_logarithm(seed, pairs, iterations, snr_db):
    instance = random_power_control(seed, pairs, weighted=True, snr_db=snr_db)
    share = 0.1 + 0.9 * np.random.default_rng(seed).uniform(size=pairs)
    amplitude = np.sqrt(share)
    common = {"noise_power": instance.noise_power, "weights": instance.weights}
    for _ in range(iterations):
        # WMMSE's wish before it is cut at the budget: the same pairs and powers with far larger budgets.
        power = amplitude**2 * instance.max_power
        wide = PowerControl.create(instance.gain, max_power=1e6 * instance.max_power, **common)
        wished = POWER_CONTROL.refine([wide], [power[None]], Stopping(1))[0].allocation
        amplitude = np.minimum(1.0, wished / instance.max_power / amplitude)
    winner = run(instance, share[None], Stopping(iterations))
    assert winner.iterations == iterations
    np.testing.assert_allclose(np.sqrt(winner.power), amplitude, rtol=0.01, atol=1e-4)


@given(st.integers(1, 300), st.integers(0, 400))
def test_the_stages_spend_all_iterations_and_drop_what_is_behind(starts, iterations):
    planned = list(stages(starts, iterations))
    assert sum(count for _, count in planned) == iterations
    assert all(count > 0 for _, count in planned)
    running = [alive for alive, _ in planned]
    if iterations:
        assert running[0] == starts
    for before, after in pairwise(running):
        assert after == max(1, before // LEAVING) < before
    if iterations >= 100:
        assert running[-1] == 1


@given(st.integers(1, 300), st.integers(0, 400))
def test_what_a_race_must_have_time_for_is_its_beginning(starts, iterations):
    ((running, count),) = POWER_CONTROL.polish_stages(starts, iterations)
    assert running == starts
    assert count <= sum(planned for alive, planned in stages(starts, iterations) if alive == starts)


@given(power_controls(), seeds, st.integers(1, 20), st.integers(0, 60))
def test_the_winner_keeps_the_budgets_and_counts_its_iterations(instance, seed, starts, iterations):
    winner = run(instance, random_shares(seed, starts, instance.size), Stopping(iterations))
    assert winner.power.dtype == np.float32
    assert winner.power.shape == (instance.size,)
    assert ((winner.power >= 0) & (winner.power <= 1)).all()
    assert winner.iterations == iterations
    assert 0 <= winner.start < starts


@given(power_controls(), seeds, st.integers(1, 20), st.booleans())
def test_without_an_iteration_or_time_for_one_the_best_start_wins(instance, seed, starts, in_time):
    start = random_shares(seed, starts, instance.size)
    stopping = Stopping(0) if in_time else Stopping(50, expired=lambda: True)
    winner = run(instance, start, stopping)
    assert winner.iterations == 0
    rates = objectives(instance, start)
    assert rates[winner.start] == pytest.approx(rates.max(), rel=1e-5)
    np.testing.assert_allclose(winner.power, start[winner.start], rtol=1e-5, atol=1e-12)


def test_a_clock_that_runs_out_in_any_stage_leaves_the_leader():
    instance = random_power_control(1, 12)
    start = random_shares(1, 20, 12)
    for allowed in range(60):
        left = iter([False] * allowed)
        winner = run(instance, start, Stopping(60, expired=lambda left=left: next(left, True)))
        assert winner.iterations == allowed
        assert objective(instance, winner.power) >= 0.9 * objectives(instance, start).max()


@pytest.mark.parametrize("pairs", [2, 5, 10, 30])
@pytest.mark.parametrize("snr_db", [0, 10])
def test_one_start_ends_where_wmmse_ends_in_most_instances_and_in_the_mean(pairs, snr_db):
    ratios = []
    for seed in range(60):
        instance = random_power_control(seed, pairs, snr_db=snr_db)
        winner = run(instance, np.ones((1, pairs)), Stopping(100))
        plain = POWER_CONTROL.solve([instance], Stopping(400))[0].objective
        ratios.append(objective(instance, winner.power) / plain)
    assert np.mean(np.abs(np.array(ratios) - 1) < 1e-3) >= 0.85
    assert np.mean(ratios) >= 0.99


@given(seeds, st.integers(1, 8), st.integers(1, 6))
def test_a_race_is_won_by_a_start_that_led_and_ends_no_lower(seed, pairs, starts):
    """With starts enough for one stage only: each runs as if alone, and the best of them wins."""
    instance = random_power_control(seed, pairs, weighted=True)
    start = random_shares(seed, starts, pairs)
    winner = run(instance, start, Stopping(8))
    ends = [objective(instance, run(instance, one[None], Stopping(8)).power) for one in start]
    assert objective(instance, winner.power) == pytest.approx(max(ends), rel=1e-4)
    assert ends[winner.start] == pytest.approx(max(ends), rel=1e-4)


@given(st.lists(seeds, min_size=2, max_size=5), st.integers(1, 8), st.integers(1, 12), st.sampled_from([0, 5, 25]))
def test_instances_of_a_batch_race_as_if_alone(parts, pairs, starts, iterations):
    instances = [random_power_control(seed, pairs, weighted=True) for seed in parts]
    given_starts = np.stack([random_shares(seed, starts, pairs) for seed in parts])
    interference = Interference.dense(np.stack([instance.snr for instance in instances]))
    weights = np.stack([instance.weights[None] for instance in instances])
    together = race(interference, weights, given_starts, Stopping(iterations))
    for i, instance in enumerate(instances):
        alone = run(instance, given_starts[i], Stopping(iterations))
        assert objective(instance, together.power[i]) == pytest.approx(objective(instance, alone.power), rel=1e-3)


@given(seeds, st.integers(1, 10), st.integers(1, 6), st.integers(0, 6))
def test_a_sparse_instance_races_as_its_dense_twin(seed, pairs, starts, iterations):
    instance = random_power_control(seed, pairs, sparse=True, weighted=True)
    start = random_shares(seed, starts, pairs)
    sparse, dense = (run(one, start, Stopping(iterations)) for one in (instance, dense_twin(instance)))
    assert objective(instance, sparse.power) == pytest.approx(objective(instance, dense.power), rel=1e-3)


def test_it_stops_where_the_rate_stands_still():
    instance = random_power_control(2, 6)
    early = run(instance, np.ones((1, 6)), Stopping(1000, tolerance=1e-5))
    late = run(instance, np.ones((1, 6)), Stopping(1000))
    assert early.iterations < late.iterations == 1000
    assert objective(instance, early.power) == pytest.approx(objective(instance, late.power), rel=1e-3)


DEGENERATE = {
    "no gain at all": (np.zeros((4, 4)), np.ones(4)),
    "all weights zero": (np.ones((4, 4)), np.zeros(4)),
    "one weight": (np.ones((4, 4)), np.array([0.0, 0.0, 1.0, 0.0])),
    "one pair without a channel": (np.ones((4, 4)) - np.diag([1.0, 0, 0, 0]), np.ones(4)),
    "no interference": (np.diag([1.0, 2.0, 3.0, 4.0]), np.ones(4)),
    "260 dB between users": (np.diag([1e20, 1.0, 1e-6, 0.0]) + 1e-3, np.ones(4)),
    "next to no noise": (1e29 * np.random.default_rng(0).uniform(size=(4, 4)), np.ones(4)),
    "next to no signal": (1e-30 * np.ones((4, 4)), np.ones(4)),
    "large weights": (np.ones((4, 4)), 1e30 * np.array([1.0, 0.5, 1e-12, 0.0])),
}


@pytest.mark.parametrize("name", list(DEGENERATE))
@pytest.mark.parametrize("start", [np.ones((1, 4)), np.zeros((1, 4)), np.eye(4)], ids=["full", "silent", "one each"])
def test_degenerate_instances_stay_finite_and_quiet(name, start):
    gain, weights = DEGENERATE[name]
    instance = PowerControl.create(gain, weights=weights)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        winner = run(instance, start, Stopping(30))
        (polished,) = POWER_CONTROL.polish([instance], [start], Stopping(30))
    for share in (winner.power, polished.allocation):
        assert np.isfinite(share).all()
        assert ((share >= 0) & (share <= 1)).all()
    # 200 dB between two pairs cost plain WMMSE the last digits of its sums.
    assert polished.objective >= objective(instance, start[0]) * (1 - 1e-4)


def test_pairs_that_do_not_interfere_send_at_full_power():
    instance = PowerControl.create(np.diag([1.0, 2.0, 3.0, 4.0]))
    np.testing.assert_array_equal(run(instance, np.full((1, 4), 0.1), Stopping(30)).power, 1.0)


def test_a_silent_start_may_come_back_to_life():
    instance = PowerControl.create(np.diag([1.0, 2.0]))
    assert run(instance, np.zeros((1, 2)), Stopping(100)).power.min() > 0.9


@pytest.mark.parametrize("level", [1e19, 1e22, 1e25, 1e29])
def test_next_to_no_noise_is_no_worse_than_little_noise(level):
    """Interference alone decides: another level of the same gains has the same best powers."""
    for seed in range(20):
        gain = np.random.default_rng(seed).uniform(size=(10, 10)) + 3 * np.eye(10)
        start = random_shares(seed, 1, 10)
        quiet, loud = (PowerControl.create(scale * gain) for scale in (1e8, level))
        same = run(quiet, start, Stopping(6)).power
        np.testing.assert_allclose(run(loud, start, Stopping(6)).power, same, rtol=0.02, atol=1e-5)


@given(power_controls(), seeds, st.integers(1, 20), st.integers(0, 40))
def test_polish_is_feasible_and_never_below_its_first_start(instance, seed, starts, iterations):
    start = random_shares(seed, starts, instance.size) * instance.max_power
    (refined,) = POWER_CONTROL.polish([instance], [start], Stopping(iterations))
    assert refined.allocation.dtype == np.float64
    assert refined.allocation.shape == (instance.size,)
    assert POWER_CONTROL.margin(instance, refined.allocation) >= -1e-12
    assert refined.objective == pytest.approx(POWER_CONTROL.objective(instance, refined.allocation), rel=1e-9)
    assert refined.objective >= POWER_CONTROL.objective(instance, start[0]) * (1 - 1e-9)
    assert 0 <= refined.start < starts
    assert (refined.iterations == 0) == (iterations == 0)


@pytest.mark.parametrize("leader", range(3))
def test_polish_names_the_start_that_led_to_the_answer(leader):
    """The two pairs disturb each other so much that one must be silent: only one start says which."""
    instance = PowerControl.create([[10.0, 50.0], [50.0, 20.0]])
    start = np.roll(np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1e-3]]), leader, axis=0)
    (refined,) = POWER_CONTROL.polish([instance], [start], Stopping(2))
    assert refined.start == leader
    np.testing.assert_allclose(refined.allocation, [0.0, 1.0], atol=1e-6)


def test_polish_keeps_a_first_start_that_a_doubled_step_would_leave():
    for seed in range(30):
        instance = random_power_control(seed, 8, snr_db=30)
        many = np.concatenate([instance.max_power[None], random_shares(seed, 30, 8) * instance.max_power])
        best = POWER_CONTROL.refine([instance], [many], Stopping(300))[0]
        (refined,) = POWER_CONTROL.polish([instance], [best.allocation[None]], Stopping(3))
        assert refined.start == 0
        assert refined.objective >= best.objective * (1 - 1e-9)


def test_a_race_that_overshoots_does_not_cost_polish_its_first_start(monkeypatch):
    """Whatever the race returns: here silence, led by the second start."""
    instance = random_power_control(0, 5)
    start = np.stack([instance.max_power, 0.1 * instance.max_power])
    overshot = Winner(np.zeros(5, np.float32), np.array(1), 7)
    monkeypatch.setattr(power_control, "race", lambda *_: overshot)
    (refined,) = POWER_CONTROL.polish([instance], [start], Stopping(10))
    assert refined.start == 0
    assert refined.iterations > 7
    assert refined.objective >= POWER_CONTROL.objective(instance, start[0])


@given(st.lists(st.tuples(power_controls(), st.integers(1, 6)), min_size=2, max_size=6), seeds)
def test_polish_of_many_is_the_polish_of_each(parts, seed):
    """Sizes, layouts and numbers of starts mixed; those of one kind twice, so that they share a batch."""
    instances = [instance for instance, _ in parts] * 2
    starts = [
        random_shares(seed + i, count, instance.size) * instance.max_power
        for i, (instance, count) in enumerate(parts * 2)
    ]
    together = POWER_CONTROL.polish(instances, starts, Stopping(5))
    for instance, start, refined in zip(instances, starts, together, strict=True):
        (alone,) = POWER_CONTROL.polish([instance], [start], Stopping(5))
        assert refined.objective == pytest.approx(alone.objective, rel=1e-3)
        assert POWER_CONTROL.margin(instance, refined.allocation) >= -1e-12
