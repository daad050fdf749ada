import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgraph_client import db_to_linear, dbm_to_watt, linear_to_db, noise_with_error, watt_to_dbm


@pytest.mark.parametrize(("dbm", "watt"), [(0, 1e-3), (30, 1.0), (40, 10.0), (-169, 1.2589254117941673e-20)])
def test_known_powers(dbm, watt):
    assert dbm_to_watt(dbm) == pytest.approx(watt, rel=1e-12)
    assert watt_to_dbm(watt) == pytest.approx(dbm, abs=1e-9)


@given(st.lists(st.floats(-200, 200), max_size=5))
def test_decibels_come_back(ratios_db):
    np.testing.assert_allclose(linear_to_db(db_to_linear(ratios_db)), ratios_db, atol=1e-9)


def test_zero_power_is_minus_infinity_and_negative_power_is_refused():
    assert watt_to_dbm(0) == -np.inf
    with pytest.raises(ValueError, match="negative"):
        linear_to_db([1.0, -2.0])


def test_the_error_of_an_estimate_counts_as_noise():
    """What a precoder on the budget sends through a random error is what was added, in the mean."""
    rng = np.random.default_rng(0)
    precoder = rng.normal(size=(8, 3)) + 1j * rng.normal(size=(8, 3))
    precoder *= np.sqrt(2.0) / np.linalg.norm(precoder)
    variance = np.array([0.0, 0.1, 0.4])
    error = (rng.normal(size=(20_000, 3, 8)) + 1j * rng.normal(size=(20_000, 3, 8))) * np.sqrt(variance / 2)[:, None]
    heard = (np.abs(error @ precoder) ** 2).sum(axis=-1).mean(axis=0)
    np.testing.assert_allclose(noise_with_error(0.5, 2.0, variance), 0.5 + heard, rtol=0.02)
    assert noise_with_error([0.1, 0.2], 3.0, 0.0).tolist() == [0.1, 0.2]
    with pytest.raises(ValueError, match="negative"):
        noise_with_error(1.0, 1.0, [0.1, -0.1])
