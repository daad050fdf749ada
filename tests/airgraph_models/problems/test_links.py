import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import seeds

from airgraph_models.problems.links import TABLE_NODES, dense_neighbours, sparse_neighbours


def scattered(seed, nodes, links):
    """Links between different nodes and of nodes to themselves, in no order."""
    rng = np.random.default_rng(seed)
    pair = rng.choice(nodes * nodes, min(links, nodes * nodes), replace=False)
    return pair // nodes, pair % nodes


# Few nodes have their pairs in a table, many nodes in rows.
@pytest.mark.parametrize(("nodes", "links"), [(1, 1), (12, 0), (12, 60), (TABLE_NODES + 1, 0), (TABLE_NODES + 1, 3000)])
@given(seed=seeds, listed=st.booleans())
def test_each_node_has_its_neighbours_in_order_with_both_links(nodes, links, seed, listed):
    receiver, transmitter = scattered(seed, nodes, links)
    if listed:
        order = np.lexsort((transmitter, receiver))
        receiver, transmitter = receiver[order], transmitter[order]
    link = {(i, j): e for e, (i, j) in enumerate(zip(receiver.tolist(), transmitter.tolist(), strict=True))}
    near = [set() for _ in range(nodes)]
    for i, j in link:
        if i != j:
            near[i].add(j)
            near[j].add(i)
    around = sparse_neighbours(receiver, transmitter, nodes)
    assert len(around.offsets) == nodes + 1
    for i in range(nodes):
        mine = slice(around.offsets[i], around.offsets[i + 1])
        expected = sorted(near[i])
        assert around.neighbour[mine].tolist() == expected
        assert around.both[mine].tolist() == [[link.get((i, j), -1), link.get((j, i), -1)] for j in expected]


@pytest.mark.parametrize("nodes", [1, 2, 9])
def test_links_between_all_make_the_dense_graph(nodes):
    receiver, transmitter = (index.reshape(-1) for index in np.indices((nodes, nodes)))
    sparse, dense = sparse_neighbours(receiver, transmitter, nodes), dense_neighbours(nodes)
    for part in ("offsets", "neighbour", "both"):
        np.testing.assert_array_equal(getattr(sparse, part), getattr(dense, part))


@pytest.mark.parametrize("nodes", [1, 30, TABLE_NODES + 1])
def test_nodes_that_hear_only_themselves_have_no_neighbours(nodes):
    around = sparse_neighbours(np.arange(nodes), np.arange(nodes), nodes)
    assert around.offsets.tolist() == [0] * (nodes + 1)
    assert around.neighbour.shape == (0,)
    assert around.both.shape == (0, 2)
