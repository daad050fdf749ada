"""Eager, ONNX and TorchScript agree, or nothing is written."""

import numpy as np
import onnx
import pytest
import torch

from airgraph_models.gnn.aligned import AlignedArchitecture
from airgraph_models.gnn.random_graphs import random_graph
from airgraph_models.gnn.wcgcn import WCGCN, WCGCNArchitecture
from airgraph_models.problems.row_table import build_row_table
from airgraph_training.export import (
    ExportError,
    check_agreement,
    onnx_session,
    run_onnx,
    tensors,
    to_onnx,
    to_torchscript,
)
from airgraph_training.export_inputs import AXES, CHECK_SIZES, check_inputs, layout_of


@pytest.fixture(params=[0, 2], ids=["powers", "beams"])
def network(request):
    torch.manual_seed(0)
    network = WCGCN(WCGCNArchitecture(2, 6, request.param, (16, 16), 8, memory=3))
    network.standardise(torch.randn(50, 2), 3 * torch.randn(50, 6))
    return network.eval()


@pytest.mark.parametrize("seed", range(5))
def test_formats_agree(network, seed):
    assert check_agreement(network, to_onnx(network), to_torchscript(network), seed) <= 1e-5


def test_a_difference_is_refused(network):
    exported = to_onnx(network)
    with torch.no_grad():
        network.update_out.bias += 0.01
    with pytest.raises(ExportError, match="differ by"):
        check_agreement(network, exported, to_torchscript(network))


def test_isolated_nodes_and_single_pairs(network):
    session = onnx_session(to_onnx(network))
    rng = np.random.default_rng(0)
    for sizes in ((1,), (1, 4, 1)):
        table = build_row_table([random_graph(rng, size, 2, 6) for size in sizes])
        with torch.inference_mode():
            expected = network(*tensors(table)).numpy()
        np.testing.assert_allclose(run_onnx(session, table), expected, atol=1e-5)


def test_standardising_is_folded_into_constants(network):
    graph = onnx.load_from_string(to_onnx(network)).graph
    assert [value.name for value in graph.input] == ["node", "link", "neighbour", "rows", "connected"]
    assert [value.name for value in graph.output] == ["allocation"]
    # Per layer two products over the links and two over the nodes, and nothing else that multiplies.
    assert sum(node.op_type in ("Gemm", "MatMul") for node in graph.node) == 4 * 3


def aligned():
    torch.manual_seed(0)
    return AlignedArchitecture(hidden=8, steps=2).build().eval()


def test_a_difference_in_the_other_layout_is_refused():
    network = aligned()
    exported = to_onnx(network)
    with torch.no_grad():
        network.steps[1].update.bias += 0.01
    with pytest.raises(ExportError, match="differ by"):
        check_agreement(network, exported, to_torchscript(network))


def test_every_layout_is_exported_with_its_own_inputs(network):
    for each in (network, aligned()):
        graph = onnx.load_from_string(to_onnx(each)).graph
        names = {axis: extent for axis, extent in AXES[layout_of(each)].items()}
        assert [value.name for value in graph.input] == list(names)
        for value in graph.input:
            shape = value.type.tensor_type.shape.dim
            assert {i: dim.dim_param for i, dim in enumerate(shape) if dim.dim_param} == names[value.name]


def test_the_formats_are_compared_on_every_shape_of_the_layout(network):
    for each in (network, aligned()):
        joined = list(check_inputs(each, np.random.default_rng(0)))
        assert {union.sizes for union in joined} == set(CHECK_SIZES)
        extents = [tuple(array.shape[1:] for array in union.inputs().values()) for union in joined]
        # Each union in more than one shape: dense and in rows, or rows of several widths.
        assert len(set(extents)) > len(CHECK_SIZES)
