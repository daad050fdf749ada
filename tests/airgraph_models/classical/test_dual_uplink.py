"""Shares of the dual uplink describe precoders: same rates, same power, and every WMMSE solution is among them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import adjoint, downlink_rates
from airgraph_models.classical.dual_ascent import (
    dual_ascent,
    dual_step,
    equal_shares,
    further_steps,
    heats,
    many_shares,
)
from airgraph_models.classical.dual_uplink import dual_coefficients, dual_gradient, dual_rate, regularised_inverse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import PRECODING, Precoding

shapes = st.tuples(st.integers(1, 6), st.integers(1, 8), st.floats(-10, 30), st.integers(0, 99))


def drawn(shape):
    users, antennas, level, seed = shape
    rng = np.random.default_rng(seed)
    channel = rng.normal(size=(users, antennas)) + 1j * rng.normal(size=(users, antennas))
    channel *= 10 ** (level / 20)
    share = rng.exponential(size=users)
    return channel, channel @ adjoint(channel), share / share.sum(), rng.uniform(0.1, 1.0, users)


def rate(gram, share, weights):
    return dual_rate(regularised_inverse(gram, share), share, weights)


@settings(max_examples=40)
@given(shapes)
def test_the_downlink_reaches_the_uplinks_rates_with_its_power(shape):
    channel, gram, share, weights = drawn(shape)
    precoder = adjoint(channel) @ dual_coefficients(gram, share)
    assert squared(precoder).sum() == pytest.approx(1.0, rel=1e-6)
    rates = downlink_rates(channel, np.ones(len(share)), precoder[None])[0]
    assert weights @ rates == pytest.approx(float(rate(gram, share, weights)), rel=1e-6)


@settings(max_examples=25)
@given(shapes)
def test_the_gradient_is_that_of_the_rate(shape):
    _, gram, share, weights = drawn(shape)
    gradient = dual_gradient(regularised_inverse(gram, share), share, weights) / np.log(2)
    for user in range(len(share)):
        nudge = np.where(np.arange(len(share)) == user, 1e-5, 0.0)
        up, down = (rate(gram, share * np.exp(s * nudge), weights) for s in (1, -1))
        assert (up - down) / 2e-5 == pytest.approx(gradient[user], rel=1e-3, abs=1e-4)


@settings(max_examples=25)
@given(shapes, st.integers(0, 12))
def test_an_ascent_never_ends_below_its_start_and_keeps_the_budget(shape, steps):
    _, gram, share, weights = drawn(shape)
    found = dual_ascent(gram, weights, share[None], Stopping(steps))
    assert found.rate >= rate(gram, share, weights) - 1e-9
    assert found.rate == pytest.approx(float(rate(gram, found.share, weights)))
    np.testing.assert_allclose(found.share.sum(), 1.0)
    assert found.iterations == steps


def test_a_long_ascent_ends_where_wmmse_does():
    rng = np.random.default_rng(2)
    for _ in range(5):
        instance = Precoding.create(rng.normal(size=(4, 8)) + 1j * rng.normal(size=(4, 8)), noise_power=0.1)
        wmmse = PRECODING.refine([instance], [PRECODING.starts(instance)[:1]], Stopping(2000))[0].objective
        gram = 10 * instance.channel @ adjoint(instance.channel)
        found = dual_ascent(gram, instance.weights, equal_shares(gram)[None], Stopping(300))
        assert found.rate >= wmmse * (1 - 1e-6)


@settings(max_examples=25)
@given(shapes, st.integers(1, 12), st.integers(0, 12))
def test_a_race_never_ends_below_any_of_its_starts_and_names_one(shape, starts, steps):
    _, gram, _, weights = drawn(shape)
    shares = many_shares(len(weights), starts)
    found = dual_ascent(gram, weights, shares, Stopping(steps))
    begun = rate(gram, shares, weights)
    assert found.rate >= begun.max() * (1 - 1e-9)
    assert 0 <= found.start < starts
    assert found.rate == pytest.approx(float(rate(gram, found.share, weights)))
    assert found.iterations == steps == sum(taken for _, taken in heats(starts, steps))


def test_many_instances_race_as_each_alone():
    rng = np.random.default_rng(4)
    channel = rng.normal(size=(2, 3, 4, 6)) + 1j * rng.normal(size=(2, 3, 4, 6))
    gram, weights = channel @ adjoint(channel), rng.uniform(0.1, 1.0, (2, 3, 4))
    shares = np.broadcast_to(many_shares(4, 7), (2, 3, 7, 4))
    together = dual_ascent(gram, weights, shares, Stopping(15))
    for row in np.ndindex(2, 3):
        alone = dual_ascent(gram[row], weights[row], shares[row], Stopping(15))
        np.testing.assert_allclose(together.share[row], alone.share, rtol=1e-9)
        assert together.start[row] == alone.start


def test_a_clock_that_has_run_out_leaves_the_best_start():
    _, gram, _, weights = drawn((5, 5, 10.0, 1))
    shares = many_shares(5, 9)
    found = dual_ascent(gram, weights, shares, Stopping(20, 0.0, lambda: True))
    rates = rate(gram, shares, weights)
    assert (found.iterations, found.start) == (0, rates.argmax())
    np.testing.assert_allclose(found.share, shares[rates.argmax()])


def test_a_stationary_point_stays():
    rng = np.random.default_rng(0)
    channel = 3 * (rng.normal(size=(3, 9)) + 1j * rng.normal(size=(3, 9)))
    gram, weights = channel @ adjoint(channel), np.ones(3)
    share, inverse = further_steps(gram, weights, equal_shares(gram), 500)
    np.testing.assert_allclose(dual_step(inverse, share, weights), share, rtol=1e-6)


def test_a_user_without_a_channel_or_a_share_gets_nothing_and_harms_nobody():
    channel = np.zeros((3, 4), complex)
    channel[:2] = np.random.default_rng(0).normal(size=(2, 4))
    gram = channel @ adjoint(channel)
    coefficients = dual_coefficients(gram, np.array([0.5, 0.3, 0.2]))
    assert np.isfinite(coefficients).all()
    assert not coefficients[:, 2].any()
    silent = dual_coefficients(gram, np.array([1.0, 0.0, 0.0]))
    assert not silent[:, 1:].any()
