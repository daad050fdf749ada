"""Training of precoding networks: fixed samples, views that change no sum rate, and the references they are held to."""

from pathlib import Path

import numpy as np
import pytest
import torch

from airgraph_models.classical.linear_precoding import maximum_ratio, with_sum_power
from airgraph_training.losses import precoding_objective
from airgraph_training.studies.correlation import correlations
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_fitting import PrecodingFit, batches, rotate
from airgraph_training.studies.precoding_networks import BNN, MODEL_GNN, UNFOLDED, VANILLA_GNN, VANILLA_GNN_FC
from airgraph_training.studies.precoding_sets import Downlinks, real_pairs, references
from airgraph_training.studies.precoding_timing import classical_milliseconds, network_milliseconds

FROZEN = np.load(Path(__file__).parents[2] / "data" / "reference" / "mu_miso.npz")


@pytest.mark.parametrize("size", ["N8K4", "N32K16"])
@pytest.mark.parametrize("snr_db", [0, 10, 20])
def test_the_denominator_reaches_the_best_known_rates_and_closed_forms_theirs(size, snr_db):
    instances = Downlinks(FROZEN[f"{size}_channel"].astype(complex) * 10 ** (snr_db / 20))
    closed = instances.closed_forms()
    np.testing.assert_allclose(
        instances.rate(closed["RZF"]), FROZEN[f"{size}_S{snr_db}_rzf_equalpower_rate"], rtol=1e-6
    )
    best = FROZEN[f"{size}_S{snr_db}_best_rate"].mean()
    assert instances.rate(instances.wmmse(closed["RZF"])).mean() == pytest.approx(best, rel=2e-3)


def test_the_loss_is_the_sum_rate():
    instances = Downlinks.tests(3, 5, 10.0, 4)
    precoder = with_sum_power(maximum_ratio(instances.channel), instances.budget)
    found = precoding_objective(real_pairs(precoder), real_pairs(instances.channel))
    np.testing.assert_allclose(found, instances.rate(precoder), rtol=1e-5)


def test_a_rotated_view_has_the_same_gram_matrix_up_to_phases():
    channel = real_pairs(Downlinks.tests(3, 6, 10.0, 4).channel)
    seen = torch.view_as_complex(rotate(channel, torch.Generator().manual_seed(0)))
    plain = torch.view_as_complex(channel)
    assert (seen - plain).abs().mean() > 0.1
    torch.testing.assert_close((seen @ seen.mH).abs(), (plain @ plain.mH).abs(), rtol=1e-3, atol=1e-3)


def test_a_pass_shows_every_sample_once_in_batches_of_one_size():
    fit = PrecodingFit(antennas=6, users=2, snr_db=0.0, samples=40, epochs=1, seed=3, batch=7, exponential=True)
    fit = PrecodingFit(**{**fit.describe(), "rotated": False})
    groups = fit.draw()
    assert sum(len(group) for group in groups) == 40
    assert len(groups) > 2
    assert all(1 <= group.shape[1] <= 6 for group in groups)
    shown = list(batches(fit, groups, torch.Generator().manual_seed(0)))
    assert max(len(batch) for batch in shown) <= 7
    sums = sorted(float(one.sum()) for batch in shown for one in batch)
    np.testing.assert_allclose(sums, sorted(float(one.sum()) for group in groups for one in group), rtol=1e-5)


@pytest.mark.parametrize("network", [MODEL_GNN, VANILLA_GNN, VANILLA_GNN_FC, BNN, UNFOLDED], ids=lambda n: n.name)
def test_training_raises_the_sum_rate_and_is_kept_for_the_next_visit(network, tmp_path):
    told = []
    lab = Lab(quick=True, seed=1, cache=tmp_path, report=told.append)
    fit = PrecodingFit(antennas=6, users=3, snr_db=0.0, samples=100, epochs=10, seed=1, batch=25)
    instances = Downlinks.tests(3, 6, 0.0, 100)
    before, after = (instances.network(module).mean() for module in (network.build(fit), network.trained(lab, fit)))
    assert after > before
    again = network.trained(lab, fit)
    assert len(told) == 1
    assert instances.network(again).mean() == after


def test_references_are_measured_once_and_no_start_beats_the_best(tmp_path):
    told = []
    lab = Lab(quick=True, seed=0, cache=tmp_path, report=told.append)
    found = references(lab, 3, 6, 10.0, 5)
    assert references(lab, 3, 6, 10.0, 5) == found
    assert len(told) == 1
    assert found.best >= found.wmmse >= max(found.closed.values())


def test_mrt_has_correlation_one_and_orthogonal_beams_none():
    channel = Downlinks.tests(2, 4, 0.0, 3).channel
    np.testing.assert_allclose(correlations(channel, maximum_ratio(channel)), 1.0)
    turned = np.swapaxes(channel, -1, -2).copy()
    turned = turned[:, [1, 0, 3, 2]] * np.array([1, -1, 1, -1])[:, None]
    np.testing.assert_allclose(correlations(channel, turned), 0.0, atol=1e-12)


def test_timings_are_positive():
    instances = Downlinks.tests(2, 4, 0.0, 2)
    times = classical_milliseconds(instances, 0.01)
    times["network"] = network_milliseconds(MODEL_GNN.make(), instances, 0.01)
    assert set(times) == {"RZF", "R-WMMSE", "WMMSE", "network"}
    assert all(0 < value < 1e4 for value in times.values())
