"""Full, reduced and antenna-limited WMMSE of one transmitter: one objective, three ways to climb it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import downlinks, random_downlink, seeds

from airgraph_models.classical.antenna_limited_precoding import antenna_limited_wmmse
from airgraph_models.classical.beam_network import DenseBeamNetwork, squared
from airgraph_models.classical.beamforming_wmmse import beamforming_wmmse
from airgraph_models.classical.linear_precoding import (
    maximum_ratio,
    regularised_zero_forcing,
    with_equal_power,
    with_sum_power,
)
from airgraph_models.classical.precoding_wmmse import precoding_wmmse
from airgraph_models.classical.reduced_wmmse import reduced_wmmse
from airgraph_models.classical.stopping import Stopping

SIZES = ("N8K4", "N32K16", "N64K16", "N64K32")


def regularised(downlink):
    channel, _, noise, budget = downlink.arguments
    return with_equal_power(regularised_zero_forcing(channel, noise, budget), budget)


def spent(precoder):
    return squared(precoder).sum(axis=(-2, -1))


def limited(precoder, budget, limit):
    power = squared(precoder).sum(axis=-1)
    return precoder / np.sqrt(max(power.sum() / budget, (power / limit).max()))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("snr_db", [0, 10, 20])
def test_the_reduced_form_reproduces_the_stored_rates_of_every_instance(reference, size, snr_db):
    data = np.load(reference / "mu_miso.npz")
    channel = data[f"{size}_channel"].astype(complex)
    noise, budget = np.full(channel.shape[:2], 10 ** (-snr_db / 10)), np.ones(len(channel))

    def rate(start, iterations):
        solved = reduced_wmmse(channel, np.ones(noise.shape), noise, budget, start, Stopping(iterations))
        return np.log2(1 + sinr(channel @ solved.precoder, noise)).sum(axis=-1)

    start = with_sum_power(maximum_ratio(channel), budget)
    for iterations in (10, 100):
        stored = data[f"{size}_S{snr_db}_wmmse{iterations}it_mrtinit_rate"]
        np.testing.assert_allclose(rate(start, iterations), stored, rtol=1e-8)
    rzf = with_equal_power(regularised_zero_forcing(channel, noise, budget), budget)
    converged = rate(rzf, 300)
    assert (converged >= data[f"{size}_S{snr_db}_wmmse_rate"] * 0.999).all()
    assert (converged <= data[f"{size}_S{snr_db}_best_rate"] * (1 + 1e-6)).all()


def sinr(heard, noise):
    power = np.abs(heard) ** 2
    own = np.diagonal(power, axis1=-2, axis2=-1)
    return own / (power.sum(axis=-1) - own + noise)


@given(downlinks(), seeds)
def test_no_iteration_lowers_the_objective(downlink, seed):
    start = downlink.random_precoder(seed)
    for solver in (precoding_wmmse, reduced_wmmse):
        previous = downlink.rate(start)
        for iterations in range(1, 9):
            rate = downlink.rate(solver(*downlink.arguments, start, Stopping(iterations)).precoder)
            assert rate >= previous * (1 - 1e-9)
            previous = rate


@settings(max_examples=15)
@given(seeds, st.integers(1, 6), st.integers(1, 12), st.floats(-5, 15))
def test_reduced_and_full_end_at_the_same_rate_from_the_same_start(seed, users, antennas, snr_db):
    downlink = random_downlink(seed, users, antennas, snr_db=snr_db)
    start = regularised(downlink)
    full = precoding_wmmse(*downlink.arguments, start, Stopping(2000, 1e-8))
    reduced = reduced_wmmse(*downlink.arguments, start, Stopping(2000, 1e-8))
    assert downlink.rate(reduced.precoder) == pytest.approx(downlink.rate(full.precoder), rel=1e-3)


@given(downlinks(), seeds)
def test_full_wmmse_is_beamforming_wmmse_with_one_transmitter(downlink, seed):
    channel, weights, noise, budget = downlink.arguments
    start = downlink.random_precoder(seed)
    network = DenseBeamNetwork(channel[:, None, :], np.zeros(noise.size, np.int64))
    beams = beamforming_wmmse(network, weights, noise, budget[None], start.T, Stopping(5)).beams
    solved = precoding_wmmse(*downlink.arguments, start, Stopping(5))
    assert downlink.rate(solved.precoder) == pytest.approx(downlink.rate(beams.T), rel=1e-6)


@given(downlinks(), seeds)
def test_the_budget_holds_and_the_reduced_form_spends_it(downlink, seed):
    start = downlink.random_precoder(seed)
    budget = float(downlink.max_power)
    assert spent(reduced_wmmse(*downlink.arguments, start, Stopping(4)).precoder) == pytest.approx(budget)
    assert spent(precoding_wmmse(*downlink.arguments, start, Stopping(4)).precoder) <= budget * (1 + 1e-9)


@given(seeds, st.integers(2, 6), st.integers(2, 8))
def test_another_basis_of_the_antennas_and_another_order_of_the_users_turn_the_answer(seed, users, antennas):
    downlink = random_downlink(seed, users, antennas)
    channel, weights, noise, budget = downlink.arguments
    rng = np.random.default_rng(seed)
    unitary = np.linalg.qr(rng.standard_normal((antennas,) * 2) + 1j * rng.standard_normal((antennas,) * 2))[0]
    order = rng.permutation(users)
    start = regularised(downlink)
    turned = (channel @ unitary)[order]
    for solver in (precoding_wmmse, reduced_wmmse):
        plain = solver(*downlink.arguments, start, Stopping(6)).precoder
        other = solver(
            turned, weights[order], noise[order], budget, (unitary.conj().T @ start)[:, order], Stopping(6)
        ).precoder
        np.testing.assert_allclose(other, (unitary.conj().T @ plain)[:, order], atol=1e-6 * np.sqrt(budget))


def test_a_batch_of_instances_and_starts_gives_each_its_answer_alone():
    downlink = random_downlink(5, 4, 6, batch=(3, 1))
    starts = np.concatenate([regularised(downlink), downlink.random_precoder(1), downlink.random_precoder(2)], axis=1)
    for solver in (precoding_wmmse, reduced_wmmse):
        together = solver(*downlink.arguments, starts, Stopping(10)).precoder
        for i in range(3):
            one = (downlink.channel[i, 0], downlink.weights, downlink.noise_power, downlink.max_power[i, 0])
            for s in range(3):
                alone = solver(*one, starts[i, s], Stopping(10)).precoder
                np.testing.assert_allclose(together[i, s], alone, atol=1e-8)


def test_a_user_without_channel_or_weight_gets_nothing_and_harms_no_one():
    downlink = random_downlink(2, 4, 6)
    channel, weights = downlink.channel.copy(), downlink.weights.copy()
    channel[0], weights[1] = 0, 0
    start = with_equal_power(maximum_ratio(downlink.channel), downlink.max_power)
    for solver in (precoding_wmmse, reduced_wmmse):
        precoder = solver(channel, weights, downlink.noise_power, downlink.max_power, start, Stopping(30)).precoder
        assert np.isfinite(precoder).all()
        np.testing.assert_allclose(np.abs(precoder[:, :2]), 0, atol=1e-9)
        assert spent(precoder[:, 2:]) == pytest.approx(float(downlink.max_power))


def test_silence_stays_silence():
    downlink = random_downlink(2, 3, 4)
    silence = np.zeros((4, 3), complex)
    for solver in (precoding_wmmse, reduced_wmmse):
        np.testing.assert_array_equal(solver(*downlink.arguments, silence, Stopping(3)).precoder, silence)


def test_it_stops_at_convergence_at_the_count_and_at_the_clock():
    downlink = random_downlink(1, 4, 8)
    start = regularised(downlink)
    for solver in (precoding_wmmse, reduced_wmmse):
        assert solver(*downlink.arguments, start, Stopping(7)).iterations == 7
        assert solver(*downlink.arguments, start, Stopping(500, 1e-3)).iterations < 100
        stopped = solver(*downlink.arguments, start, Stopping(5, expired=lambda: True))
        assert stopped.iterations == 0
        np.testing.assert_array_equal(stopped.precoder, start)


@given(downlinks(), seeds, st.floats(0.3, 3.0))
def test_antenna_limits_and_the_budget_hold_and_no_answer_is_below_its_start(downlink, seed, total):
    channel, weights, noise, budget = downlink.arguments
    rng = np.random.default_rng(seed)
    share = rng.uniform(0.2, 1.0, channel.shape[1])
    limit = share / share.sum() * total * budget
    start = limited(downlink.random_precoder(seed), budget, limit)
    for precoder in (
        antenna_limited_wmmse(channel, weights, noise, budget, limit, start, Stopping(12)).precoder,
        precoding_wmmse(*downlink.arguments, start, Stopping(6), limit).precoder,
    ):
        power = squared(precoder).sum(axis=-1)
        assert (power <= limit * (1 + 1e-9)).all()
        assert power.sum() <= budget * (1 + 1e-9)
        assert downlink.rate(precoder) >= downlink.rate(start) * (1 - 1e-9)


@pytest.mark.parametrize(("users", "antennas", "snr_db"), [(4, 8, 10), (8, 8, 10), (3, 6, 0), (6, 3, 15)])
def test_antenna_prices_reach_the_exact_antenna_steps(users, antennas, snr_db):
    downlink = random_downlink(users, users, antennas, snr_db=snr_db)
    channel, weights, noise, budget = downlink.arguments
    limit = np.random.default_rng(0).uniform(0.5, 1.5, antennas) * budget / antennas
    start = limited(regularised(downlink), budget, limit)
    priced = antenna_limited_wmmse(channel, weights, noise, budget, limit, start, Stopping(200, 1e-9))
    exact = precoding_wmmse(*downlink.arguments, start, Stopping(200), limit)
    assert downlink.rate(priced.precoder) >= downlink.rate(exact.precoder) * 0.995


def test_antenna_limits_that_do_not_bind_change_nothing():
    downlink = random_downlink(3, 4, 8)
    channel, weights, noise, budget = downlink.arguments
    limit = np.full(8, float(budget))
    start = regularised(downlink)
    priced = antenna_limited_wmmse(channel, weights, noise, budget, limit, start, Stopping(300, 1e-9))
    free = reduced_wmmse(*downlink.arguments, start, Stopping(300, 1e-9))
    assert downlink.rate(priced.precoder) == pytest.approx(downlink.rate(free.precoder), rel=1e-3)
