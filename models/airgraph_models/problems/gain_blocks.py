"""The layout that sum-aggregating networks read: linear gains in dense blocks.

Block b holds the gains between some receivers and the transmitters that they share: the whole matrix of a dense
instance is one block, a row of W links of one receiver of a sparse instance is one too. One message passing is then a
batched matrix product over the blocks, whatever the mixture: for 200 pairs that all hear each other some fifteen
times as fast as one gather a link. Slots and rows without a link hold a gain of zero, which adds nothing to a sum.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.padded_shapes import pad, padded_extent
from airgraph_models.problems.row_table import Float32Array, IndexArray

ROW_WIDTH = 8
"""Slots a row of sparse graphs, where degrees differ."""


@dataclass(frozen=True)
class DenseGains:
    """One instance whose pairs all hear each other.

    Attributes:
        node: ``[K, F]`` float32 node features.
        gain: ``[K, K]`` float32, receiver first, zero on the diagonal.
    """

    node: Float32Array
    gain: Float32Array

    @property
    def nodes(self) -> int:
        """Number of pairs K."""
        return int(self.node.shape[0])

    @property
    def links(self) -> int:
        """Interfering links, one a direction."""
        return self.nodes * (self.nodes - 1)


@dataclass(frozen=True)
class SparseGains:
    """One instance in compressed sparse rows.

    Attributes:
        node: ``[N, F]`` float32 node features.
        offsets: ``[N + 1]``; the links of node i are ``offsets[i] .. offsets[i + 1]``.
        neighbour: ``[E]``; the node at the other end of each link.
        gain: ``[E, 2]`` float32, what the node hears of the neighbour and what it causes there.
    """

    node: Float32Array
    offsets: IndexArray
    neighbour: IndexArray
    gain: Float32Array

    @property
    def nodes(self) -> int:
        """Number of nodes N."""
        return int(self.node.shape[0])

    @property
    def links(self) -> int:
        """Number of links E."""
        return int(self.neighbour.size)


GainGraph = DenseGains | SparseGains


@dataclass(frozen=True)
class GainBlocks:
    """Network inputs for a disjoint union of graphs with N nodes in all.

    Attributes:
        node: ``[N, F]`` float32 node features.
        heard: ``[B, R, S]`` float32, gain from source s of block b to its receiver r.
        caused: ``[B, R, S]`` float32, gain from transmitter r of block b to the receiver of node s.
        source: ``[B, S]`` int64 node of each source.
        place: ``[N, C]`` int64, which of the B·R results belong to each node; they are added up. A result that several
            nodes have is zero.
        sizes: Number of nodes of each graph, to split the answer.
    """

    node: Float32Array
    heard: Float32Array
    caused: Float32Array
    source: IndexArray
    place: IndexArray
    sizes: tuple[int, ...]

    def inputs(self) -> dict[str, npt.NDArray[np.generic]]:
        """The tensors by the names the exported networks use."""
        return {
            "node": self.node,
            "heard": self.heard,
            "caused": self.caused,
            "source": self.source,
            "place": self.place,
        }

    def padded(self) -> dict[str, npt.NDArray[np.generic]]:
        """The same tensors, enlarged to a few shapes.

        New gains are zero. New nodes, and new places of a node, point at a result that nobody has, so at least one more
        receiver is made room for.
        """
        blocks, receivers, sources = self.heard.shape
        nodes, places = padded_extent(len(self.node)), padded_extent(self.place.shape[1])
        more_blocks, more_receivers, more_sources = padded_extent(blocks), receivers, padded_extent(sources)
        pointing = (nodes, places) != self.place.shape
        if receivers > 1:
            more_receivers = padded_extent(receivers + pointing)
        elif pointing:
            more_blocks = padded_extent(blocks + 1)
        shape = (more_blocks, more_receivers, more_sources)
        block, receiver = np.divmod(self.place, receivers)
        # The last result is of new rows only, wherever one is needed.
        silent = more_blocks * more_receivers - 1
        return {
            "node": pad(self.node, (nodes, self.node.shape[1])),
            "heard": pad(self.heard, shape),
            "caused": pad(self.caused, shape),
            "source": pad(self.source, (more_blocks, more_sources)),
            "place": pad(block * more_receivers + receiver, (nodes, places), silent),
        }

    def split(self, output: npt.NDArray[np.generic]) -> list[npt.NDArray[np.generic]]:
        """Cuts a per-node output ``[N, ...]`` into one array a graph."""
        ends = list(accumulate(self.sizes))
        return [output[end - size : end] for size, end in zip(self.sizes, ends, strict=True)]


def build_gain_blocks(graphs: Sequence[GainGraph]) -> GainBlocks:
    """Joins graphs into one disjoint union.

    Args:
        graphs: At least one graph. Dense ones share blocks as large as the largest of them; if one is sparse, all are
            laid out in rows.
    """
    dense = [graph for graph in graphs if isinstance(graph, DenseGains)]
    if len(dense) == len(graphs):
        return _stacked(dense)
    return _in_rows([in_rows(graph) if isinstance(graph, DenseGains) else graph for graph in graphs])


def in_rows(graph: DenseGains) -> SparseGains:
    """The same graph with its links listed."""
    nodes = graph.nodes
    receiver, neighbour = np.nonzero(~np.eye(nodes, dtype=bool))
    gain = np.stack([graph.gain[receiver, neighbour], graph.gain[neighbour, receiver]], axis=-1)
    return SparseGains(graph.node, np.arange(nodes + 1) * (nodes - 1), neighbour, gain)


def _stacked(graphs: Sequence[DenseGains]) -> GainBlocks:
    sizes = tuple(graph.nodes for graph in graphs)
    if len(graphs) == 1:
        return _alone(graphs[0].node, graphs[0].gain)
    gain = np.concatenate([graph.gain for graph in graphs], axis=None)
    return stack_matrices(np.concatenate([graph.node for graph in graphs]), gain, sizes)


def _alone(node: Float32Array, gain: Float32Array) -> GainBlocks:
    own = np.arange(len(gain))
    return GainBlocks(node, gain[None], np.ascontiguousarray(gain.T)[None], own[None], own[:, None], (len(gain),))


def stack_matrices(node: Float32Array, gain: Float32Array, sizes: Sequence[int]) -> GainBlocks:
    """Joins dense graphs whose matrices follow each other.

    Args:
        node: ``[N, F]`` features of the nodes of all graphs.
        gain: ``[sum K_i^2]`` entries of their matrices, row by row, as of `DenseGains`.
        sizes: Nodes K_i of each graph.
    """
    if len(sizes) == 1:
        return _alone(node, gain.reshape(sizes[0], sizes[0]))
    largest = max(sizes)
    starts = _starts(sizes)
    count = max(starts) // largest + 1
    heard = np.zeros((count, largest, largest), np.float32)
    taken = 0
    for start, size in zip(starts, sizes, strict=True):
        block, corner = divmod(start, largest)
        end = taken + size * size
        heard[block, corner : corner + size, corner : corner + size] = gain[taken:end].reshape(size, size)
        taken = end
    many = np.array(sizes)
    own = np.arange(len(node))
    place = own + (starts - many.cumsum() + many).repeat(many)
    source = np.zeros((count, largest), np.int64)
    source.reshape(-1)[place] = own
    caused = np.ascontiguousarray(heard.transpose(0, 2, 1))
    return GainBlocks(node, heard, caused, source, place[:, None], tuple(sizes))


def _starts(sizes: Sequence[int]) -> Sequence[int]:
    """The first of each graph's rows, of the rows of all blocks; a block has as many as the largest graph.

    The largest graph that is left starts a block, and the smallest fill it up.
    """
    largest = max(sizes)
    if largest < 2 * min(sizes):
        return range(0, len(sizes) * largest, largest)
    order = deque(sorted(range(len(sizes)), key=sizes.__getitem__))
    starts = [0] * len(sizes)
    block = 0
    while order:
        graph = order.pop()
        starts[graph], end = block, block + sizes[graph]
        block += largest
        while order and end + sizes[order[0]] <= block:
            graph = order.popleft()
            starts[graph], end = end, end + sizes[graph]
    return starts


def _in_rows(graphs: Sequence[SparseGains]) -> GainBlocks:
    first_node = np.cumsum([0] + [g.nodes for g in graphs])
    degree = np.concatenate([np.diff(g.offsets) for g in graphs])
    neighbour = np.concatenate([g.neighbour + n for g, n in zip(graphs, first_node[:-1], strict=True)])
    gain = np.concatenate([g.gain for g in graphs])
    nodes = int(degree.size)
    width = min(ROW_WIDTH, max(int(degree.max()), 1))
    count = -(-degree // width)
    first_row = np.cumsum(count) - count
    rows = int(count.sum())
    # One row more than there are links for: a silent one, which fills up the places of nodes with fewer rows.
    heard, caused = np.zeros((2, (rows + 1) * width), np.float32)
    source = np.zeros((rows + 1) * width, np.int64)
    links = int(neighbour.size)
    within = np.arange(links) - np.repeat(np.cumsum(degree) - degree, degree)
    slot = np.repeat(first_row * width, degree) + within
    heard[slot], caused[slot], source[slot] = gain[:, 0], gain[:, 1], neighbour
    column = np.arange(max(int(count.max()), 1))
    place = np.where(column < count[:, None], first_row[:, None] + column, rows)
    return GainBlocks(
        node=np.concatenate([g.node for g in graphs]),
        heard=heard.reshape(-1, 1, width),
        caused=caused.reshape(-1, 1, width),
        source=source.reshape(-1, width),
        place=place.reshape(nodes, -1),
        sizes=tuple(g.nodes for g in graphs),
    )
