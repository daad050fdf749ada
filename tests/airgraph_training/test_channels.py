"""Channels have the statistics that the papers say."""

import numpy as np
import pytest

from airgraph_training.channels import LOG_DISTANCE, PUBLISHED_FIELD, STREET_CANYON, drop_pairs, rayleigh

REFERENCE = "tests/data/reference/miso_interference.npz"


def test_rayleigh_has_unit_power():
    channel = rayleigh(np.random.default_rng(0), 200, 200)
    assert np.mean(np.abs(channel) ** 2) == pytest.approx(1, abs=0.02)
    assert abs(channel.mean()) < 0.01


def test_published_field_matches_the_reference_instances(pytestconfig):
    stored = np.load(pytestconfig.rootpath / REFERENCE)
    expected = 10 * np.log10(np.mean(np.abs(stored["K50_H"]) ** 2, axis=-1))
    rng = np.random.default_rng(0)
    drops = [drop_pairs(rng, 50, 1000.0, PUBLISHED_FIELD, 2) for _ in range(20)]
    levels = 10 * np.log10([np.mean(np.abs(d.channel) ** 2, axis=-1) for d in drops])
    crossing = ~np.eye(50, dtype=bool)
    for part, tolerance in ((crossing, 0.7), (~crossing, 1.5)):
        found, wanted = levels[:, part], expected[:, part]
        assert np.median(found) == pytest.approx(np.median(wanted), abs=tolerance)
        assert found.std() == pytest.approx(wanted.std(), abs=tolerance)


@pytest.mark.parametrize("law", [PUBLISHED_FIELD, LOG_DISTANCE, STREET_CANYON], ids=lambda law: law.name)
def test_drops_keep_pairs_together(law):
    drop = drop_pairs(np.random.default_rng(1), 40, 500.0, law, 3, 10.0, 20.0)
    assert drop.channel.shape == (40, 40, 3)
    own = np.diagonal(drop.distance)
    assert own.min() >= 10
    assert own.max() <= 20
    assert (np.diff(law.snr(np.array([2.0, 10.0, 30.0, 100.0, 1000.0]))) < 0).all()
