"""Rician fading has the mean power and the K-factor that were asked for, and Rayleigh and no fading at its ends."""

import numpy as np
import pytest

from airgraph_training.channels import rayleigh, rician

SHAPE = (400, 500)


def drawn(seed=0, **law):
    return rician(np.random.default_rng(seed), *SHAPE, **law)


@pytest.mark.parametrize("k_factor", [0.0, 0.5, 1.0, 10.0, 1000.0])
@pytest.mark.parametrize("mean_power", [0.3, 1.0, 5.0])
def test_mean_power_and_k_factor(k_factor, mean_power):
    channel = drawn(k_factor=k_factor, mean_power=mean_power)
    assert channel.shape == SHAPE
    assert np.mean(np.abs(channel) ** 2) == pytest.approx(mean_power, rel=0.01)
    scattered = np.var(channel)
    assert scattered == pytest.approx(mean_power / (k_factor + 1), rel=0.02)
    assert np.abs(channel.mean()) ** 2 / scattered == pytest.approx(k_factor, rel=0.03, abs=1e-3)


def test_moment_method_finds_the_k_factor_from_gains_alone():
    # Power control sees |h|^2 only: its variance over its squared mean is (2 K + 1) / (K + 1)^2.
    gain = np.abs(drawn(k_factor=3.0)) ** 2
    assert np.var(gain) / np.mean(gain) ** 2 == pytest.approx(7 / 16, rel=0.02)


def test_without_a_line_of_sight_it_is_rayleigh_fading():
    assert np.array_equal(drawn(k_factor=0.0), rayleigh(np.random.default_rng(0), *SHAPE))


def test_an_infinite_k_factor_does_not_fade():
    assert np.allclose(drawn(k_factor=np.inf, mean_power=4.0), 2.0, rtol=0, atol=1e-15)
    assert np.abs(drawn(k_factor=1e12) - 1).max() < 1e-5


@pytest.mark.parametrize("law", [{"k_factor": -1.0}, {"k_factor": np.nan}, {"k_factor": 1.0, "mean_power": -1.0}])
def test_impossible_laws_are_refused(law):
    with pytest.raises(ValueError, match="must be 0 or more"):
        drawn(**law)
