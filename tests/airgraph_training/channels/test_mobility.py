"""Random walks spread as their speed says, and channels follow the distance."""

import numpy as np
import pytest

from airgraph_training.channels.mobility import NEAREST, REACH, distances, moved_gain, random_walk


def walk(speed, seconds=9, seed=0):
    return random_walk(np.random.default_rng(seed), np.full((20_000, 2), 7.0), speed, seconds)


def test_a_walk_starts_where_it_stands_and_spreads_with_the_root_of_time():
    track = walk(50.0)
    assert track.shape == (10, 20_000, 2)
    assert (track[0] == 7.0).all()
    for second in (1, 4, 9):
        assert np.allclose(track[second].std(axis=0), 50.0 * second**0.5, rtol=0.03)
        assert np.abs(track[second].mean(axis=0) - 7.0).max() < 3.0


def test_speed_scales_the_same_walk():
    assert np.allclose(walk(200.0) - 7.0, 4 * (walk(50.0) - 7.0))
    assert (walk(0.0) == 7.0).all()


def test_distances_are_receiver_first_and_never_nearer_than_the_near_field():
    receiver, transmitter = np.array([[0.0, 0.0], [3.0, 4.0]]), np.array([[0.0, 0.0], [6.0, 8.0]])
    assert np.allclose(distances(receiver, transmitter), [[NEAREST, 10.0], [5.0, 5.0]])


def test_gain_falls_with_the_square_of_the_distance_and_ends_at_the_reach():
    gain, before = np.array([[8.0, 1.0]]), np.array([[100.0, 900.0]])
    assert moved_gain(gain, before, before) == pytest.approx(gain)
    assert moved_gain(gain, before, 2 * before) == pytest.approx(np.array([[2.0, 0.0]]))
    assert moved_gain(gain, before, np.array([[50.0, REACH]])) == pytest.approx(np.array([[32.0, 0.81]]))


def test_two_moves_are_one():
    rng = np.random.default_rng(2)
    gain, first, second, third = rng.uniform(10, 900, (4, 5, 5))
    assert np.allclose(moved_gain(moved_gain(gain, first, second), second, third), moved_gain(gain, first, third))
