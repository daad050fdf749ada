"""Large-scale fading of cell-free networks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgraph_training.channels.cell_free import (
    CELL_FREE_SNR,
    MIDDLE,
    NEAR,
    drop_cell_free,
    hata_loss,
    path_loss_db,
)


def test_the_constants_are_those_of_the_cited_model():
    assert hata_loss() == pytest.approx(140.7, abs=0.05)
    assert 10 * np.log10(CELL_FREE_SNR) == pytest.approx(111.96, abs=0.05)


@given(st.floats(1e-4, 2.0), st.floats(1.0, 3.0))
def test_loss_never_shrinks_with_distance_and_has_the_three_slopes(distance, factor):
    near, far = path_loss_db(np.array([distance, distance * factor]))
    assert far <= near + 1e-9
    slope = {True: 0.0, distance >= NEAR: 20.0, distance >= MIDDLE: 35.0}
    if distance * factor < NEAR or (distance >= NEAR and distance * factor < MIDDLE) or distance >= MIDDLE:
        steepest = max(value for holds, value in slope.items() if holds)
        assert near - far == pytest.approx(steepest * np.log10(factor), abs=1e-6)


def test_drops_are_positive_and_of_the_cited_level():
    rng = np.random.default_rng(0)
    gains = np.stack([drop_cell_free(rng, 30, 6) for _ in range(200)])
    assert (gains > 0).all()
    # Half a side away on average: the median of the frozen networks is -112.6 dB.
    assert 10 * np.log10(np.median(gains)) == pytest.approx(-113.8, abs=2.0)
