"""Clustered millimetre-wave channels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgraph_training.channels.clustered import clustered, digital_pair, response

angles = st.floats(0.0, 2 * np.pi)


@given(st.integers(1, 12), angles, angles)
def test_a_response_is_a_plane_wave_of_unit_norm(side, azimuth, elevation):
    found = response(side, np.array(azimuth), np.array(elevation)).reshape(side, side)
    assert np.linalg.norm(found) == pytest.approx(1.0)
    expected = [
        [np.exp(1j * np.pi * (x * np.sin(azimuth) * np.sin(elevation) + y * np.cos(elevation))) for y in range(side)]
        for x in range(side)
    ]
    np.testing.assert_allclose(found * side, expected, atol=1e-9)


def test_the_mean_power_is_that_of_the_antennas_and_clusters_are_few():
    rng = np.random.default_rng(0)
    channels = [clustered(rng, 36, 144) for _ in range(400)]
    power = np.mean([np.linalg.norm(one) ** 2 for one in channels])
    assert power == pytest.approx(36 * 144, rel=0.05)
    # Five narrow clusters: five of 36 directions carry most of the power, where rich scattering would spread it.
    singular = np.linalg.svd(np.stack(channels), compute_uv=False) ** 2
    assert (singular[:, :5].sum(axis=1) / singular.sum(axis=1)).mean() > 0.7


def test_the_digital_pair_is_orthonormal_and_carries_the_strongest_directions():
    channel = clustered(np.random.default_rng(1), 16, 36)
    precoder, combiner = digital_pair(channel, 3)
    np.testing.assert_allclose(precoder.conj().T @ precoder, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(combiner.conj().T @ combiner, np.eye(3), atol=1e-12)
    strongest = np.linalg.svd(channel, compute_uv=False)[:3]
    np.testing.assert_allclose(combiner.conj().T @ channel @ precoder, np.diag(strongest), atol=1e-9)


def test_the_frozen_channels_have_the_same_digital_precoders(reference):
    stored = np.load(reference / "hybrid.npz")
    for channel, f_opt in zip(stored["H"].astype(complex), stored["Fopt"].astype(complex), strict=True):
        precoder, _ = digital_pair(channel, 2)
        np.testing.assert_allclose(np.abs(np.diag(precoder.conj().T @ f_opt)), 1.0, atol=1e-5)
