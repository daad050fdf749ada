"""The unrolled max-min network: a fixed point before training, equivariant, blind to scale, alone as in a batch."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from instances import cell_frees, random_cell_free, seeds

from airgraph_models.classical.max_min_power import fixed_point
from airgraph_models.classical.stopping import Stopping
from airgraph_models.gnn.max_min import MaxMinArchitecture
from airgraph_models.problems import CELL_FREE
from airgraph_models.problems.cell_free_users import cell_free_users
from airgraph_models.problems.gram_blocks import DenseUsers, build_gram_blocks
from airgraph_training.export import check_agreement, onnx_session, run_onnx, tensors, to_onnx, to_torchscript


def answer(network, graph):
    with torch.inference_mode():
        return network(*tensors(build_gram_blocks([graph]))).numpy()[:, 0]


@pytest.fixture(scope="module")
def plain():
    return MaxMinArchitecture(rounds=5).build().eval()


@pytest.fixture(scope="module")
def network():
    """With weights that make every step do something."""
    torch.manual_seed(0)
    built = MaxMinArchitecture(rounds=3, hidden=8).build()
    with torch.no_grad():
        for step in built.rounds:
            step.last.weight.normal_(0.0, 0.3)
            step.step.fill_(1.4)
    return built.eval()


@given(cell_frees())
def test_untrained_it_is_the_fixed_point(plain, instance):
    coupling = instance.coupling
    expected = fixed_point(coupling.matrix, coupling.noise, np.ones(instance.size), Stopping(5)).power
    reached = answer(plain, cell_free_users(instance)).astype(np.float64)
    mine, theirs = (CELL_FREE.objective(instance, power) for power in (reached, expected))
    # The fixed point keeps the best of its steps: only rounding may lower its last one.
    assert mine == pytest.approx(theirs, rel=1e-3, abs=1e-7)


@settings(max_examples=25)
@given(cell_frees(), seeds)
def test_users_may_be_renamed_and_all_scaled_together(network, instance, seed):
    graph = cell_free_users(instance)
    order = np.random.default_rng(seed).permutation(instance.size)
    renamed = DenseUsers(graph.user[order], graph.pair[np.ix_(order, order)])
    np.testing.assert_allclose(answer(network, renamed), answer(network, graph)[order], rtol=1e-3, atol=1e-6)
    scaled = DenseUsers(graph.user * np.float32(8), graph.pair * np.float32(8))
    np.testing.assert_allclose(answer(network, scaled), answer(network, graph), rtol=1e-3, atol=1e-6)


@settings(max_examples=25)
@given(cell_frees())
def test_powers_are_feasible_and_one_is_full(network, instance):
    power = answer(network, cell_free_users(instance))
    assert ((power >= 0) & (power <= 1)).all()
    assert power.max() == 1.0


def test_an_instance_answers_alone_as_in_a_batch_in_every_format(network):
    graphs = [cell_free_users(random_cell_free(users, users, 12)) for users in (3, 1, 12, 7)]
    joined = build_gram_blocks(graphs)
    session = onnx_session(to_onnx(network))
    scripted = torch.jit.load(io.BytesIO(to_torchscript(network)))
    with torch.inference_mode():
        eager, script = (kind(*tensors(joined)).numpy() for kind in (network, scripted))
    for other in (script, run_onnx(session, joined)):
        np.testing.assert_allclose(other, eager, rtol=1e-4, atol=1e-6)
    for graph, together in zip(graphs, joined.split(eager), strict=True):
        np.testing.assert_allclose(together[:, 0], answer(network, graph), rtol=1e-4, atol=1e-6)
    assert check_agreement(network, to_onnx(network), to_torchscript(network)) < 1e-4
