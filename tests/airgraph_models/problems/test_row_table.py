import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import seeds

from airgraph_models.problems.row_table import LinkGraph, build_row_table


def random_graph(seed, nodes, density):
    rng = np.random.default_rng(seed)
    adjacent = (rng.uniform(size=(nodes, nodes)) < density) & ~np.eye(nodes, dtype=bool)
    neighbour = np.nonzero(adjacent)[1]
    return LinkGraph(
        offsets=np.concatenate([[0], np.cumsum(adjacent.sum(axis=1))]),
        neighbour=neighbour,
        link=rng.standard_normal((neighbour.size, 3)).astype(np.float32),
        node=rng.standard_normal((nodes, 2)).astype(np.float32),
    )


def links_of(table, node):
    found = set()
    for row in table.rows[node]:
        for slot in range(table.neighbour.shape[1]):
            found.add((int(table.neighbour[row, slot]), *table.link[row, slot].tolist()))
    return found


@given(
    st.lists(st.tuples(seeds, st.integers(1, 12), st.sampled_from([0.0, 0.2, 0.7, 1.0])), min_size=1, max_size=4),
    st.one_of(st.none(), st.integers(1, 5)),
)
def test_each_node_sees_exactly_its_own_links_in_the_union(parts, width):
    graphs = [random_graph(*part) for part in parts]
    table = build_row_table(graphs, width)
    assert table.sizes == tuple(graph.nodes for graph in graphs)
    first = 0
    for graph in graphs:
        for node in range(graph.nodes):
            own = slice(graph.offsets[node], graph.offsets[node + 1])
            expected = {
                (int(j) + first, *features.tolist())
                for j, features in zip(graph.neighbour[own], graph.link[own], strict=True)
            }
            assert table.connected[first + node, 0] == bool(expected)
            if expected:
                assert links_of(table, first + node) == expected
        first += graph.nodes
    assert table.rows.max() < len(table.neighbour)
    np.testing.assert_array_equal(table.node, np.concatenate([graph.node for graph in graphs]))


def test_splitting_returns_each_graphs_rows():
    table = build_row_table([random_graph(0, 3, 1.0), random_graph(1, 5, 1.0)])
    parts = table.split(np.arange(8)[:, None])
    assert [part[:, 0].tolist() for part in parts] == [[0, 1, 2], [3, 4, 5, 6, 7]]


@pytest.mark.parametrize("nodes", [2, 50])
def test_equal_degrees_need_no_padding(nodes):
    table = build_row_table([random_graph(2, nodes, 1.0)])
    assert table.neighbour.shape == (nodes, nodes - 1)
    assert table.rows.shape == (nodes, 1)
