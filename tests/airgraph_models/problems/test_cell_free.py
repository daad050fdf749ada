"""The SINR of the contract, the frozen networks, limits, and what is refused by field."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import cell_frees, random_cell_free, seeds

from airgraph_models.classical.max_min_power import spectral_optimum
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import CELL_FREE, CellFree, InvalidInstanceError


def sinr_by_loops(fading, snr, pilots, length, power):
    """Paper 000, (5), with the estimate's variance, term by term."""
    access_points, users = fading.shape
    overlap = np.abs(pilots.conj() @ pilots.T) ** 2
    found = []
    for k in range(users):
        variance = [
            length * snr * fading[m, k] ** 2 / (length * snr * fading[m] @ overlap[k] + 1) for m in range(access_points)
        ]
        rest = sum(variance) / snr
        for j in range(users):
            rest += power[j] * sum(variance[m] * fading[m, j] for m in range(access_points))
            if j != k:
                coherent = sum(variance[m] * fading[m, j] / fading[m, k] for m in range(access_points))
                rest += power[j] * coherent**2 * overlap[k, j]
        found.append(power[k] * sum(variance) ** 2 / rest)
    return np.array(found)


@given(seeds, st.integers(1, 5), st.integers(1, 6), st.integers(1, 4))
def test_the_sinr_is_that_of_the_paper(seed, users, access_points, length):
    rng = np.random.default_rng(seed)
    fading = 10 ** rng.uniform(-12, -8, (access_points, users))
    pilots = rng.standard_normal((users, length)) + 1j * rng.standard_normal((users, length))
    pilots /= np.linalg.norm(pilots, axis=1, keepdims=True)
    power = rng.uniform(0, 1, users)
    instance = CellFree.create(fading, snr=1e11, pilots=pilots, pilot_length=length)
    expected = sinr_by_loops(fading, 1e11, pilots, length, power)
    np.testing.assert_allclose(CELL_FREE.rates(instance, power), np.log2(1 + expected), rtol=1e-9)


@pytest.mark.parametrize("users", [6, 8, 10])
def test_the_frozen_networks(reference, users):
    stored = np.load(reference / "cell_free.npz")
    for fading, direct, cross, rate, power, full in zip(
        *(stored[f"K{users}_{name}"] for name in ("fading", "direct", "cross", "opt_rate", "opt_p", "fullpower_rate")),
        strict=True,
    ):
        instance = CellFree.create(fading, snr=float(stored["snr"]), pilot_length=int(stored["pilot_length"]))
        np.testing.assert_allclose(instance.coupling.noise, 1 / direct, rtol=1e-5)
        np.testing.assert_allclose(instance.coupling.matrix, cross / direct[:, None] ** 2, rtol=1e-5)
        assert CELL_FREE.objective(instance, np.ones(users)) == pytest.approx(full, rel=1e-5)
        assert CELL_FREE.objective(instance, power) == pytest.approx(rate, rel=1e-5)
        best = spectral_optimum(instance.coupling.matrix, instance.coupling.noise)
        assert np.log2(1 + best.sinr) == pytest.approx(rate, rel=1e-5)
        (found,) = CELL_FREE.solve([instance], Stopping(2000))
        assert found.objective == pytest.approx(rate, rel=1e-5)


@given(cell_frees(), seeds)
def test_answers_stay_within_the_limits_after_rounding(instance, seed):
    wild = np.random.default_rng(seed).standard_normal(instance.size) * 3
    projected = CELL_FREE.project(instance, wild)
    assert CELL_FREE.margin(instance, projected) >= 0
    filled = CELL_FREE.filled(instance, projected)
    assert CELL_FREE.objective(instance, filled) >= CELL_FREE.objective(instance, projected) * (1 - 1e-12)
    for dtype in (np.float32, np.float64):
        narrow = CellFree(**{**vars_of(instance), "dtype": np.dtype(dtype)})
        sent = CELL_FREE.rounded(narrow, filled)
        assert sent.dtype == dtype
        assert ((sent >= 0) & (sent <= 1)).all()


def vars_of(instance):
    return {name: getattr(instance, name) for name in ("fading", "snr", "pilot_overlap", "pilot_length", "dtype")}


@given(cell_frees(), seeds)
def test_permuting_users_and_access_points_permutes_the_answer(instance, seed):
    rng = np.random.default_rng(seed)
    users = rng.permutation(instance.size)
    access_points = rng.permutation(len(instance.fading))
    turned = CellFree(
        **{
            **vars_of(instance),
            "fading": instance.fading[np.ix_(access_points, users)],
            "pilot_overlap": instance.pilot_overlap[np.ix_(users, users)],
        }
    )
    (before,), (after,) = (CELL_FREE.solve([one], Stopping(30)) for one in (instance, turned))
    np.testing.assert_allclose(after.allocation, before.allocation[users], rtol=1e-6)


def test_a_shared_pilot_costs_rate():
    fading = random_cell_free(3, 4, 12).fading
    own = CellFree.create(fading, snr=1e11, pilot_length=4)
    shared = CellFree.create(fading, snr=1e11, pilots=[0, 0, 1, 2], pilot_length=4)
    assert CELL_FREE.solve([shared], Stopping(200))[0].objective < CELL_FREE.solve([own], Stopping(200))[0].objective


FADING = np.full((3, 2), 1e-10)


@pytest.mark.parametrize(
    ("field", "given_fields"),
    [
        ("fading", {"fading": np.zeros((0, 2))}),
        ("fading", {"fading": np.ones(3)}),
        ("fading", {"fading": np.where([1, 0], FADING, 0.0)}),
        ("fading", {"fading": -FADING}),
        ("fading", {"fading": np.full((3, 2), np.nan)}),
        ("fading", {"fading": np.full((3, 2), 1e25)}),
        ("snr", {"snr": 0.0}),
        ("snr", {"snr": np.inf}),
        ("pilot_length", {"pilot_length": 0}),
        ("pilot_length", {"pilot_length": 1}),
        ("pilots", {"pilots": [0, 2]}),
        ("pilots", {"pilots": [0, -1]}),
        ("pilots", {"pilots": [0.0, 1.0]}),
        ("pilots", {"pilots": [0, 1, 1]}),
        ("pilots", {"pilots": np.ones((2, 2))}),
        ("pilots", {"pilots": np.ones((2, 3)) / np.sqrt(3)}),
    ],
)
def test_bad_input_is_refused_by_field(field, given_fields):
    fields = {"fading": FADING, "snr": 1e11, "pilot_length": 2, **given_fields}
    with pytest.raises(InvalidInstanceError) as refused:
        CellFree.create(fields.pop("fading"), **fields)
    assert refused.value.field == field
