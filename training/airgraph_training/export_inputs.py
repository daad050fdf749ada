"""Random inputs for every kind of network: to trace an export with, and to compare the formats on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from airgraph_models.gnn.graph_network import GraphNetwork
from airgraph_models.problems.layouts import (
    CHAIN_BLOCKS,
    GAIN_BLOCKS,
    GRAM_BLOCKS,
    LAYOUTS,
    ROW_TABLE,
    Join,
    JoinedGraphs,
)
from airgraph_models.problems.row_table import build_row_table

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
SHAPES: dict[str, tuple[Join, ...]] = {
    ROW_TABLE: tuple(partial(build_row_table, row_width=width) for width in (None, 1, 5))
}
"""Ways to lay the same graphs out, where a layout has several."""
CHECK_SIZES = ((1,), (2,), (7,), (24,), (3, 1, 11))


def layout_of(network: GraphNetwork) -> str:
    """Name of the layout that a network reads."""
    return network.architecture.layout


def example_input(network: GraphNetwork) -> JoinedGraphs:
    """One union to trace with; every extent is larger than one."""
    return next(check_inputs(network, np.random.default_rng(0), ((9, 4),)))


def check_inputs(
    network: GraphNetwork, rng: np.random.Generator, sizes: tuple[tuple[int, ...], ...] = CHECK_SIZES
) -> Iterator[JoinedGraphs]:
    """Unions of every shape that the layout knows, of every kind of graph that the network reads."""
    layout = layout_of(network)
    for union in sizes:
        drawn = [network.random_graphs(rng, nodes) for nodes in union]
        for graphs in zip(*drawn, strict=True):
            for join in SHAPES.get(layout, (LAYOUTS[layout],)):
                yield join(graphs)
