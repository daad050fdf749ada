"""Training for energy efficiency under minimum rates, and what it is held to."""

import numpy as np
import pytest
import torch

from airgraph_models.problems import PRECODING
from airgraph_training.losses import precoding_rates
from airgraph_training.studies.efficiency_fitting import MOST_VIEWS, EfficiencyFit, efficiency_networks, views, visits
from airgraph_training.studies.efficiency_sets import ANTENNA_POWER, UNIT_DB, Efficiency, numerical, reference
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_fitting import PrecodingFit
from airgraph_training.studies.precoding_networks import vanilla
from airgraph_training.studies.precoding_sets import real_pairs

MODEL, _, BNN = efficiency_networks(vanilla("mean", (6, 4)))


@pytest.fixture
def told():
    return []


@pytest.fixture
def lab(tmp_path, told):
    return Lab(quick=True, seed=0, cache=tmp_path, report=told.append)


def draws(**changes):
    given = {"antennas": 4, "users": 2, "snr_db": UNIT_DB, "samples": 60, "epochs": 10, "seed": 0, "batch": 20}
    return PrecodingFit(**{**given, **changes})


def test_the_studys_figures_are_those_of_the_problem_family():
    tests = Efficiency.tests(2, 4, 3.0, 3)
    precoder = np.stack([numerical(instance) for instance in tests.instances()])
    for place, instance in enumerate(tests.instances()):
        assert tests.efficiency(precoder)[place] == pytest.approx(PRECODING.objective(instance, precoder[place]))
        np.testing.assert_allclose(tests.rates(precoder)[place], PRECODING.rates(instance, precoder[place]))
    assert (tests.rates(precoder) >= 3.0 * (1 - 1e-6)).all()
    found = precoding_rates(real_pairs(precoder), real_pairs(tests.downlinks.channel))
    np.testing.assert_allclose(found, tests.rates(precoder), rtol=1e-4)
    assert tests.met(0.0 * precoder) == 0.0


def test_the_numerical_solution_is_better_than_wmmse_and_one_watt_is_not_enough(lab, told):
    found = reference(lab, 2, 4, 7.0, 4)
    assert reference(lab, 2, 4, 7.0, 4) == found
    assert len(told) == 1
    assert found.efficiency > found.wmmse_efficiency
    assert found.met == 1.0
    assert found.unreachable == 0
    assert found.unreachable_at_unit > 0
    assert found.power < 4 * ANTENNA_POWER


def test_a_pass_visits_every_sample_rare_ones_more_often_and_says_where_it_is():
    fit = draws(antennas=9, users=3, samples=40, batch=7, exponential=True)
    groups = fit.draw()
    seen = list(visits(fit, groups, torch.Generator().manual_seed(0)))
    assert len({visit.group for visit in seen}) == len(groups) > 1
    for number, group in enumerate(groups):
        rows = torch.cat([visit.rows for visit in seen if visit.group == number])
        assert sorted(rows.tolist()) == sorted(list(range(len(group))) * views(fit, group))
    assert 1 < max(views(fit, group) for group in groups) <= MOST_VIEWS
    for visit in seen:
        # Rotations keep the users' gains, by which a sample is known.
        gains = [channel.square().sum(dim=(2, 3)) for channel in (visit.channel, groups[visit.group][visit.rows])]
        torch.testing.assert_close(*gains, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("network", [MODEL, BNN], ids=lambda network: network.label)
def test_training_satisfies_users_and_raises_the_efficiency_in_stages_that_are_kept(network, lab, told):
    fits = [EfficiencyFit(draws(), 3.0), EfficiencyFit(draws(epochs=20), 8.0)]
    low, high = (Efficiency.tests(2, 4, rate, 50) for rate in (3.0, 8.0))
    untrained = low.network(network.build(fits[0].draws))
    first = network.trained(lab, fits[:1])
    assert low.efficiency(low.network(first)).mean() > low.efficiency(untrained).mean()
    met = high.met(high.network(first))
    second = network.trained(lab, fits)
    assert high.met(high.network(second)) > met + 0.2
    assert len(told) == 2
    again = network.trained(lab, fits)
    assert len(told) == 2
    np.testing.assert_array_equal(high.network(again), high.network(second))
