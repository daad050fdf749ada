"""Sparse links: which receiver hears which transmitter, one entry a link."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import sparse

from airgraph_models.problems.errors import InvalidInstanceError
from airgraph_models.problems.validation import indices, require, shape_text

IndexArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Links:
    """Index pairs of the channels that are not zero.

    Attributes:
        receiver: ``[E]`` int64.
        transmitter: ``[E]`` int64.
        receivers: Number of receivers K.
        transmitters: Number of transmitters J.
    """

    receiver: IndexArray
    transmitter: IndexArray
    receivers: int
    transmitters: int

    @classmethod
    def create(cls, receiver: npt.ArrayLike, transmitter: npt.ArrayLike, receivers: int, transmitters: int) -> Links:
        """Checks the indices.

        Raises:
            InvalidInstanceError: No receivers or transmitters, an index out of range, arrays of different
                lengths, or the same (receiver, transmitter) pair twice.
        """
        require(receivers > 0, "num_receivers", "at least 1", str(receivers))
        require(transmitters > 0, "num_transmitters", "at least 1", str(transmitters))
        receiver = np.asarray(receiver)
        shape = receiver.shape
        if len(shape) != 1:
            raise InvalidInstanceError("receiver", "shape [E]", f"shape {shape_text(shape)}")
        rx = indices("receiver", receiver, shape, receivers)
        tx = indices("transmitter", transmitter, shape, transmitters)
        pair = rx * transmitters + tx
        # Listed receiver by receiver, as most are, they are seen to differ at a glance.
        if not (pair[1:] > pair[:-1]).all():
            pair.sort()
            twice = pair[1:][pair[1:] == pair[:-1]]
            if twice.size:
                row = int(twice[0]) // transmitters
                raise InvalidInstanceError(
                    "receiver", "each (receiver, transmitter) pair once", f"a pair of {row} twice"
                )
        return cls(rx, tx, receivers, transmitters)

    @property
    def count(self) -> int:
        """Number of links E."""
        return int(self.receiver.size)

    def direct(self, serving: IndexArray) -> IndexArray:
        """Index of each receiver's link from its serving transmitter ``[K]``, -1 where there is none."""
        position = np.full(self.receivers, -1, np.int64)
        own = np.flatnonzero(self.transmitter == serving[self.receiver])
        position[self.receiver[own]] = own
        return position


@dataclass(frozen=True)
class Neighbours:
    """For each node its neighbours, with the link in either direction (-1: none).

    Attributes:
        offsets: ``[N + 1]`` row offsets.
        neighbour: ``[E]`` node index j.
        both: ``[E, 2]`` index of the link j's transmitter -> node's receiver (interference heard), and of the link
            node's transmitter -> j's receiver (interference caused).
    """

    offsets: IndexArray
    neighbour: IndexArray
    both: IndexArray


LARGEST_KEPT = 128
"""Nodes up to which the index arrays of dense graphs are kept: at most 0.4 MB a size."""


def dense_neighbours(nodes: int) -> Neighbours:
    """Everybody hears everybody: link index = receiver * nodes + transmitter."""
    return _kept_neighbours(nodes) if nodes <= LARGEST_KEPT else _all_pairs(nodes)


@lru_cache(maxsize=LARGEST_KEPT)
def _kept_neighbours(nodes: int) -> Neighbours:
    return _all_pairs(nodes)


def _all_pairs(nodes: int) -> Neighbours:
    receiver = np.repeat(np.arange(nodes), nodes - 1)
    # Column c of row i is node c before the diagonal and node c + 1 after it.
    column = np.tile(np.arange(nodes - 1), nodes)
    transmitter = column + (column >= receiver)
    return Neighbours(
        offsets=np.arange(nodes + 1) * (nodes - 1),
        neighbour=transmitter,
        both=np.stack([receiver * nodes + transmitter, transmitter * nodes + receiver], axis=-1),
    )


TABLE_NODES = 300
"""Nodes up to which all pairs are laid out in a table: 0.7 MB, which a core keeps near itself. For 100 nodes with a
quarter of the pairs linked it takes a third of the time of sparse rows; far beyond, clearing it takes longer."""


def sparse_neighbours(receiver: IndexArray, transmitter: IndexArray, nodes: int) -> Neighbours:
    """Joins the two directions of each pair of nodes with a link between them.

    Args:
        receiver: ``[E]`` receiving node.
        transmitter: ``[E]`` transmitting node.
        nodes: Number of nodes N (one transmitter and one receiver each).
    """
    join = _from_table if nodes <= TABLE_NODES else _from_rows
    return join(receiver, transmitter, nodes)


def _from_table(receiver: IndexArray, transmitter: IndexArray, nodes: int) -> Neighbours:
    """A table of all pairs; nothing is sorted."""
    number = np.arange(receiver.size, dtype=np.int32)
    # For each pair, index of the incoming link, and of the outgoing one; two that are missing read as one -1 too.
    either = np.full(nodes * nodes, -1)
    links = either.view(np.int32).reshape(-1, 2)
    links[:, 0][receiver * nodes + transmitter] = number
    links[:, 1][transmitter * nodes + receiver] = number
    either[:: nodes + 1] = -1
    (pair,) = (either != -1).nonzero()
    starts = np.arange(0, nodes * nodes + 1, nodes)
    offsets = pair.searchsorted(starts)
    return Neighbours(
        offsets=offsets,
        neighbour=pair - starts[:-1].repeat(offsets[1:] - offsets[:-1]),
        both=either.take(pair).view(np.int32).reshape(-1, 2).astype(np.int64),
    )


def _from_rows(receiver: IndexArray, transmitter: IndexArray, nodes: int) -> Neighbours:
    """One pass of a compressed-sparse-row sum: nothing grows but with the links."""
    cross = np.flatnonzero(receiver != transmitter)
    rx, tx = receiver.take(cross), transmitter.take(cross)
    # Lower half of each entry: 1 + index of the incoming link; upper half: 1 + index of the outgoing one.
    pair = rx * nodes + tx
    if (pair[1:] > pair[:-1]).all():
        # Listed receiver by receiver, the links are rows already.
        heard = sparse.csr_array((cross + 1, tx, _offsets(rx, nodes)), shape=(nodes, nodes))
    else:
        heard = sparse.coo_array((cross + 1, (rx, tx)), shape=(nodes, nodes)).tocsr()
    caused = heard.T.tocsr()
    caused.data <<= 32
    pairs = heard + caused
    both = pairs.data.astype("<i8", copy=False).view("<i4").reshape(-1, 2).astype(np.int64)
    both -= 1
    return Neighbours(
        offsets=pairs.indptr.astype(np.int64),
        neighbour=pairs.indices.astype(np.int64),
        both=both,
    )


def _offsets(node: IndexArray, nodes: int) -> IndexArray:
    """Row offsets ``[N + 1]`` of entries that are listed node by node."""
    offsets = np.zeros(nodes + 1, np.int64)
    np.cumsum(np.bincount(node, minlength=nodes), out=offsets[1:])
    return offsets
