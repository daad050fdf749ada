"""Training of networks for several cells, and the references they are held to."""

import numpy as np
import pytest
import torch

from airgraph_models.classical.stopping import Stopping
from airgraph_models.gnn.coordinated_gnn import CoordinatedGNNArchitecture
from airgraph_models.gnn.coordinated_steps import CoordinatedSteps, CoordinatedStepsArchitecture
from airgraph_training.losses import coordinated_objective
from airgraph_training.studies.coordinated import references
from airgraph_training.studies.coordinated_fitting import CoordinatedFit, CoordinatedNetwork, raised, rotate
from airgraph_training.studies.coordinated_sets import MRT, Cells, Layout
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_sets import Downlinks, real_pairs

LAYOUT = Layout(2, 4, 2)
NETWORKS = [
    CoordinatedNetwork("unrolled", "Unrolled Model-GNN", CoordinatedStepsArchitecture(3, 4, 8)),
    CoordinatedNetwork("model-gnn", "Model-GNN", CoordinatedGNNArchitecture((6, 4))),
    CoordinatedNetwork("model-gnn-gates", "Model-GNN with gates", CoordinatedGNNArchitecture((6, 4), gates=4)),
    CoordinatedNetwork("vanilla-gnn", "Vanilla-GNN", CoordinatedGNNArchitecture((6, 4), model=False)),
]


def test_the_loss_is_the_sum_rate_and_one_cell_is_a_downlink():
    cells = Cells.tests(LAYOUT, 10.0, 4)
    for start in cells.starts().values():
        found = coordinated_objective(real_pairs(start), real_pairs(cells.channel))
        np.testing.assert_allclose(found, cells.rate(start), rtol=1e-4)
        assert (np.abs(start) ** 2).sum(axis=(2, 3)) == pytest.approx(1.0)
    alone = Cells.tests(Layout(1, 4, 2), 10.0, 4)
    downlinks = Downlinks(alone.channel[:, 0, :, 0])
    start = alone.starts()[MRT]
    np.testing.assert_allclose(alone.rate(start), downlinks.rate(start[:, 0]))


def test_wmmse_stays_within_budgets_and_gains_from_every_start():
    cells = Cells.tests(LAYOUT, 10.0, 4)
    for start in cells.starts().values():
        solved = cells.wmmse(start, Stopping(20))
        assert (np.abs(solved) ** 2).sum(axis=(2, 3)).max() <= 1 + 1e-6
        assert (cells.rate(solved) >= cells.rate(start) - 1e-9).all()


def test_references_are_measured_once_and_no_start_beats_the_best(tmp_path):
    told = []
    lab = Lab(quick=True, seed=0, cache=tmp_path, report=told.append)
    closed, ends = references(lab, LAYOUT, 4)
    assert references(lab, LAYOUT, 4) == (closed, ends)
    assert len(told) == 1
    assert ends["best"] >= max(ends[name] for name in closed)
    assert all(ends[name] > value for name, value in closed.items())
    assert 1 <= ends["served"] <= LAYOUT.cells * LAYOUT.users


def test_a_rotated_view_has_the_same_wmmse_rates_from_matched_filters():
    cells = Cells.tests(LAYOUT, 10.0, 3)
    seen = rotate(real_pairs(cells.channel), torch.Generator().manual_seed(0))
    turned = Cells(torch.view_as_complex(seen).numpy().astype(complex))
    assert np.abs(turned.channel - cells.channel).mean() > 0.1
    rates = [c.rate(c.wmmse(c.starts()[MRT], Stopping(20))) for c in (cells, turned)]
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-3)


def test_each_layer_of_the_unrolled_network_is_told_what_its_step_is_worth():
    channel = real_pairs(Cells.tests(LAYOUT, 10.0, 4).channel)
    module = CoordinatedSteps(CoordinatedStepsArchitecture(3, 4, 8))
    rates = [coordinated_objective(answer, channel).mean() for answer in module.after_each_layer(channel)]
    torch.testing.assert_close(raised(module, channel), rates[-1] + sum(rates) / 3)
    plain = NETWORKS[-1].build(CoordinatedFit(LAYOUT, 10.0, 4, 1, 0))
    torch.testing.assert_close(raised(plain, channel), coordinated_objective(plain(channel), channel).mean())


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_training_raises_the_sum_rate_and_is_kept_for_the_next_visit(network, tmp_path):
    told = []
    lab = Lab(quick=True, seed=1, cache=tmp_path, report=told.append)
    fit = CoordinatedFit(LAYOUT, 10.0, samples=60, epochs=8, seed=1, batch=20)
    cells = Cells.tests(LAYOUT, 10.0, 50)
    before, after = (cells.network(module).mean() for module in (network.build(fit), network.trained(lab, [fit])))
    assert after > before
    assert cells.network(network.trained(lab, [fit])).mean() == after
    assert len(told) == 1
