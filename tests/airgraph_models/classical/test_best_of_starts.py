import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import random_power_control, seeds

from airgraph_models.classical.best_of_starts import best_of_random_starts, best_of_starts
from airgraph_models.classical.fplinq import fplinq, fplinq_scheduling
from airgraph_models.classical.random_power import random_power
from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.sum_rate import weighted_sum_rate
from airgraph_models.problems import POWER_CONTROL


def reference_problem(reference, pairs):
    data = np.load(reference / "d2d_gaussian.npz")
    gain = np.abs(data[f"K{pairs}_H"].astype(complex)) ** 2
    ones = np.ones((len(gain), 1, pairs))
    return (Crosstalk.dense(gain), ones, float(data["sigma2"]) * ones, ones), data


@given(seeds, st.integers(1, 9), st.booleans())
def test_it_is_never_worse_than_any_of_its_starts(seed, nodes, sparse):
    instance = random_power_control(seed, nodes, sparse=sparse, weighted=True)
    problem = (instance.crosstalk, instance.weights[None], instance.noise_power[None], instance.max_power[None])
    start = random_power(instance.max_power[None], 5, np.random.default_rng(seed))
    best = best_of_starts(scalar_wmmse, *problem, start, Stopping(10))
    assert best.power.shape == (1, nodes)
    objective = POWER_CONTROL.objective(instance, best.power[0])
    for one in range(5):
        alone = scalar_wmmse(*problem, start[one : one + 1], Stopping(10)).power[0]
        for power in (alone, start[one]):
            assert objective >= POWER_CONTROL.objective(instance, power) * (1 - 1e-9)


@pytest.mark.parametrize("pairs", [5, 10, 20, 30, 50])
def test_hundred_random_starts_reach_the_stored_best_of_hundred(reference, pairs):
    problem, data = reference_problem(reference, pairs)
    for solver, law, stored in ((scalar_wmmse, "amplitude", "wmmse100_rate"), (fplinq, "power", "fp100_rate")):
        best = best_of_random_starts(solver, *problem, Stopping(100), law=law)
        rate = weighted_sum_rate(problem[0], problem[1], problem[2], best.power).mean()
        assert rate >= 0.995 * data[f"K{pairs}_{stored}"].mean()


def test_best_of_hundred_schedules_comes_close_to_the_exhaustive_search(reference):
    problem, data = reference_problem(reference, 10)
    best = best_of_random_starts(fplinq_scheduling, *problem, Stopping(100))
    rate = weighted_sum_rate(problem[0], problem[1], problem[2], best.power)[:, 0]
    assert (rate <= data["K10_best_binary_rate"] * (1 + 1e-9)).all()
    assert rate.mean() >= 0.99 * data["K10_best_binary_rate"].mean()


def test_a_seed_repeats_itself(reference):
    (crosstalk, weights, noise, budget), _ = reference_problem(reference, 10)
    first, again, other = (
        best_of_random_starts(scalar_wmmse, crosstalk, weights, noise, budget, Stopping(5), starts=3, seed=seed).power
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize(("law", "mean"), [("power", 1 / 2), ("amplitude", 1 / 3)])
def test_random_powers_fill_the_budgets_by_their_law(law, mean):
    budget = np.array([[[1.0, 4.0]], [[2.0, 0.5]]])
    power = random_power(budget, 20_000, np.random.default_rng(0), law)
    assert power.shape == (2, 20_000, 2)
    assert ((power >= 0) & (power <= budget)).all()
    np.testing.assert_allclose((power / budget).mean(axis=1), mean, atol=0.01)
