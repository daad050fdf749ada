"""Three ways to one optimum, and a fixed point whose smallest SINR never falls."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import cell_frees, seeds

from airgraph_models.classical.max_min_power import (
    bisection,
    fixed_point,
    interference,
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
def test_spectral_radius_bisection_and_fixed_point_agree(instance):
    coupling, noise = instance.coupling.matrix, instance.coupling.noise
    exact = spectral_optimum(coupling, noise)
    halved = bisection(coupling, noise)
    iterated = fixed_point(coupling, noise, np.ones(instance.size), Stopping(20_000, 1e-12))
    assert halved.sinr == pytest.approx(exact.sinr, rel=1e-6)
    assert iterated.sinr == pytest.approx(exact.sinr, rel=1e-6)
    for found in (exact, halved, iterated):
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
    ended = fixed_point(one.matrix, one.noise, start, Stopping(50, expired=lambda: True))
    assert ended.iterations == 0
    np.testing.assert_array_equal(ended.power, start)


@given(cell_frees(), st.sampled_from([0.5, 0.1, 0.01]))
def test_a_coarse_bisection_is_feasible_and_within_its_width(instance, width):
    coupling, noise = instance.coupling.matrix, instance.coupling.noise
    best = spectral_optimum(coupling, noise).sinr
    coarse = bisection(coupling, noise, width=width)
    assert (coarse.power <= 1).all()
    assert best - width <= coarse.sinr <= best * (1 + 1e-9)
