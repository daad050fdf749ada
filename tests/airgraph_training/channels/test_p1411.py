"""ITU-R P.1411: free space up to the breakpoint, twice its slope beyond, and a line-of-sight share that falls."""

import numpy as np
import pytest

from airgraph_training.channels import STREET_CANYON
from airgraph_training.channels.drops import device_snr
from airgraph_training.channels.p1411 import (
    CARRIER,
    high_rise_loss,
    line_of_sight_loss,
    line_of_sight_share,
    street_level_loss,
)

BREAKPOINT = 4 * 1.5**2 * CARRIER / 2.998e8
DISTANCE = np.geomspace(1.0, 2000.0, 400)


@pytest.mark.parametrize("heights", [(1.5, 1.5), (30.0, 1.0), (50.0, 3.0)])
def test_up_to_the_breakpoint_it_is_free_space_whatever_the_heights(heights):
    near = np.geomspace(1.0, min(BREAKPOINT, 250.0), 50)
    free_space = 20 * np.log10(4 * np.pi * near * CARRIER / 2.998e8)
    # The +6 dB of the median stand for a factor of two.
    assert line_of_sight_loss(near, *heights) == pytest.approx(free_space, abs=0.03)


def test_beyond_the_breakpoint_ten_times_the_distance_cost_forty_decibels():
    at, beyond = line_of_sight_loss(np.array([BREAKPOINT, 10 * BREAKPOINT]))
    assert beyond - at == pytest.approx(40)
    around = line_of_sight_loss(BREAKPOINT * np.array([1 - 1e-9, 1 + 1e-9]))
    assert around[0] == pytest.approx(around[1], abs=1e-6)


@pytest.mark.parametrize("obstructed", [high_rise_loss, street_level_loss])
def test_an_obstacle_costs_more_than_none_within_the_models_range(obstructed):
    distance = DISTANCE[(DISTANCE > 20) & (DISTANCE < 300)]
    assert (obstructed(distance) > line_of_sight_loss(distance)).all()


def test_street_level_agrees_with_a_public_implementation():
    # eeveetza/p1411, matlab/reference_p1411.csv: suburban, 300 MHz, 1 km, half of the locations; frequency and
    # surroundings are moved to ours by the recommendation's own terms.
    expected = 120.9704565 + 45 * np.log10(2400 / 300) + 6.8
    assert street_level_loss(np.array(1000.0)) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.02, 0.1, 0.3, 0.44, 0.46, 0.7, 0.99])
def test_the_line_of_sight_share_inverts_the_recommendations_distance(share):
    few = 212 * np.log10(share) ** 2 - 64 * np.log10(share)
    distance = few if share < 0.45 else 79.2 - 70 * share
    assert line_of_sight_share(np.array(distance)) == pytest.approx(share)


def test_the_line_of_sight_share_is_a_falling_probability():
    share = line_of_sight_share(DISTANCE)
    assert share[0] == 1
    assert share[-1] > 0
    assert (np.diff(share) <= 0).all()


def test_the_street_canyon_is_this_model_at_forty_dbm():
    assert STREET_CANYON.snr(DISTANCE) == pytest.approx(device_snr(line_of_sight_loss(DISTANCE), 40.0))
    decibels = 10 * np.log10(STREET_CANYON.snr(DISTANCE) / device_snr(line_of_sight_loss(DISTANCE), 0.0))
    assert decibels == pytest.approx(40)
