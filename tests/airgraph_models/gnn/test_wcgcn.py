"""The network is equation (11) of paper 001, whatever the layout, and knows nothing of the order of the nodes."""

import numpy as np
import pytest
import torch

from airgraph_models.gnn.random_graphs import random_graph
from airgraph_models.gnn.wcgcn import WCGCN, WCGCNArchitecture
from airgraph_models.gnn.wcgcn_reference import WCGCNReference, edge_list
from airgraph_models.problems.row_table import LinkGraph, build_row_table
from airgraph_training.export import tensors

NODE, LINK = 2, 6
ARCHITECTURES = {
    "powers": WCGCNArchitecture(NODE, LINK, 0, (16, 24), 12),
    "powers with memory": WCGCNArchitecture(NODE, LINK, 0, (16, 24), 12, memory=5),
    "beams": WCGCNArchitecture(NODE, LINK, 2, (16, 24), 12),
    "beams with memory": WCGCNArchitecture(NODE, LINK, 2, (16, 24), 12, memory=5, layers=4),
}


@pytest.fixture(params=list(ARCHITECTURES))
def network(request):
    torch.manual_seed(1)
    network = WCGCN(ARCHITECTURES[request.param])
    network.standardise(1 + 2 * torch.randn(50, NODE), 3 + torch.randn(50, LINK))
    return network.eval()


def answer(network, *graphs, row_width=None):
    with torch.no_grad():
        return network(*tensors(build_row_table(list(graphs), row_width))).numpy()


@pytest.mark.parametrize("nodes", [1, 2, 9, 40])
@pytest.mark.parametrize("row_width", [None, 1, 3])
def test_equals_the_message_passing_network(network, nodes, row_width):
    graph = random_graph(np.random.default_rng(nodes), nodes, NODE, LINK)
    with torch.no_grad():
        expected = WCGCNReference(network)(*edge_list(graph)).numpy()
    np.testing.assert_allclose(answer(network, graph, row_width=row_width), expected, atol=1e-5)


def test_allocations_are_feasible(network):
    output = answer(network, random_graph(np.random.default_rng(0), 60, NODE, LINK))
    assert np.linalg.norm(output, axis=1).max() <= 1 + 1e-6
    if output.shape[1] == 1:
        assert output.min() >= 0


def test_renumbered_nodes_get_the_same_answer(network):
    rng = np.random.default_rng(3)
    graph = random_graph(rng, 17, NODE, LINK)
    order = rng.permutation(graph.nodes)
    position = np.argsort(order)
    degree = np.diff(graph.offsets)
    entries = np.concatenate([np.arange(graph.offsets[i], graph.offsets[i + 1]) for i in order])
    renumbered = LinkGraph(
        offsets=np.concatenate([[0], np.cumsum(degree[order])]),
        neighbour=position[graph.neighbour[entries]],
        link=graph.link[entries],
        node=graph.node[order],
    )
    np.testing.assert_allclose(answer(network, renumbered), answer(network, graph)[order], atol=1e-5)


def test_a_union_answers_as_its_parts(network):
    rng = np.random.default_rng(4)
    graphs = [random_graph(rng, size, NODE, LINK) for size in (5, 1, 23, 2)]
    alone = np.concatenate([answer(network, graph) for graph in graphs])
    np.testing.assert_allclose(answer(network, *graphs), alone, atol=1e-5)


def test_features_count_relative_to_the_training_set(network):
    graph = random_graph(np.random.default_rng(5), 8, NODE, LINK)
    shifted = LinkGraph(graph.offsets, graph.neighbour, 10 * graph.link + 4, 10 * graph.node + 4)
    before = answer(network, graph)
    for name in ("node", "link"):
        getattr(network, f"{name}_mean").mul_(10).add_(4)
        getattr(network, f"{name}_std").mul_(10)
    np.testing.assert_allclose(answer(network, shifted), before, atol=1e-4)


def test_a_beam_of_zero_has_a_finite_gradient(network):
    raw = torch.zeros(3, network.start.shape[1], requires_grad=True)
    network.project(raw).sum().backward()
    assert torch.isfinite(raw.grad).all()
