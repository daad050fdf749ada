import numpy as np
import pytest
from hypothesis import given
from instances import beamformings, dense_twin, random_beamforming

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import BEAMFORMING, Beamforming


@pytest.mark.parametrize("pairs", [10, 50])
def test_run_to_convergence_it_reaches_the_stored_converged_mean(reference, pairs):
    data = np.load(reference / "miso_interference.npz")
    instances = [Beamforming.create(channel) for channel in data[f"K{pairs}_H"]]
    starts = [BEAMFORMING.starts(instance)[:1] for instance in instances]
    solved = BEAMFORMING.refine(instances, starts, Stopping(1000))
    mean = np.mean([result.objective for result in solved])
    assert mean >= data[f"K{pairs}_wmmse_conv_rate"].mean() * 0.999


@given(beamformings())
def test_the_objective_never_falls(instance):
    start = BEAMFORMING.starts(instance)[-1:]
    previous = BEAMFORMING.objective(instance, start[0])
    for iterations in range(1, 10):
        result = BEAMFORMING.refine([instance], [start], Stopping(iterations))[0]
        assert result.objective >= previous - 1e-9 * abs(previous)
        previous = result.objective


@given(beamformings())
def test_every_budget_and_antenna_limit_holds(instance):
    result = BEAMFORMING.solve([instance], Stopping(8))[0]
    assert BEAMFORMING.margin(instance, result.allocation) >= -1e-12


def test_an_unused_multiplier_is_zero_and_a_used_one_spends_the_budget():
    instance = random_beamforming(3, 4, 2)
    beams = BEAMFORMING.solve([instance], Stopping(300))[0].allocation
    spent = squared(beams).sum(axis=-1) / instance.max_power
    at_the_limit = spent > 1 - 1e-6
    assert at_the_limit.any()
    np.testing.assert_allclose(spent[at_the_limit], 1, rtol=1e-9)


@pytest.mark.parametrize("transmitters", [None, 2])
def test_sparse_links_give_the_dense_answer(transmitters):
    sparse = random_beamforming(11, 6, 3, transmitters=transmitters, sparse=True, weighted=True)
    both = [sparse, dense_twin(sparse)]
    # One start: two that end in the same optimum differ by the beams' phases, and rounding picks the winner.
    found = BEAMFORMING.refine(both, [BEAMFORMING.starts(instance)[:1] for instance in both], Stopping(40))
    np.testing.assert_allclose(found[0].allocation, found[1].allocation, atol=1e-8)


def test_a_batch_gives_each_instance_its_answer_alone():
    instances = [random_beamforming(seed, 5, 2) for seed in range(4)] + [random_beamforming(9, 3, 4)]
    together = BEAMFORMING.solve(instances, Stopping(20))
    for instance, result in zip(instances, together, strict=True):
        alone = BEAMFORMING.solve([instance], Stopping(20))[0]
        np.testing.assert_allclose(result.allocation, alone.allocation, atol=1e-9)


def test_one_pair_alone_gets_the_maximum_ratio_beam():
    instance = random_beamforming(0, 1, 3)
    result = BEAMFORMING.solve([instance], Stopping(20))[0]
    expected = np.log2(1 + squared(instance.channel[0, 0]).sum() * instance.max_power[0] / instance.noise_power[0])
    assert result.objective == pytest.approx(expected, rel=1e-9)


def test_a_user_without_channel_or_weight_gets_nothing_and_harms_no_one():
    instance = random_beamforming(5, 4, 2)
    channel = instance.channel.copy()
    channel[0] = 0
    dark = Beamforming.create(channel, weights=[1, 0, 1, 1], noise_power=0.1)
    beams = BEAMFORMING.solve([dark], Stopping(30))[0].allocation
    assert np.isfinite(beams).all()
    assert squared(beams[:2]).max() == pytest.approx(0, abs=1e-12)
