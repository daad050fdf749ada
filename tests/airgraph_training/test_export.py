"""Eager, ONNX and TorchScript agree, or nothing is written."""

import numpy as np
import onnx
import pytest
import torch

from airgraph_models.gnn.wcgcn import WCGCN, WCGCNArchitecture
from airgraph_models.problems.row_table import build_row_table
from airgraph_training.export import (
    ExportError,
    check_agreement,
    onnx_session,
    random_graph,
    run_onnx,
    tensors,
    to_onnx,
    to_torchscript,
)


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
