"""Instances of several sizes iterate as one batch, and each gets what it gets alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import beamformings, power_controls, random_beamforming, random_power_control, seeds

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import BEAMFORMING, POWER_CONTROL, PowerControl

FAMILIES = {"power_control": (POWER_CONTROL, power_controls), "beamforming": (BEAMFORMING, beamformings)}


@pytest.mark.parametrize("name", FAMILIES)
@settings(deadline=None)
@given(data=st.data(), iterations=st.integers(0, 12))
def test_each_ends_where_it_ends_alone(name, data, iterations):
    family, draw = FAMILIES[name]
    instances = data.draw(st.lists(draw(), min_size=2, max_size=6))
    starts = [family.starts(instance) for instance in instances]
    together = family.refine(instances, starts, Stopping(iterations))
    for instance, start, found in zip(instances, starts, together, strict=True):
        (alone,) = family.refine([instance], [start], Stopping(iterations))
        assert found.allocation.shape == alone.allocation.shape
        assert found.iterations == alone.iterations
        assert found.objective == pytest.approx(alone.objective, rel=1e-6, abs=1e-9)
        assert family.margin(instance, found.allocation) >= -1e-12


@pytest.mark.parametrize("seed", range(8))
def test_a_race_of_several_sizes_has_the_winners_of_each_alone(seed):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 65, 12)
    instances = [random_power_control(seed + i, int(size), weighted=i % 2 == 0) for i, size in enumerate(sizes)]
    starts = [POWER_CONTROL.polish_starts(instance, 16) for instance in instances]
    together = POWER_CONTROL.polish(instances, starts, Stopping(60))
    for instance, start, found in zip(instances, starts, together, strict=True):
        (alone,) = POWER_CONTROL.polish([instance], [start], Stopping(60))
        assert found.objective == pytest.approx(alone.objective, rel=1e-5)
        assert found.objective == pytest.approx(POWER_CONTROL.objective(instance, found.allocation))
        assert POWER_CONTROL.margin(instance, found.allocation) >= 0.0


def test_who_has_no_weight_no_gain_or_no_power_to_begin_with_is_silent_in_company_too():
    silent = PowerControl.create(np.diag([1.0, 0.0, 1.0]), weights=[1.0, 1.0, 0.0])
    company = random_power_control(0, 4)
    starts = [np.array([[1.0, 1.0, 0.0]]), POWER_CONTROL.starts(company)]
    for solve in (POWER_CONTROL.refine, POWER_CONTROL.polish):
        found = solve([silent, company], starts, Stopping(20))[0]
        np.testing.assert_allclose(found.allocation, [1.0, 0.0, 0.0], atol=1e-9)


@given(st.lists(st.integers(1, 200), min_size=1, max_size=30), seeds)
def test_what_is_joined_is_at_most_four_times_as_large_and_what_is_large_is_of_one_size(sizes, seed):
    instances = [random_power_control(seed, size) for size in sizes]
    for group in POWER_CONTROL.batches(instances, [POWER_CONTROL.starts(instance) for instance in instances]):
        joined = [sizes[i] for i in group]
        assert max(joined) <= 4 * min(joined)
        assert max(joined) <= 64 or len(set(joined)) == 1


def test_what_differs_in_kind_does_not_iterate_together():
    kinds = [
        random_beamforming(0, 4, 2),
        random_beamforming(0, 4, 3),
        random_beamforming(0, 4, 2, transmitters=2),
        random_beamforming(1, 4, 2, transmitters=2),
        random_beamforming(0, 4, 2, antenna_limits=True),
        random_beamforming(0, 4, 2, sparse=True),
        random_beamforming(1, 4, 2, sparse=True),
    ]
    assert not np.array_equal(kinds[2].serving, kinds[3].serving)
    starts = [BEAMFORMING.starts(instance) for instance in kinds]
    assert BEAMFORMING.batches(kinds, starts) == [[i] for i in range(len(kinds))]
    more = random_beamforming(2, 3, 2)
    assert BEAMFORMING.batches([kinds[0], more], [starts[0], BEAMFORMING.starts(more)]) == [[0, 1]]
    assert BEAMFORMING.batches([kinds[0], more], [starts[0], BEAMFORMING.starts(more)[:1]]) == [[0], [1]]
