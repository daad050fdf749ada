"""The device-to-device populations differ in what their names say, and in nothing else."""

import numpy as np
import pytest

from airgraph_training.studies import itu_populations
from airgraph_training.studies.populations import Population

ALL = [law for law in vars(itu_populations).values() if isinstance(law, Population)]


def _decibels(population, seed=0, pairs=200):
    return 10 * np.log10(population.draw(np.random.default_rng(seed), pairs).snr)


@pytest.mark.parametrize("population", ALL, ids=lambda population: population.name)
def test_channels_are_positive_and_weights_one(population):
    sample = population.draw(np.random.default_rng(1), 6)
    assert sample.snr.shape == (6, 6)
    assert (sample.snr > 0).all()
    assert np.isfinite(sample.snr).all()
    assert (sample.weights == 1).all()


def test_names_tell_the_populations_apart():
    assert len({population.name for population in ALL}) == len(ALL)


def test_the_transmit_power_moves_every_link_of_a_network_alike():
    low, high = (itu_populations.itu_population(power, power) for power in (0.0, 40.0))
    assert _decibels(high) - _decibels(low) == pytest.approx(40)
    anywhere = itu_populations.itu_population(10.0, 30.0)
    apart = _decibels(anywhere, pairs=20) - _decibels(low, pairs=20)
    assert apart.std() == pytest.approx(0, abs=1e-9)
    assert 10 <= apart.mean() <= 30


def test_obstacles_and_the_cellular_law_only_weaken_links():
    reference = _decibels(itu_populations.ITU)
    far = ~np.eye(len(reference), dtype=bool)
    for population in (itu_populations.OBSTRUCTED, itu_populations.OBSTRUCTED_STREET, itu_populations.LTE):
        assert np.median(_decibels(population)[far]) < np.median(reference[far]) - 5


def test_raised_transmitters_have_no_breakpoint_so_that_interference_reaches_farther():
    reference = _decibels(itu_populations.ITU)
    far = ~np.eye(len(reference), dtype=bool)
    assert np.median(_decibels(itu_populations.RAISED)[far]) > np.median(reference[far]) + 3
