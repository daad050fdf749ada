"""UMi drops: what is drawn from a file of them, and that the generator makes such files."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from airgraph_training.channels.umi import PANELS, USERS, UmiDrops
from airgraph_training.cli import app

SAMPLE = Path(__file__).parents[2] / "data" / "channels" / "umi-sample.npz"
"""Made by `airgraph-train channels umi --name umi-sample.npz --seed 2 --drops 8`."""


@pytest.fixture(scope="module")
def drops():
    return UmiDrops.load(SAMPLE)


@pytest.mark.parametrize("antennas", PANELS)
@pytest.mark.parametrize("kept", [0.0, 0.5, 1.0])
def test_users_of_one_drop_at_mean_power_one(drops, antennas, kept):
    channel = drops.draw(np.random.default_rng(0), 16, antennas, kept)
    assert channel.shape == (16, antennas)
    power = (np.abs(channel) ** 2).mean(axis=1)
    assert power.mean() == pytest.approx(1.0)
    spread = 10 * np.log10(power.max() / power.min())
    assert spread < 1e-6 if kept == 0 else spread > 10


def test_keeping_half_of_the_spread_halves_it_in_decibels(drops):
    whole, half = (drops.draw(np.random.default_rng(3), 20, 64, kept) for kept in (1.0, 0.5))
    level, halved = (10 * np.log10((np.abs(h) ** 2).mean(axis=1)) for h in (whole, half))
    np.testing.assert_allclose(halved - halved[0], (level - level[0]) / 2, atol=1e-9)


def test_the_same_seed_draws_the_same_users(drops):
    first, again, other = (drops.draw(np.random.default_rng(seed), 8, 32) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_users_are_more_alike_than_under_rayleigh_fading(drops):
    """A few paths each: the strongest direction of a user holds more of its power than one antenna in 128 would."""
    channel = drops.draw(np.random.default_rng(0), USERS, 128, 0.0)
    values = np.linalg.svd(channel, compute_uv=False) ** 2
    rng = np.random.default_rng(0)
    fading = (rng.normal(size=channel.shape) + 1j * rng.normal(size=channel.shape)) * np.sqrt(0.5)
    assert values[-1] / values[0] < 0.1 * np.linalg.svd(fading, compute_uv=False)[-1] ** 2 / values[0]


def test_a_file_that_is_missing_is_named_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"airgraph-train channels umi --name lost\.npz"):
        UmiDrops.load(tmp_path / "lost.npz")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("sionna") is None, reason="needs the extra `channels`: sionna-no-rt")
def test_the_command_makes_the_sample_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["channels", "umi", "--name", "again.npz", "--seed", "2", "--drops", "8"])
    assert result.exit_code == 0, result.output
    (made,) = tmp_path.rglob("again.npz")
    again, sample = UmiDrops.load(made).channel, UmiDrops.load(SAMPLE).channel
    assert again.shape == sample.shape == (8, USERS, 8, 16)
    assert again.dtype == np.complex64
    np.testing.assert_allclose((np.abs(again) ** 2).mean(axis=(1, 2, 3)), 1.0, rtol=1e-4)
    np.testing.assert_allclose(again, sample, atol=1e-3)
