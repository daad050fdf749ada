import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from instances import random_downlink, seeds

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import adjoint, downlink_rates, normalised
from airgraph_models.classical.energy_efficiency import (
    ConsumedPower,
    energy_efficiency,
    maximise_energy_efficiency,
    missing_rates,
)
from airgraph_models.classical.linear_precoding import regularised_zero_forcing, with_equal_power
from airgraph_models.classical.sinr_balancing import balance, target_sinr
from airgraph_models.classical.stopping import Stopping

CHOICES = np.array([0.0, 0.5, 1.0, 2.0])
GRID = {2: 300, 3: 40}
"""Points of each user's power on the grid of a brute-force search."""


def random_problem(seed, users, antennas, bands=1):
    """Downlink of sub-bands, minimum rates and consumed power."""
    rng = np.random.default_rng(seed)
    downlink = random_downlink(seed, users, antennas, snr_db=rng.uniform(0, 20), batch=(bands,))
    power = ConsumedPower(10 ** rng.uniform(-2, 1), 1 / rng.uniform(0.2, 1))
    return downlink, rng.choice(CHOICES, users), power


def outcome(downlink, power, precoder):
    """Rates over all sub-bands and energy efficiency."""
    rates = downlink_rates(downlink.channel, downlink.noise_power, precoder).sum(axis=0)
    return rates, float(energy_efficiency(downlink.weights @ rates, power.of(squared(precoder).sum())))


def solve(downlink, minimum, power, start, stopping):
    return maximise_energy_efficiency(*downlink.arguments, minimum, power, start, stopping)


def full_power(downlink):
    channel, _, noise, budget = downlink.arguments
    return with_equal_power(regularised_zero_forcing(channel, noise, budget), budget)


def starts_of(downlink, minimum):
    channel, _, noise, budget = downlink.arguments
    found = balance(channel[0], noise, budget[0], target_sinr(minimum))
    starts = [full_power(downlink), 0.1 * full_power(downlink)]
    if found.frugal is not None and minimum.any():
        starts += [found.precoder[None], found.frugal[None]]
    return found, starts


def best_on_a_grid(downlink, minimum, power):
    """Uplink powers on a grid that closes in: by duality every downlink that is worth anything is among them."""
    channel, weights, noise, budget = downlink.arguments
    users = len(weights)
    unit = normalised(channel[0], noise, budget[0])
    gram = unit @ adjoint(unit)

    def best_of(axes):
        uplink = np.stack(np.meshgrid(*axes), axis=-1).reshape(-1, users)
        uplink = uplink[uplink.sum(axis=1) <= 1]
        seen = np.einsum("ki,bik->bk", gram, np.linalg.inv(np.eye(users) + uplink[:, :, None] * gram)).real
        rates = np.log2(1 / (1 - uplink * seen))
        efficiency = rates @ weights / power.of(budget[0] * uplink.sum(axis=1))
        efficiency = np.where((rates >= minimum).all(axis=1), efficiency, 0)
        return uplink[efficiency.argmax()], efficiency.max()

    axis = np.concatenate([[0], np.geomspace(1e-6, 1, GRID[users])])
    point, best = best_of([axis] * users)
    step = 1e6 ** (1 / (GRID[users] - 1))
    for _ in range(4):
        point, best = best_of([own * np.geomspace(1 / step, step, 13) for own in point])
        step **= 0.25
    return best


@pytest.mark.parametrize(
    ("users", "seed"), [*((2, seed) for seed in (0, 2, 4, 5, 6, 7, 9, 10)), *((3, seed) for seed in (2, 3, 5, 6, 7, 9))]
)
def test_few_users_reach_the_best_point_of_a_grid(users, seed):
    downlink, minimum, power = random_problem(seed, users, users)
    best = best_on_a_grid(downlink, minimum, power)
    assert best > 0
    reached = 0.0
    for start in starts_of(downlink, minimum)[1]:
        rates, efficiency = outcome(downlink, power, solve(downlink, minimum, power, start, Stopping(100)).precoder)
        if not missing_rates(rates, minimum).any():
            reached = max(reached, efficiency)
    assert reached >= 0.995 * best


