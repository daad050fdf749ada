import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import random_downlink, seeds

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import sinr_of
from airgraph_models.classical.linear_precoding import regularised_zero_forcing, with_equal_power
from airgraph_models.classical.sinr_balancing import balance, target_sinr


@st.composite
def targeted(draw):
    downlink = random_downlink(
        draw(seeds), draw(st.integers(1, 6)), draw(st.integers(1, 8)), snr_db=draw(st.floats(-5, 20))
    )
    return downlink, target_sinr(np.random.default_rng(draw(seeds)).uniform(0.1, 3.0, downlink.noise_power.size))


def reached(downlink, precoder, target):
    return sinr_of(downlink.channel @ precoder, downlink.noise_power) / target


@given(targeted())
def test_all_users_get_the_same_share_of_their_targets_from_the_whole_budget(problem):
    downlink, target = problem
    channel, _, noise, budget = downlink.arguments
    found = balance(channel, noise, budget, target)
    np.testing.assert_allclose(reached(downlink, found.precoder, target), found.level, rtol=1e-6)
    assert squared(found.precoder).sum() == pytest.approx(float(budget), rel=1e-6)


@given(targeted(), seeds)
def test_no_other_precoder_serves_the_worst_user_better(problem, seed):
    downlink, target = problem
    channel, _, noise, budget = downlink.arguments
    level = balance(channel, noise, budget, target).level
    regularised = with_equal_power(regularised_zero_forcing(channel, noise, budget), budget)
    for other in (regularised, downlink.random_precoder(seed)):
        assert reached(downlink, other, target).min() <= level * (1 + 1e-6)


@given(targeted())
def test_least_power_meets_every_target_exactly_and_lies_below_the_budget_where_the_level_allows(problem):
    downlink, target = problem
    channel, _, noise, budget = downlink.arguments
    found = balance(channel, noise, budget, target)
    assert (found.frugal is None) == (found.level < 1)
    if found.frugal is not None:
        np.testing.assert_allclose(reached(downlink, found.frugal, target), 1, rtol=1e-6)
        assert squared(found.frugal).sum() <= budget * (1 + 1e-6)
        # With that power as the budget, the targets are just met: there is no cheaper way.
        at_least = balance(channel, noise, squared(found.frugal).sum(), target)
        assert at_least.level == pytest.approx(1, rel=1e-5)


def test_one_user_alone_needs_its_target_over_its_gain():
    downlink = random_downlink(0, 1, 4)
    channel, _, noise, budget = downlink.arguments
    target = np.array([3.0])
    needed = 3.0 * noise[0] / squared(channel).sum()
    found = balance(channel, noise, budget, target)
    assert found.level == pytest.approx(float(budget / needed))
    assert found.frugal is not None
    assert squared(found.frugal).sum() == pytest.approx(needed)


def test_two_users_with_one_channel_cannot_both_exceed_a_sinr_of_one():
    channel = np.ones((2, 3), complex)
    found = balance(channel, np.full(2, 1e-6), np.float64(1.0), np.array([1.5, 1.5]))
    assert found.frugal is None
    assert found.level * 1.5 == pytest.approx(1, rel=1e-3)


def test_who_asks_nothing_gets_nothing_and_who_has_no_channel_cannot_be_helped():
    downlink = random_downlink(4, 3, 4)
    channel, _, noise, budget = downlink.arguments
    nothing = balance(channel, noise, budget, np.zeros(3))
    assert nothing.level == np.inf
    assert not nothing.precoder.any()
    one = balance(channel, noise, budget, np.array([0.0, 1.0, 0.0]))
    assert squared(one.precoder).sum(axis=0)[[0, 2]].max() == 0
    dark = channel.copy()
    dark[0] = 0
    found = balance(dark, noise, budget, np.ones(3))
    assert (found.level, found.frugal) == (0.0, None)
    assert sinr_of(dark @ found.precoder, noise)[1:].min() > 0
    assert balance(0 * channel, noise, budget, np.ones(3)).level == 0


@pytest.mark.parametrize("users", [4, 16])
def test_channels_that_are_nearly_alike_take_few_steps(users):
    rng = np.random.default_rng(users)
    common, own = (rng.normal(size=(n, users)) + 1j * rng.normal(size=(n, users)) for n in (1, users))
    found = balance(common + 0.05 * own, np.full(users, 1e-3), np.float64(1.0), np.full(users, 0.5))
    assert found.level > 1
    assert found.steps <= 10


@given(st.floats(0.01, 30))
def test_a_target_gives_its_rate(rate):
    assert np.log2(1 + target_sinr(np.array([rate]))[0]) == pytest.approx(rate)
