"""The laws that studies test on differ from Rayleigh fading in what their name says, and in nothing else."""

import numpy as np
import pytest

from airgraph_training.studies.populations import RAYLEIGH, rician_population, thinned_population


def drawn(population, pairs=300):
    return population.draw(np.random.default_rng(4), pairs)


def test_a_rician_law_without_line_of_sight_is_the_rayleigh_law():
    assert drawn(rician_population(10.0, 0.0, 1.0)).snr == pytest.approx(drawn(RAYLEIGH).snr)
    assert drawn(rician_population(10.0, 3.0, 2.5)).snr.mean() == pytest.approx(25.0, rel=0.02)


def test_thinning_takes_links_away_and_changes_nothing_else():
    full, half, most = (drawn(thinned_population(10.0, lost, weighted=True)) for lost in (0.0, 0.5, 0.9))
    assert np.array_equal(full.snr, drawn(RAYLEIGH).snr)
    others = ~np.eye(300, dtype=bool)
    for sample, lost in ((half, 0.5), (most, 0.9)):
        kept = sample.snr > 0
        assert (~kept[others]).mean() == pytest.approx(lost, abs=0.01)
        assert kept.diagonal().all()
        assert np.array_equal(sample.snr[kept], full.snr[kept])
        assert np.array_equal(sample.weights, full.weights)
    assert not (most.snr > half.snr).any()


def test_weights_are_one_unless_asked_for():
    assert (drawn(thinned_population(10.0, 0.5, weighted=False)).weights == 1).all()
    weights = drawn(thinned_population(10.0, 0.5, weighted=True)).weights
    assert weights.min() >= 0
    assert weights.max() < 1
    assert weights.mean() == pytest.approx(0.5, abs=0.05)
