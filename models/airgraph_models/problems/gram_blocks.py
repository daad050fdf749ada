"""The layout of networks in the Gram domain: the users of each instance in one dense block.

Nothing in it grows with the number of antennas. Blocks are padded to the largest instance with absent users, whose
features are zero and whose rows the answer leaves out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.padded_shapes import pad, padded_extent
from airgraph_models.problems.row_table import Float32Array, IndexArray


@dataclass(frozen=True)
class DenseUsers:
    """One instance.

    Attributes:
        user: ``[K, F]`` float32 features of each user.
        pair: ``[K, K, E]`` float32 features of each pair of users, zero on the diagonal.
    """

    user: Float32Array
    pair: Float32Array

    @property
    def nodes(self) -> int:
        """Number of users K."""
        return int(self.user.shape[0])

    @property
    def links(self) -> int:
        """Ordered pairs of different users."""
        return self.nodes * (self.nodes - 1)


@dataclass(frozen=True)
class GramBlocks:
    """Network inputs for B instances of at most K users, N users in all.

    Attributes:
        user: ``[B, K, F]`` float32.
        pair: ``[B, K, K, E]`` float32.
        present: ``[B, K, 1]`` float32, one for a user and zero for padding.
        place: ``[N]`` int64, where each user lies among the B K rows.
        sizes: Users of each instance, to split the answer.
    """

    user: Float32Array
    pair: Float32Array
    present: Float32Array
    place: IndexArray
    sizes: tuple[int, ...]

    def inputs(self) -> dict[str, npt.NDArray[np.generic]]:
        """The tensors by the names the exported networks use."""
        return {"user": self.user, "pair": self.pair, "present": self.present, "place": self.place}

    def padded(self) -> dict[str, npt.NDArray[np.generic]]:
        """The same tensors, enlarged to a few shapes by absent users and blocks of them."""
        blocks, users, features = self.user.shape
        more_blocks, more_users, nodes = (padded_extent(extent) for extent in (blocks, users, self.place.size))
        block, user = np.divmod(self.place, users)
        return {
            "user": pad(self.user, (more_blocks, more_users, features)),
            "pair": pad(self.pair, (more_blocks, more_users, more_users, self.pair.shape[3])),
            "present": pad(self.present, (more_blocks, more_users, 1)),
            "place": pad(block * more_users + user, (nodes,)),
        }

    def split(self, output: npt.NDArray[np.generic]) -> list[npt.NDArray[np.generic]]:
        """Cuts a per-user output ``[N, ...]`` into one array an instance."""
        if len(self.sizes) == 1:
            return [output[: self.sizes[0]]]
        return np.split(output[: sum(self.sizes)], np.cumsum(self.sizes)[:-1])


def build_gram_blocks(graphs: Sequence[DenseUsers]) -> GramBlocks:
    """Joins at least one instance; a block each, as large as the largest of them."""
    sizes = tuple(graph.nodes for graph in graphs)
    largest = max(sizes)
    if len(graphs) == 1:
        only = graphs[0]
        here = np.ones((1, largest, 1), np.float32)
        return GramBlocks(only.user[None], only.pair[None], here, np.arange(largest, dtype=np.int64), sizes)
    user = np.zeros((len(graphs), largest, graphs[0].user.shape[-1]), np.float32)
    pair = np.zeros((len(graphs), largest, largest, graphs[0].pair.shape[-1]), np.float32)
    present = np.zeros((len(graphs), largest, 1), np.float32)
    for block, graph in enumerate(graphs):
        user[block, : graph.nodes] = graph.user
        pair[block, : graph.nodes, : graph.nodes] = graph.pair
        present[block, : graph.nodes] = 1.0
    place = np.concatenate([np.arange(size) + block * largest for block, size in enumerate(sizes)]).astype(np.int64)
    return GramBlocks(user, pair, present, place, sizes)