@settings(max_examples=15)
@given(seeds, st.integers(1, 4), st.integers(1, 6))
def test_no_iteration_lowers_the_efficiency_or_breaks_a_minimum_rate(seed, users, antennas):
    downlink, minimum, power = random_problem(seed, users, antennas)
    found, starts = starts_of(downlink, minimum)
    assume(found.level >= 1)
    for start in starts:
        rates, previous = outcome(downlink, power, start)
        if missing_rates(rates, minimum).any():
            continue
        for iterations in range(1, 6):
            solved = solve(downlink, minimum, power, start, Stopping(iterations)).precoder
            rates, efficiency = outcome(downlink, power, solved)
            assert efficiency >= previous * (1 - 1e-9)
            assert not missing_rates(rates, minimum).any()
            assert squared(solved).sum() <= downlink.max_power[0] * (1 + 1e-9)
            previous = efficiency


@settings(max_examples=15)
@given(seeds, st.integers(2, 4), st.integers(1, 3))
def test_a_start_that_misses_minimum_rates_is_led_towards_them(seed, users, bands):
    downlink, _, power = random_problem(seed, users, 6, bands)
    minimum = np.full(users, 0.5)
    start = 1e-3 * full_power(downlink)
    before = missing_rates(outcome(downlink, power, start)[0], minimum).sum()
    for iterations in (1, 2, 4):
        solved = solve(downlink, minimum, power, start, Stopping(iterations)).precoder
        after = missing_rates(outcome(downlink, power, solved)[0], minimum).sum()
        assert after < before or after == before == 0
        before = after


def test_sub_bands_share_one_minimum_rate():
    """A user who hears one sub-band only gets its whole rate there."""
    downlink, _, power = random_problem(3, 2, 4, bands=2)
    downlink.channel[0, 0] = 0
    minimum = np.array([1.5, 1.5])
    start = 1e-2 * full_power(downlink)
    assert missing_rates(outcome(downlink, power, start)[0], minimum).any()
    solved = solve(downlink, minimum, power, start, Stopping(100)).precoder
    assert not missing_rates(outcome(downlink, power, solved)[0], minimum).any()
    assert (squared(solved).sum(axis=(1, 2)) <= downlink.max_power * (1 + 1e-9)).all()


def test_where_power_is_dear_the_budget_stays_unused_and_where_it_is_free_rate_is_all():
    downlink, _, _ = random_problem(1, 3, 6)
    none = np.zeros(3)
    start = full_power(downlink)
    dear = solve(downlink, none, ConsumedPower(1e-3), start, Stopping(200)).precoder
    assert squared(dear).sum() < 0.5 * downlink.max_power[0]
    free = solve(downlink, none, ConsumedPower(1e9), start, Stopping(200)).precoder
    assert squared(free).sum() == pytest.approx(downlink.max_power[0], rel=1e-6)


def test_a_transmitter_that_draws_nothing_idle_gets_a_finite_answer():
    downlink, _, _ = random_problem(2, 2, 3)
    start = np.zeros((1, 3, 2), complex)
    power = ConsumedPower(0.0)
    assert outcome(downlink, power, start)[1] == 0
    for begin in (start, downlink.random_precoder(0)):
        solved = solve(downlink, np.zeros(2), power, begin, Stopping(50)).precoder
        assert np.isfinite(solved).all()


def test_it_stops_at_the_clock_within_an_iteration_too():
    asked = 0

    def expired():
        nonlocal asked
        asked += 1
        return asked > 4

    downlink, _, power = random_problem(3, 4, 6)
    start = 1e-2 * full_power(downlink)
    minimum = np.full(4, 0.3)
    solved = solve(downlink, minimum, power, start, Stopping(100, expired=expired))
    assert asked <= 6
    assert solved.iterations == 1
    lacking = [missing_rates(outcome(downlink, power, p)[0], minimum).sum() for p in (start, solved.precoder)]
    assert lacking[1] <= lacking[0]


def test_it_does_not_begin_when_time_is_up():
    downlink, minimum, power = random_problem(1, 3, 6)
    start = downlink.random_precoder(0)
    stopped = solve(downlink, minimum, power, start, Stopping(9, expired=lambda: True))
    assert stopped.iterations == 0
    np.testing.assert_allclose(stopped.precoder, start)
