"""Padded extents, and arrays in the corner of larger ones."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from airgraph_models.problems.padded_shapes import pad, padded_extent


@given(st.integers(1, 10**6))
def test_an_extent_grows_by_at_most_half_and_stays_where_it_was_padded_to(extent):
    padded = padded_extent(extent)
    assert extent <= padded < 1.5 * extent + 1
    assert padded_extent(padded) == padded


def test_there_are_two_extents_an_octave():
    assert sorted({padded_extent(extent) for extent in range(1, 65)}) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64]


def test_padding_leaves_the_corner_as_it_was_and_copies_only_where_it_must():
    array = np.arange(6.0).reshape(2, 3)
    padded = pad(array, (3, 4), fill=-1)
    np.testing.assert_array_equal(padded[:2, :3], array)
    assert (padded[2:] == -1).all()
    assert (padded[:, 3:] == -1).all()
    assert pad(array, (2, 3)) is array
