"""The layout of networks for partially connected hybrid precoders: one block a radio-frequency chain.

Chains drive antennas of their own and meet in no constraint but the power, so those of several instances stack like
those of one. Blocks are padded with absent antennas and streams, whose entries are zero, to the largest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.padded_shapes import pad, padded_extent
from airgraph_models.problems.row_table import Float32Array, IndexArray


@dataclass(frozen=True)
class Chains:
    """One instance.

    Attributes:
        block: ``[R, 2, L, Ns, 2]`` float32, each chain's block of the digital precoder as the real matrix that maps
            (re, im) pairs of Ns coefficients to the real, then the imaginary parts of L antennas.
    """

    block: Float32Array

    @property
    def nodes(self) -> int:
        """Number of antennas."""
        return int(self.block.shape[0] * self.block.shape[2])

    @property
    def links(self) -> int:
        """Links between antennas and streams."""
        return self.nodes * int(self.block.shape[3])


@dataclass(frozen=True)
class ChainBlocks:
    """Network inputs for C chains of at most L antennas, N antennas in all.

    Attributes:
        block: ``[C, 2, L, Ns, 2]`` float32.
        place: ``[N]`` int64, where each antenna lies among the C L rows.
        sizes: Antennas of each instance, to split the answer.
    """

    block: Float32Array
    place: IndexArray
    sizes: tuple[int, ...]

    def inputs(self) -> dict[str, npt.NDArray[np.generic]]:
        """The tensors by the names the exported networks use."""
        return {"block": self.block, "place": self.place}

    def padded(self) -> dict[str, npt.NDArray[np.generic]]:
        """The same tensors, enlarged to a few shapes by absent chains, antennas and streams."""
        chains, _, length, streams, _ = self.block.shape
        more_chains, longer, wider, nodes = (padded_extent(n) for n in (chains, length, streams, self.place.size))
        chain, antenna = np.divmod(self.place, length)
        return {
            "block": pad(self.block, (more_chains, 2, longer, wider, 2)),
            "place": pad(chain * longer + antenna, (nodes,)),
        }

    def split(self, output: npt.NDArray[np.generic]) -> list[npt.NDArray[np.generic]]:
        """Cuts a per-antenna output ``[N, ...]`` into one array an instance."""
        if len(self.sizes) == 1:
            return [output[: self.sizes[0]]]
        return np.split(output[: sum(self.sizes)], np.cumsum(self.sizes)[:-1])


def build_chain_blocks(graphs: Sequence[Chains]) -> ChainBlocks:
    """Joins at least one instance."""
    sizes = tuple(graph.nodes for graph in graphs)
    if len(graphs) == 1:
        return ChainBlocks(graphs[0].block, np.arange(sizes[0], dtype=np.int64), sizes)
    shapes = np.array([graph.block.shape for graph in graphs])
    longest, widest = shapes[:, 2].max(), shapes[:, 3].max()
    block = np.zeros((shapes[:, 0].sum(), 2, longest, widest, 2), np.float32)
    place, first = [], 0
    for graph in graphs:
        chains, _, length, width, _ = graph.block.shape
        block[first : first + chains, :, :length, :width] = graph.block
        place.append((np.arange(first, first + chains)[:, None] * longest + np.arange(length)).reshape(-1))
        first += chains
    return ChainBlocks(block, np.concatenate(place).astype(np.int64), sizes)
