"""The graph layout that the exported networks read: a two-level neighbour table.

A node's links are cut into *rows* of ``W`` slots; a slot that has no link left repeats the node's last
one, which changes nothing because the networks aggregate with a maximum. A second table lists each
node's rows, padded the same way. So a hub costs a few more rows instead of widening every node's table,
instances of different sizes stack into one disjoint union, and all products run on contiguous blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.padded_shapes import pad, padded_extent

Float32Array = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.int64]

DEFAULT_ROW_WIDTH = 6
"""Slots a row where degrees differ: about W/2 slots are padding per node, against one gather a row. Of 4 to 24, 6 was
fastest or next to it, on 36,000 links of degree 36 and on a union of 64 instances of 5 to 50 pairs."""


@dataclass(frozen=True)
class LinkGraph:
    """Interference graph of one instance, in compressed sparse rows.

    Attributes:
        offsets: ``[N + 1]``; the links of node i are ``offsets[i] .. offsets[i + 1]``.
        neighbour: ``[E]``; the node at the other end of each link.
        link: ``[E, F]`` float32 link features.
        node: ``[N, F]`` float32 node features.
    """

    offsets: IndexArray
    neighbour: IndexArray
    link: Float32Array
    node: Float32Array

    @property
    def nodes(self) -> int:
        """Number of nodes N."""
        return int(self.node.shape[0])

    @property
    def links(self) -> int:
        """Number of links E."""
        return int(self.neighbour.size)


@dataclass(frozen=True)
class RowTable:
    """Network inputs for a disjoint union of graphs with N nodes in all.

    Attributes:
        node: ``[N, F]`` float32 node features.
        link: ``[R, W, F]`` float32 link features, by row and slot.
        neighbour: ``[R, W]`` int64, the neighbour's node index of each slot.
        rows: ``[N, C]`` int64, the rows of each node.
        connected: ``[N, 1]`` float32, 1 where the node has a link, else 0.
        sizes: Number of nodes of each graph, to split the answer.
    """

    node: Float32Array
    link: Float32Array
    neighbour: IndexArray
    rows: IndexArray
    connected: Float32Array
    sizes: tuple[int, ...]

    def inputs(self) -> dict[str, npt.NDArray[np.generic]]:
        """The tensors by the names the exported networks use."""
        return {
            "node": self.node,
            "link": self.link,
            "neighbour": self.neighbour,
            "rows": self.rows,
            "connected": self.connected,
        }

    def padded(self) -> dict[str, npt.NDArray[np.generic]]:
        """The same tensors, enlarged to a few shapes.

        New slots and new places of a node repeat its last, which no maximum notices; new rows belong to nobody, and
        new nodes have no links.
        """
        nodes, rows, width, places = (
            padded_extent(extent) for extent in (len(self.node), *self.neighbour.shape, self.rows.shape[1])
        )
        link, neighbour = self.link, self.neighbour
        if width > neighbour.shape[1]:
            slot = np.minimum(np.arange(width), neighbour.shape[1] - 1)
            link, neighbour = link[:, slot], neighbour[:, slot]
        place = np.minimum(np.arange(places), self.rows.shape[1] - 1)
        return {
            "node": pad(self.node, (nodes, self.node.shape[1])),
            "link": pad(link, (rows, width, link.shape[2])),
            "neighbour": pad(neighbour, (rows, width)),
            "rows": pad(self.rows[:, place], (nodes, places)),
            "connected": pad(self.connected, (nodes, 1)),
        }

    def split(self, output: npt.NDArray[np.generic]) -> list[npt.NDArray[np.generic]]:
        """Cuts a per-node output ``[N, ...]`` into one array a graph."""
        ends = list(accumulate(self.sizes))
        return [output[end - size : end] for size, end in zip(self.sizes, ends, strict=True)]


def build_row_table(graphs: Sequence[LinkGraph], row_width: int | None = None) -> RowTable:
    """Joins graphs into one disjoint union and lays it out in rows.

    Args:
        graphs: At least one graph; all with the same feature widths.
        row_width: Slots a row; by default the common degree where all degrees agree, else
            `DEFAULT_ROW_WIDTH`.
    """
    if len(graphs) == 1:
        union = graphs[0]
    else:
        first_node = np.cumsum([0] + [g.nodes for g in graphs])
        first_link = np.cumsum([0] + [g.neighbour.size for g in graphs])
        union = LinkGraph(
            offsets=np.concatenate(
                [g.offsets[:-1] + e for g, e in zip(graphs, first_link[:-1], strict=True)] + [first_link[-1:]]
            ),
            neighbour=np.concatenate([g.neighbour + n for g, n in zip(graphs, first_node[:-1], strict=True)]),
            link=np.concatenate([g.link for g in graphs]),
            node=np.concatenate([g.node for g in graphs]),
        )
    return _lay_out(union, tuple(g.nodes for g in graphs), row_width)


def _lay_out(graph: LinkGraph, sizes: tuple[int, ...], row_width: int | None) -> RowTable:
    degree = graph.offsets[1:] - graph.offsets[:-1]
    largest = int(np.maximum.reduce(degree))
    nodes = graph.nodes
    if largest == 0:
        return RowTable(
            node=graph.node,
            link=np.zeros((1, 1, graph.link.shape[1]), np.float32),
            neighbour=np.zeros((1, 1), np.int64),
            rows=np.zeros((nodes, 1), np.int64),
            connected=np.zeros((nodes, 1), np.float32),
            sizes=sizes,
        )
    if row_width is None and largest * nodes == graph.links:
        return RowTable(
            node=graph.node,
            link=graph.link.reshape(nodes, largest, -1),
            neighbour=graph.neighbour.reshape(nodes, largest),
            rows=np.arange(nodes, dtype=np.int64)[:, None],
            connected=np.ones((nodes, 1), np.float32),
            sizes=sizes,
        )
    width = row_width or min(DEFAULT_ROW_WIDTH, largest)
    count = (degree + (width - 1)) // width
    # Where each node's rows end, and begin.
    end_row = count.cumsum()
    first_row = end_row - count
    # Slot s of the table reads s places on from where its node's rows begin, and never past the node's last link.
    slots = count * width
    place = np.arange(int(end_row[-1]) * width)
    place += (graph.offsets[:-1] - width * first_row).repeat(slots)
    link = np.minimum(place, (graph.offsets[1:] - 1).repeat(slots), out=place).reshape(-1, width)
    # A node without links reads some row, whichever there is.
    last = np.maximum(end_row - 1, 0)
    return RowTable(
        node=graph.node,
        link=graph.link.take(link, axis=0),
        neighbour=graph.neighbour.take(link),
        rows=np.minimum(first_row[:, None] + np.arange(-(-largest // width)), last[:, None]),
        connected=(degree > 0).astype(np.float32)[:, None],
        sizes=sizes,
    )
