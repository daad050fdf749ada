"""Random inputs for every kind of network: to trace an export with, and to compare the formats on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from airgraph_models.gnn.aligned import AlignedGNN
from airgraph_models.gnn.gram import GramGNN
from airgraph_models.gnn.max_min import MaxMinGNN
from airgraph_models.gnn.unrolled_chains import UnrolledChains
from airgraph_models.gnn.wcgcn import WCGCN
from airgraph_models.problems.chain_blocks import Chains, build_chain_blocks
from airgraph_models.problems.gain_blocks import DenseGains, GainGraph, SparseGains, build_gain_blocks
from airgraph_models.problems.gram_blocks import DenseUsers, build_gram_blocks
from airgraph_models.problems.layouts import CHAIN_BLOCKS, GAIN_BLOCKS, GRAM_BLOCKS, ROW_TABLE, JoinedGraphs
from airgraph_models.problems.row_table import LinkGraph, build_row_table

GraphNetwork = WCGCN | AlignedGNN | GramGNN | MaxMinGNN | UnrolledChains

AXES: dict[str, dict[str, dict[int, str]]] = {
    ROW_TABLE: {
        "node": {0: "N"},
        "link": {0: "R", 1: "W"},
        "neighbour": {0: "R", 1: "W"},
        "rows": {0: "N", 1: "C"},
        "connected": {0: "N"},
    },
    GAIN_BLOCKS: {
        "node": {0: "N"},
        "heard": {0: "B", 1: "R", 2: "S"},
        "caused": {0: "B", 1: "R", 2: "S"},
        "source": {0: "B", 1: "S"},
        "place": {0: "N", 1: "C"},
    },
    GRAM_BLOCKS: {
        "user": {0: "B", 1: "K"},
        "pair": {0: "B", 1: "K", 2: "K"},
        "present": {0: "B", 1: "K"},
        "place": {0: "N"},
    },
    CHAIN_BLOCKS: {"block": {0: "C", 2: "L", 3: "S"}, "place": {0: "N"}},
}
"""Inputs of a layout in the order of the network's arguments, with the extents that vary."""
CHECK_SIZES = ((1,), (2,), (7,), (24,), (3, 1, 11))
LARGEST_LEVEL = 12.0
"""Of the natural logarithm of random gains: 52 dB."""


def layout_of(network: GraphNetwork) -> str:
    """Name of the layout that a network reads."""
    if isinstance(network, UnrolledChains):
        return CHAIN_BLOCKS
    if isinstance(network, GramGNN | MaxMinGNN):
        return GRAM_BLOCKS
    return ROW_TABLE if isinstance(network, WCGCN) else GAIN_BLOCKS


def _random_links(rng: np.random.Generator, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Offsets and neighbours of a random graph with isolated nodes and nodes of many links among its ``nodes``."""
    joined = rng.random((nodes, nodes)) < rng.random((nodes, 1))
    np.fill_diagonal(joined, False)
    offsets = np.concatenate([[0], np.cumsum(joined.sum(axis=1))])
    return offsets.astype(np.int64), np.nonzero(joined)[1].astype(np.int64)


def random_graph(rng: np.random.Generator, nodes: int, node_features: int, link_features: int) -> LinkGraph:
    """A random graph with isolated nodes and nodes of many links among its ``nodes``."""
    offsets, neighbour = _random_links(rng, nodes)
    link = rng.normal(1.0, 2.0, (neighbour.size, link_features)).astype(np.float32)
    node = rng.normal(1.0, 2.0, (nodes, node_features)).astype(np.float32)
    return LinkGraph(offsets, neighbour, link, node)


def random_gains(rng: np.random.Generator, nodes: int, *, dense: bool) -> GainGraph:
    """Random gains over five orders of magnitude, all links or those of a random graph."""

    def gains(*shape: int) -> np.ndarray:
        return np.exp(rng.uniform(-2.0, LARGEST_LEVEL, shape)).astype(np.float32)

    node = np.stack([gains(nodes), rng.uniform(0.0, 1.0, nodes).astype(np.float32)], axis=-1)
    if dense:
        gain = gains(nodes, nodes)
        np.fill_diagonal(gain, 0.0)
        return DenseGains(node, gain)
    offsets, neighbour = _random_links(rng, nodes)
    return SparseGains(node, offsets, neighbour, gains(neighbour.size, 2))


def random_users(rng: np.random.Generator, users: int, user_features: int, pair_features: int) -> DenseUsers:
    """Random users, with correlations in 0..1."""
    user = rng.normal(0.5, 0.5, (users, user_features)).astype(np.float32)
    pair = rng.uniform(0.0, 1.0, (users, users, pair_features)).astype(np.float32)
    pair[np.arange(users), np.arange(users)] = 0.0
    return DenseUsers(user, pair)


def random_couplings(rng: np.random.Generator, users: int) -> DenseUsers:
    """Random users whose noise and couplings lie within four orders of magnitude."""
    pair = np.exp(rng.uniform(-9.0, 0.0, (users, users, 1))).astype(np.float32)
    pair[np.arange(users), np.arange(users)] = 0.0
    return DenseUsers(np.exp(rng.uniform(-9.0, 0.0, (users, 2))).astype(np.float32), pair)


def random_chains(rng: np.random.Generator, antennas: int) -> Chains:
    """Two chains of random blocks, of as many streams as antennas but three at most."""
    pair = rng.standard_normal((2, 2, antennas, min(antennas, 3))).astype(np.float32)
    real, imag = np.stack([pair[0], -pair[1]], axis=-1), np.stack([pair[1], pair[0]], axis=-1)
    return Chains(np.stack([real, imag], axis=1))


def example_input(network: GraphNetwork) -> JoinedGraphs:
    """One union to trace with; every extent is larger than one."""
    return next(check_inputs(network, np.random.default_rng(0), ((9, 4),)))


def check_inputs(
    network: GraphNetwork, rng: np.random.Generator, sizes: tuple[tuple[int, ...], ...] = CHECK_SIZES
) -> Iterator[JoinedGraphs]:
    """Unions of every shape that the layout knows."""
    for union in sizes:
        if isinstance(network, WCGCN):
            widths = network.node_mean.numel(), network.link_mean.numel()
            for width in (None, 1, 5):
                yield build_row_table([random_graph(rng, size, *widths) for size in union], width)
        elif isinstance(network, GramGNN):
            features = network.features
            yield build_gram_blocks([random_users(rng, size, *features) for size in union])
        elif isinstance(network, UnrolledChains):
            yield build_chain_blocks([random_chains(rng, size) for size in union])
        elif isinstance(network, MaxMinGNN):
            yield build_gram_blocks([random_couplings(rng, size) for size in union])
        else:
            for dense in (True, False):
                yield build_gain_blocks([random_gains(rng, size, dense=dense) for size in union])
