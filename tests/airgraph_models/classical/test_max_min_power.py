"""Four ways to one optimum, and a fixed point whose smallest SINR never falls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import cell_frees, seeds

from airgraph_models.classical.max_min_power import (
    LARGEST_SQUARED,
    MOST_LEAPS,
    bisection,
    fixed_point,
    interference,
    leaping_fixed_point,
    smallest_sinr,
    spectral_optimum,
)
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import CellFree


@pytest.fixture(scope="module")
def cell_free_networks(reference):
    stored = np.load(reference / "cell_free.npz")
    common = {"snr": float(stored["snr"]), "pilot_length": int(stored["pilot_length"])}
    return [CellFree.create(fading, **common) for fading in stored["K10_fading"]]


@given(cell_frees())
def test_spectral_radius_bisection_and_fixed_points_agree(instance):
    coupling, noise = instance.coupling.matrix, instance.coupling.noise
    exact = spectral_optimum(coupling, noise)
    halved = bisection(coupling, noise)
    iterated = fixed_point(coupling, noise, np.ones(instance.size), Stopping(20_000, 1e-12))
    leapt = leaping_fixed_point(coupling, noise, np.ones(instance.size), Stopping(20_000))
    assert halved.sinr == pytest.approx(exact.sinr, rel=1e-6)
    assert iterated.sinr == pytest.approx(exact.sinr, rel=1e-6)
    assert leapt.sinr == pytest.approx(exact.sinr, rel=1e-9)
    for found in (exact, halved, iterated, leapt):
        assert ((found.power >= 0) & (found.power <= 1 + 1e-12)).all()
        assert smallest_sinr(coupling, noise, found.power) == pytest.approx(found.sinr)


@given(cell_frees(), seeds)
def test_at_the_optimum_all_sinrs_are_equal_and_no_powers_do_better(instance, seed):
    coupling, noise = instance.coupling.matrix, instance.coupling.noise
    best = spectral_optimum(coupling, noise)
    sinr = best.power / interference(coupling, noise, best.power)
    np.testing.assert_allclose(sinr, best.sinr, rtol=1e-6)
    assert best.power.max() == 1.0
    others = np.random.default_rng(seed).uniform(0, 1, (50, instance.size)) ** 2
    assert smallest_sinr(coupling, noise, others).max() <= best.sinr * (1 + 1e-9)


@given(cell_frees(), seeds, st.integers(1, 12))
def test_the_fixed_point_ascends(instance, seed, iterations):
    coupling, noise = instance.coupling.matrix, instance.coupling.noise
    start = np.random.default_rng(seed).uniform(1e-6, 1, instance.size)
    reached = [fixed_point(coupling, noise, start, Stopping(count)).sinr.item() for count in range(iterations + 1)]
    assert reached == sorted(reached)
    assert reached[0] == pytest.approx(smallest_sinr(coupling, noise, start))


@given(cell_frees(), seeds, st.sampled_from([1e-1, 1e-3, 1e-6]))
def test_leaps_ascend_from_any_start_and_end_within_their_tolerance(instance, seed, tolerance):
    coupling, noise = instance.coupling.matrix, instance.coupling.noise
    start = np.random.default_rng(seed).uniform(0, 1, instance.size) ** 8
    reached = [leaping_fixed_point(coupling, noise, start, Stopping(count)).sinr.item() for count in range(5)]
    assert reached == sorted(reached)
    assert reached[0] == smallest_sinr(coupling, noise, start)
    found = leaping_fixed_point(coupling, noise, start, Stopping(20_000, tolerance))
    assert found.iterations >= 1
    assert found.power.max() == 1.0
    assert found.sinr * (1 + tolerance) >= spectral_optimum(coupling, noise).sinr * (1 - 1e-9)


@pytest.mark.parametrize("users", [1, 2, 5, LARGEST_SQUARED, LARGEST_SQUARED + 1])
@pytest.mark.parametrize("spread", [0, 6, 25])
def test_leaps_and_plain_steps_end_at_the_optimum_over_many_decades(users, spread):
    rng = np.random.default_rng(users)
    coupling, noise = 10 ** rng.uniform(-spread, 0, (users, users)), 10 ** rng.uniform(-spread, 0, users)
    found = leaping_fixed_point(coupling, noise, np.ones(users), Stopping(5000, 1e-9))
    assert found.sinr == pytest.approx(bisection(coupling, noise).sinr, rel=1e-6)
    if users <= LARGEST_SQUARED:
        assert found.iterations < MOST_LEAPS


def test_users_who_do_not_hear_each_other_keep_what_they_can_have():
    noise = np.array([0.5, 0.25, 0.5])
    found = leaping_fixed_point(np.zeros((3, 3)), noise, np.full(3, 0.3), Stopping(10, 1e-9))
    np.testing.assert_allclose(found.power, [1.0, 0.5, 1.0], rtol=1e-9)
    assert found.sinr == pytest.approx(2.0)


def test_a_batch_of_leaps_is_its_members(cell_free_networks):
    couplings = [network.coupling for network in cell_free_networks]
    coupling, noise = np.stack([c.matrix for c in couplings]), np.stack([c.noise for c in couplings])
    stopping = Stopping(100, 1e-9)
    together = leaping_fixed_point(coupling, noise, np.ones(noise.shape), stopping)
    for i, one in enumerate(couplings):
        alone = leaping_fixed_point(one.matrix, one.noise, np.ones(noise.shape[1]), stopping)
        np.testing.assert_allclose(together.power[i], alone.power, rtol=1e-7)


def test_a_batch_is_its_members(cell_free_networks):
    couplings = [network.coupling for network in cell_free_networks]
    coupling, noise = np.stack([c.matrix for c in couplings]), np.stack([c.noise for c in couplings])
    together = fixed_point(coupling, noise, np.ones(noise.shape), Stopping(20))
    exact = spectral_optimum(coupling, noise)
    for i, one in enumerate(couplings):
        alone = fixed_point(one.matrix, one.noise, np.ones(noise.shape[1]), Stopping(20))
        np.testing.assert_allclose(together.power[i], alone.power, rtol=1e-12)
        assert exact.sinr[i] == pytest.approx(spectral_optimum(one.matrix, one.noise).sinr)
    # The paper's networks: twenty steps are within a thousandth of the optimum's rate on average.
    assert np.log2(1 + together.sinr).mean() >= 0.999 * np.log2(1 + exact.sinr).mean()


def test_the_clock_and_the_count_end_it(cell_free_networks):
    one = cell_free_networks[0].coupling
    start = np.ones(len(one.noise))
    for solve in (fixed_point, leaping_fixed_point):
        ended = solve(one.matrix, one.noise, start, Stopping(50, expired=lambda: True))
        assert ended.iterations == 0
        np.testing.assert_array_equal(ended.power, start)


@given(cell_frees(), st.sampled_from([0.5, 0.1, 0.01]))
def test_a_coarse_bisection_is_feasible_and_within_its_width(instance, width):
    coupling, noise = instance.coupling.matrix, instance.coupling.noise
    best = spectral_optimum(coupling, noise).sinr
    coarse = bisection(coupling, noise, width=width)
    assert (coarse.power <= 1).all()
    assert best - width <= coarse.sinr <= best * (1 + 1e-9)
