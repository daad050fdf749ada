from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import random_power_control, seeds

from airgraph_models.classical.fplinq import fplinq, fplinq_scheduling
from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.sum_rate import weighted_sum_rate


def reference_problem(reference, pairs, prefix=""):
    """Crosstalk, weights, noise and budgets of the stored instances, and their file."""
    data = np.load(reference / "d2d_gaussian.npz")
    gain = np.abs(data[f"K{pairs}_H"].astype(complex)) ** 2
    weights = data[f"K{pairs}_weights"] if prefix else np.ones(gain.shape[:2])
    gain, weights = gain[: len(weights)], weights[:, None]
    noise = np.full_like(weights, float(data["sigma2"]))
    return (Crosstalk.dense(gain), weights, noise, np.ones_like(weights)), data


def random_problem(seed, nodes, sparse, snr_db):
    instance = random_power_control(seed, nodes, sparse=sparse, weighted=True, snr_db=snr_db)
    rows = (instance.weights[None], instance.noise_power[None], instance.max_power[None])
    start = np.random.default_rng(seed).random((3, nodes)) * instance.max_power
    return (instance.crosstalk, *rows), start


problems = st.builds(random_problem, seeds, st.integers(1, 10), st.booleans(), st.floats(-10, 60))


@pytest.mark.parametrize("pairs", [5, 10, 20, 30, 50])
@pytest.mark.parametrize("prefix", ["", "w_"])
def test_hundred_iterations_from_full_power_equal_the_stored_rate_of_every_instance(reference, pairs, prefix):
    (crosstalk, weights, noise, budget), data = reference_problem(reference, pairs, prefix)
    solution = fplinq(crosstalk, weights, noise, budget, budget, Stopping(100))
    assert solution.iterations == 100
    rate = weighted_sum_rate(crosstalk, weights, noise, solution.power)[:, 0]
    np.testing.assert_allclose(rate, data[f"K{pairs}_{prefix}fp_rate"], rtol=1e-6)


@given(problems)
def test_it_is_wmmse_step_for_step_from_any_start(drawn):
    problem, start = drawn
    for iterations in (1, 2, 10):
        mine = fplinq(*problem, start, Stopping(iterations)).power
        twin = scalar_wmmse(*problem, start, Stopping(iterations)).power
        np.testing.assert_allclose(mine, twin, rtol=1e-6, atol=1e-9)


@given(problems)
def test_the_objective_never_falls_and_budgets_hold(drawn):
    problem, start = drawn
    crosstalk, weights, noise, budget = problem
    previous = weighted_sum_rate(crosstalk, weights, noise, start)
    for iterations in range(1, 8):
        power = fplinq(*problem, start, Stopping(iterations)).power
        assert ((power >= 0) & (power <= budget)).all()
        rate = weighted_sum_rate(crosstalk, weights, noise, power)
        assert (rate >= previous - 1e-9 * np.abs(previous)).all()
        previous = rate


@pytest.mark.parametrize("solver", [fplinq, fplinq_scheduling])
@pytest.mark.parametrize(
    ("gain", "weights", "start"),
    [
        (np.zeros((3, 3)), np.ones(3), np.ones(3)),
        (np.ones((3, 3)), np.zeros(3), np.ones(3)),
        (np.ones((3, 3)), np.ones(3), np.zeros(3)),
        (np.diag([1e20, 1.0, 0.0]), np.ones(3), np.ones(3)),
    ],
    ids=["no gain at all", "all weights zero", "zero start", "260 dB between users"],
)
def test_degenerate_instances_stay_finite(solver, gain, weights, start):
    row = np.ones((1, 3))
    power = solver(Crosstalk.dense(gain), weights[None], 1e-6 * row, row, start[None], Stopping(20)).power
    assert ((power >= 0) & (power <= 1)).all()


def test_it_stops_when_converged_and_when_told(reference):
    problem, _ = reference_problem(reference, 10)
    assert 1 < fplinq(*problem, problem[3], Stopping(10_000, tolerance=1e-6)).iterations < 1_000
    asked = iter([False, False, True])
    assert fplinq(*problem, problem[3], Stopping(100, expired=lambda: next(asked))).iterations == 2


@given(problems)
def test_a_schedule_is_binary_and_stands_still(drawn):
    problem, start = drawn
    budget = problem[3]
    power = fplinq_scheduling(*problem, start, Stopping(30)).power
    assert ((power == 0) | (power == budget)).all()
    again = fplinq_scheduling(*problem, power, Stopping(0)).power
    np.testing.assert_array_equal(again, power)


@given(problems)
def test_binary_steps_never_lower_the_objective_of_a_schedule(drawn):
    problem, start = drawn
    crosstalk, weights, noise, budget = problem
    schedule = np.where(start > budget / 2, budget, 0.0)
    before = weighted_sum_rate(crosstalk, weights, noise, schedule)
    after = weighted_sum_rate(crosstalk, weights, noise, fplinq_scheduling(*problem, schedule, Stopping(0)).power)
    assert (after >= before - 1e-9 * before).all()


@pytest.mark.parametrize("pairs", [5, 10])
@pytest.mark.parametrize("prefix", ["", "w_"])
def test_exhaustive_search_bounds_the_schedule_which_keeps_most_of_it(reference, pairs, prefix):
    (crosstalk, weights, noise, budget), data = reference_problem(reference, pairs, prefix)
    schedules = np.array(list(product([0.0, 1.0], repeat=pairs)))
    exhaustive = weighted_sum_rate(crosstalk, weights, noise, schedules).max(axis=-1)
    np.testing.assert_allclose(exhaustive, data[f"K{pairs}_{prefix}best_binary_rate"], rtol=1e-6)
    power = fplinq_scheduling(crosstalk, weights, noise, budget, budget, Stopping(100)).power
    rate = weighted_sum_rate(crosstalk, weights, noise, power)[:, 0]
    assert (rate <= exhaustive * (1 + 1e-9)).all()
    assert rate.mean() > 0.9 * exhaustive.mean()
