import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import downlinks, random_downlink, seeds

from airgraph_models.classical.downlink import downlink_rates, normalised
from airgraph_models.classical.linear_precoding import (
    column_power,
    maximum_ratio,
    regularised_zero_forcing,
    with_equal_power,
    with_power,
    with_sum_power,
    zero_forcing,
)

CLOSED_FORMS = {
    "mrt": lambda channel, noise, power: maximum_ratio(channel),
    "zf": lambda channel, noise, power: zero_forcing(channel),
    "rzf": regularised_zero_forcing,
}


@pytest.mark.parametrize("size", ["N8K4", "N32K16", "N64K16", "N64K32"])
@pytest.mark.parametrize("snr_db", [0, 10, 20])
@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_stored_rates_of_every_instance(reference, size, snr_db, name):
    data = np.load(reference / "mu_miso.npz")
    channel = data[f"{size}_channel"].astype(complex)
    noise, budget = np.full(channel.shape[:2], 10 ** (-snr_db / 10)), np.ones(len(channel))
    precoder = CLOSED_FORMS[name](channel, noise, budget)
    for split, scaled in (("equalpower", with_equal_power), ("fro", with_sum_power)):
        rate = downlink_rates(channel, noise, scaled(precoder, budget)).sum(axis=-1)
        # RZF answers as if its Gram matrix had a ten to the minus twelve more on its diagonal.
        np.testing.assert_allclose(rate, data[f"{size}_S{snr_db}_{name}_{split}_rate"], rtol=1e-9)


@given(downlinks(), st.sampled_from(list(CLOSED_FORMS)), seeds)
def test_power_goes_where_it_is_asked_to_go(downlink, name, seed):
    channel, _, noise, budget = downlink.arguments
    precoder = CLOSED_FORMS[name](channel, noise, budget)
    users = noise.size
    np.testing.assert_allclose(column_power(with_equal_power(precoder, budget)), budget / users, rtol=1e-9)
    assert column_power(with_sum_power(precoder, budget)).sum() == pytest.approx(budget)
    power = np.random.default_rng(seed).uniform(size=users)
    np.testing.assert_allclose(column_power(with_power(precoder, power)), power, rtol=1e-9)


@given(downlinks())
def test_zero_forcing_nulls_where_there_are_antennas_enough(downlink):
    users, antennas = downlink.channel.shape
    heard = downlink.channel @ zero_forcing(downlink.channel)
    if users <= antennas:
        np.testing.assert_allclose(heard, np.eye(users), atol=1e-8)


@given(seeds, st.integers(1, 6), st.integers(6, 12))
def test_regularised_zero_forcing_lies_between_maximum_ratio_and_zero_forcing(seed, users, antennas):
    channel = random_downlink(seed, users, antennas).channel

    def direction(noise):
        precoder = regularised_zero_forcing(channel, np.full(users, noise), np.float64(1.0))
        return with_power(precoder, np.ones(users))

    ones = np.ones(users)
    np.testing.assert_allclose(direction(1e9), with_power(maximum_ratio(channel), ones), atol=1e-6)
    np.testing.assert_allclose(direction(1e-9), with_power(zero_forcing(channel), ones), atol=1e-6)


def test_a_user_without_channel_gets_nothing_and_the_others_all():
    channel = random_downlink(0, 4, 6).channel.copy()
    channel[1] = 0
    for closed_form in CLOSED_FORMS.values():
        precoder = with_equal_power(closed_form(channel, np.ones(4), np.float64(2.0)), np.float64(2.0))
        np.testing.assert_allclose(column_power(precoder), [2 / 3, 0, 2 / 3, 2 / 3])


def test_equal_channels_and_no_noise_to_speak_of_are_finite():
    channel = np.ones((3, 2), complex)
    precoder = with_equal_power(regularised_zero_forcing(channel, np.full(3, 1e-25), np.float64(1.0)), np.float64(1.0))
    assert np.isfinite(precoder).all()
    assert column_power(precoder).sum() == pytest.approx(1)


@given(downlinks(), seeds)
def test_units_of_noise_and_budget_change_no_rate(downlink, seed):
    channel, _, noise, budget = downlink.arguments
    precoder = downlink.random_precoder(seed)
    unit = downlink_rates(normalised(channel, noise, budget), np.ones(noise.size), precoder / np.sqrt(budget))
    np.testing.assert_allclose(unit, downlink_rates(channel, noise, precoder), rtol=1e-9)


@given(downlinks(), seeds)
def test_rates_match_a_plain_loop(downlink, seed):
    precoder = downlink.random_precoder(seed)
    rates = downlink_rates(downlink.channel, downlink.noise_power, precoder)
    for k, rate in enumerate(rates):
        heard = [abs(downlink.channel[k] @ precoder[:, i]) ** 2 for i in range(rates.size)]
        sinr = heard[k] / (downlink.noise_power[k] + sum(h for i, h in enumerate(heard) if i != k))
        assert rate == pytest.approx(np.log2(1 + sinr), rel=1e-9)
