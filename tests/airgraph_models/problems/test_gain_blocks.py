"""The blocks hold exactly the links of each instance: sums over them are plain matrix products."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import dense_twin, power_controls, random_power_control, seeds

from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_models.problems.gain_blocks import ROW_WIDTH, DenseGains, SparseGains, build_gain_blocks, in_rows
from airgraph_models.problems.layouts import GAIN_BLOCKS
from airgraph_models.problems.power_control_gains import LARGEST_SNR, gain_statistics, power_control_gains


def node_features(rng, nodes):
    return rng.uniform(size=(nodes, 2)).astype(np.float32)


def dense_gains(seed, nodes):
    rng = np.random.default_rng(seed)
    gain = rng.exponential(size=(nodes, nodes)).astype(np.float32)
    np.fill_diagonal(gain, 0.0)
    return DenseGains(node_features(rng, nodes), gain)


def sparse_gains(seed, nodes, density):
    """Some links in one direction only, some nodes without any."""
    rng = np.random.default_rng(seed)
    gain = rng.exponential(size=(nodes, nodes)) * (rng.uniform(size=(nodes, nodes)) < density)
    np.fill_diagonal(gain, 0.0)
    receiver, neighbour = np.nonzero((gain > 0) | (gain.T > 0))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(receiver, minlength=nodes))])
    both = np.stack([gain[receiver, neighbour], gain[neighbour, receiver]], axis=-1).astype(np.float32)
    return SparseGains(node_features(rng, nodes), offsets, neighbour, both)


def matrix(graph):
    """``[N, N]`` gains, receiver first."""
    if isinstance(graph, DenseGains):
        return graph.gain.astype(float)
    gain = np.zeros((graph.nodes, graph.nodes))
    gain[np.repeat(np.arange(graph.nodes), np.diff(graph.offsets)), graph.neighbour] = graph.gain[:, 0]
    return gain


def block_sums(gains, values, blocks):
    results = np.matmul(gains.astype(float), values[blocks.source])
    return results.reshape(-1, values.shape[1])[blocks.place].sum(axis=1)


def assert_sums_are_those_of_each_graph_alone(graphs):
    blocks = build_gain_blocks(graphs)
    assert blocks.sizes == tuple(graph.nodes for graph in graphs)
    np.testing.assert_array_equal(blocks.node, np.concatenate([graph.node for graph in graphs]))
    values = np.random.default_rng(0).standard_normal((sum(blocks.sizes), 3))
    heard, caused = (block_sums(gains, values, blocks) for gains in (blocks.heard, blocks.caused))
    parts = zip(graphs, blocks.split(values), blocks.split(heard), blocks.split(caused), strict=True)
    for graph, own, sum_heard, sum_caused in parts:
        gain = matrix(graph)
        np.testing.assert_allclose(sum_heard, gain @ own, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(sum_caused, gain.T @ own, rtol=1e-9, atol=1e-12)


dense_graphs = st.builds(dense_gains, seeds, st.integers(1, 12))
sparse_graphs = st.builds(sparse_gains, seeds, st.integers(1, 30), st.sampled_from([0.0, 0.1, 0.5, 1.0]))


@given(st.lists(dense_graphs, min_size=1, max_size=4))
def test_sums_over_a_union_of_dense_graphs(graphs):
    assert_sums_are_those_of_each_graph_alone(graphs)


@given(st.lists(sparse_graphs, min_size=1, max_size=4))
def test_sums_over_a_union_of_sparse_graphs(graphs):
    assert_sums_are_those_of_each_graph_alone(graphs)


@given(st.lists(st.one_of(dense_graphs, sparse_graphs), min_size=2, max_size=5))
def test_sums_over_a_mixture(graphs):
    assert_sums_are_those_of_each_graph_alone(graphs)


def test_isolated_nodes_and_single_pairs_sum_to_nothing():
    lonely = sparse_gains(0, 4, 0.0)
    for graphs in ([lonely], [dense_gains(1, 1)], [lonely, dense_gains(1, 1)], [dense_gains(1, 1), dense_gains(2, 1)]):
        blocks = build_gain_blocks(graphs)
        ones = np.ones((sum(blocks.sizes), 1))
        assert not block_sums(blocks.heard, ones, blocks).any()
        assert not block_sums(blocks.caused, ones, blocks).any()


@given(dense_graphs, seeds)
def test_a_dense_graph_and_the_same_in_rows_give_the_same_sums(graph, seed):
    values = np.random.default_rng(seed).standard_normal((graph.nodes, 3))
    listed = in_rows(graph)
    assert (listed.nodes, listed.links) == (graph.nodes, graph.links)
    np.testing.assert_array_equal(matrix(listed), graph.gain)
    stacked, rows = build_gain_blocks([graph]), build_gain_blocks([listed])
    for name in ("heard", "caused"):
        np.testing.assert_allclose(
            block_sums(getattr(rows, name), values, rows),
            block_sums(getattr(stacked, name), values, stacked),
            rtol=1e-9,
            atol=1e-12,
        )


@given(st.lists(st.one_of(dense_graphs, sparse_graphs), min_size=1, max_size=5))
def test_padding_carries_no_gain_and_points_to_nodes_that_exist(graphs):
    blocks = build_gain_blocks(graphs)
    results = blocks.heard.shape[0] * blocks.heard.shape[1]
    assert blocks.heard.shape == blocks.caused.shape
    assert blocks.source.shape == (blocks.heard.shape[0], blocks.heard.shape[2])
    assert (blocks.source.min(), blocks.place.min()) >= (0, 0)
    assert blocks.source.max() < sum(blocks.sizes)
    assert blocks.place.max() < results
    # All that is left beside the links is zero, in both directions.
    links = [matrix(graph) for graph in graphs]
    assert np.count_nonzero(blocks.heard) == sum(np.count_nonzero(gain) for gain in links)
    assert np.count_nonzero(blocks.caused) == sum(np.count_nonzero(gain) for gain in links)
    # The results that more than one node takes are silent, of nodes that are only there to fill up too.
    for inputs in (blocks.inputs(), blocks.padded()):
        taken, times = np.unique(inputs["place"], return_counts=True)
        heard = inputs["heard"].reshape(-1, inputs["heard"].shape[2])
        assert not heard[taken[times > 1]].any()
        assert not heard[inputs["place"][sum(blocks.sizes) :]].any()


def test_a_dense_union_is_as_large_as_its_largest_and_a_row_as_wide_as_it_needs():
    assert build_gain_blocks([dense_gains(0, 5), dense_gains(1, 9)]).heard.shape == (2, 9, 9)
    assert build_gain_blocks([dense_gains(seed, pairs) for seed, pairs in enumerate((5, 9, 2, 2, 7))]).heard.shape == (
        3,
        9,
        9,
    )
    assert build_gain_blocks([in_rows(dense_gains(0, 4))]).heard.shape[2] == 3
    assert build_gain_blocks([in_rows(dense_gains(0, 30))]).heard.shape[2] == ROW_WIDTH


@given(power_controls())
def test_an_instance_shows_its_ratios_to_the_noise(instance):
    dense = instance if instance.links is None else dense_twin(instance)
    snr = dense.gain * dense.max_power / dense.noise_power[:, None]
    graph = power_control_gains(instance)
    np.testing.assert_allclose(graph.node[:, 0], snr.diagonal(), rtol=1e-6)
    np.testing.assert_allclose(graph.node[:, 1], instance.weights / instance.weights.max(), rtol=1e-6)
    np.testing.assert_allclose(matrix(graph), snr * ~np.eye(instance.size, dtype=bool), rtol=1e-6)


@given(seeds, st.integers(1, 12), st.floats(-10, 60))
def test_a_sparse_instance_and_its_dense_twin_look_the_same(seed, nodes, snr_db):
    instance = random_power_control(seed, nodes, sparse=True, weighted=True, snr_db=snr_db)
    sparse, dense = power_control_gains(instance), power_control_gains(dense_twin(instance))
    assert isinstance(sparse, SparseGains)
    assert isinstance(dense, DenseGains)
    np.testing.assert_allclose(sparse.node, dense.node, rtol=1e-6)
    np.testing.assert_allclose(matrix(sparse), dense.gain, rtol=1e-6)
    values = np.random.default_rng(seed).uniform(size=(nodes, 2))
    listed, stacked = build_gain_blocks([sparse]), build_gain_blocks([dense])
    for name in ("heard", "caused"):
        np.testing.assert_allclose(
            block_sums(getattr(listed, name), values, listed),
            block_sums(getattr(stacked, name), values, stacked),
            rtol=1e-6,
        )
    mine, theirs = gain_statistics(sparse), gain_statistics(dense)
    for name in ("direct_level", "interference_level"):
        assert mine[name] == pytest.approx(theirs[name], rel=1e-5)


@given(seeds, st.integers(1, 15))
def test_the_statistics_are_the_same_in_rows_and_what_they_are_called(seed, nodes):
    instance = random_power_control(seed, nodes)
    graph = power_control_gains(instance)
    statistics = POWER_CONTROL.view(instance, GAIN_BLOCKS).statistics
    listed = gain_statistics(in_rows(graph))
    assert statistics == pytest.approx(listed, rel=1e-5)
    snr = instance.gain * instance.max_power / instance.noise_power[:, None]
    heard = snr.sum(axis=1) - snr.diagonal()
    assert statistics["interference_level"] == pytest.approx(np.log1p(heard).mean(), rel=1e-4, abs=1e-6)
    assert statistics["links_per_node"] == nodes - 1
    if nodes % 2:
        assert statistics["direct_level"] == pytest.approx(np.median(np.log1p(snr.diagonal())), rel=1e-5)
    else:
        low, high = np.sort(np.log1p(snr.diagonal()))[nodes // 2 - 1 : nodes // 2 + 1] * (1 - 1e-5, 1 + 1e-5)
        assert low <= statistics["direct_level"] <= high


@pytest.mark.parametrize("sparse", [False, True])
def test_a_receiver_next_to_its_transmitter_stays_within_single_precision(sparse):
    plain = random_power_control(3, 5, sparse=sparse)
    near = plain.gain.copy()
    near.flat[:2] = 1e25
    graph = power_control_gains(PowerControl.create(near, links=plain.links))
    largest = max(graph.node[:, 0].max(), graph.gain.max())
    assert largest == np.float32(LARGEST_SNR)
    with np.errstate(over="raise"):
        assert np.isfinite(np.float32(largest) * np.float32(largest))
    assert all(np.isfinite(value) for value in gain_statistics(graph).values())


def test_no_weight_at_all_is_shown_as_none():
    graph = power_control_gains(PowerControl.create(np.ones((3, 3)), weights=0.0))
    np.testing.assert_array_equal(graph.node[:, 1], 0.0)
