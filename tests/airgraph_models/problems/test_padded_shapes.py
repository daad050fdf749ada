"""Padded extents, and arrays in the corner of larger ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from airgraph_models.problems.padded_shapes import octave, pad, padded_extent, stack_padded


@given(st.integers(1, 10**6))
def test_an_extent_grows_by_a_bounded_share_and_stays_where_it_was_padded_to(extent):
    padded = padded_extent(extent)
    assert extent <= padded < 1 + extent * (1.25 if extent > 512 else 1.5)
    assert padded_extent(padded) == padded


def test_there_are_two_extents_an_octave_and_four_of_what_is_large():
    assert sorted({padded_extent(extent) for extent in range(1, 65)}) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]
    assert sorted({padded_extent(extent) for extent in range(513, 1537)}) == [640, 768, 896, 1024, 1280, 1536]


def test_padding_leaves_the_corner_as_it_was_and_copies_only_where_it_must():
    array = np.arange(6.0).reshape(2, 3)
    padded = pad(array, (3, 4), fill=-1)
    np.testing.assert_array_equal(padded[:2, :3], array)
    assert (padded[2:] == -1).all()
    assert (padded[:, 3:] == -1).all()
    assert pad(array, (2, 3)) is array


@given(st.integers(1, 10**6))
def test_an_octave_ends_at_a_power_of_two(extent):
    assert extent <= 2 ** octave(extent) < 2 * extent


def test_what_is_stacked_lies_in_the_corner_of_what_holds_all():
    stacked = stack_padded([np.ones((1, 3)), np.full((2, 2), 2.0)], fill=-1.0)
    np.testing.assert_array_equal(stacked, [[[1, 1, 1], [-1, -1, -1]], [[2, 2, -1], [2, 2, -1]]])
    alone = np.ones((2, 2))
    assert np.shares_memory(stack_padded([alone]), alone)
