"""What is exported is the function that was trained, nearly to the last digit of a double, whatever the layout."""

import collections
import copy

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from instances import seeds

from airgraph_models.gnn.aligned import AlignedArchitecture
from airgraph_models.gnn.aligned_inference import owners
from airgraph_models.gnn.random_graphs import random_gains
from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_models.problems.gain_blocks import build_gain_blocks
from airgraph_models.problems.layouts import GAIN_BLOCKS
from airgraph_training.export import onnx_session, run_onnx, tensors, to_onnx

SIZES = {
    "default": AlignedArchitecture(),
    "one step, one channel": AlignedArchitecture(hidden=5, channels=1, memory=2, steps=1),
    "wide": AlignedArchitecture(hidden=11, channels=3, memory=4, steps=3),
}


def random_network(architecture, seed=0):
    torch.manual_seed(seed)
    network = architecture.build().double().eval()
    with torch.no_grad():
        network.first.normal_()
    return network


NETWORKS = {name: random_network(architecture) for name, architecture in SIZES.items()}
unions = st.lists(st.tuples(seeds, st.integers(1, 12), st.booleans()), min_size=1, max_size=4)


def union(parts):
    return build_gain_blocks(
        [random_gains(np.random.default_rng(seed), pairs, dense=dense) for seed, pairs, dense in parts]
    )


def answers(network, inputs):
    arguments = [torch.from_numpy(np.ascontiguousarray(array)) for array in inputs.values()]
    arguments = [tensor.double() if tensor.is_floating_point() else tensor for tensor in arguments]
    with torch.no_grad():
        return network(*arguments).numpy(), network.inference_form()(*arguments).numpy()


@pytest.mark.parametrize("name", SIZES)
@given(unions)
def test_it_is_the_function_of_the_network(name, parts):
    joined = union(parts)
    expected, found = answers(NETWORKS[name], joined.inputs())
    np.testing.assert_allclose(found, expected, atol=1e-9)
    _, padded = answers(NETWORKS[name], joined.padded())
    np.testing.assert_allclose(padded[: len(found)], expected, atol=1e-9)


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("weights", [(1e-3, 1.0, 0.5, 0.2), (1.0, 0.0, 0.5, 1e-8), (0.0, 0.0, 0.0, 1.0)])
def test_it_is_the_function_of_the_network_without_a_channel_or_weight_and_at_powers_of_nearly_nothing(name, weights):
    gain = np.array([[0.0, 200.0, 5.0, 1.0], [0.0, 1e5, 0.0, 0.0], [40.0, 3.0, 2.0, 1.0], [1.0, 7.0, 0.0, 0.0]])
    graph = POWER_CONTROL.view(PowerControl.create(gain, weights=np.array(weights)), GAIN_BLOCKS).graph
    network = copy.deepcopy(NETWORKS[name])
    with torch.no_grad():
        for step in network.steps:
            # Who should be silent by WMMSE's next power is, far below what a logarithm is taken of.
            step.update.bias[1] = 3.0
    expected, found = answers(network, build_gain_blocks([graph]).inputs())
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-15)
    assert expected.min() < network.smallest_share < 0.1 < expected.max()


@given(unions)
def test_every_result_is_added_to_its_node_or_within_its_block(parts):
    joined = union(parts)
    _, heard, _, source, place = tensors(joined)
    owner = owners(heard, source, place).reshape(-1).numpy()
    silent = (joined.heard == 0.0).all(axis=2).reshape(-1)
    for node, results in enumerate(joined.place):
        assert all(owner[result] == node or silent[result] for result in results)
    nobody = np.setdiff1d(np.arange(owner.size), joined.place)
    assert silent[nobody].all()
    instance = np.repeat(np.arange(len(joined.sizes)), joined.sizes)
    assert (instance[owner[nobody]] == instance[joined.source[nobody // heard.shape[1], 0]]).all()


def test_exported_graph_is_small_and_keeps_every_result_of_a_node():
    network = random_network(AlignedArchitecture()).float()
    model = to_onnx(network)
    count = collections.Counter(node.op_type for node in onnx.load_from_string(model).graph.node)
    # A step: two sums of three nodes, two MLPs, and no column is cut out or put elsewhere but for the MLPs.
    assert count["Gather"] - 2 == count["MatMul"] == count["ScatterND"] == 2 * len(network.steps)
    assert count["Concat"] == 2 * len(network.steps) + 1
    assert count["Slice"] == count["Split"] == count["Transpose"] == 0
    assert count.total() < 45 * len(network.steps)
    session = onnx_session(model)
    # More links than a row has slots: several results a node.
    joined = union([(0, 24, False), (1, 30, True)])
    assert joined.place.shape[1] > 2
    with torch.no_grad():
        expected = network(*tensors(joined)).numpy()
    np.testing.assert_allclose(run_onnx(session, joined), expected, atol=1e-5)
