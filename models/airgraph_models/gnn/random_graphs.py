"""Random graphs of every layout, on which exports are traced and compared."""

from __future__ import annotations

import numpy as np

from airgraph_models.problems.chain_blocks import Chains
from airgraph_models.problems.gain_blocks import DenseGains, GainGraph, SparseGains
from airgraph_models.problems.gram_blocks import DenseUsers
from airgraph_models.problems.row_table import LinkGraph

LARGEST_LEVEL = 12.0
"""Of the natural logarithm of random gains: 52 dB."""


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
