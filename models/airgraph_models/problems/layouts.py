"""How graphs of different sizes are joined into the inputs of one network run; the model card names the layout."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.chain_blocks import build_chain_blocks
from airgraph_models.problems.gain_blocks import build_gain_blocks
from airgraph_models.problems.gram_blocks import build_gram_blocks
from airgraph_models.problems.row_table import build_row_table

ROW_TABLE, GAIN_BLOCKS, GRAM_BLOCKS, CHAIN_BLOCKS = "row_table", "gain_blocks", "gram_blocks", "chain_blocks"


class Graph(Protocol):
    """One instance, with features, before it is joined with others."""

    @property
    def nodes(self) -> int:
        """Number of nodes."""

    @property
    def links(self) -> int:
        """Number of links between different nodes."""


class JoinedGraphs(Protocol):
    """A disjoint union, laid out for a network."""

    @property
    def sizes(self) -> tuple[int, ...]:
        """Nodes of each graph."""

    def inputs(self) -> dict[str, npt.NDArray[np.generic]]:
        """The tensors by the names the exported networks use."""

    def padded(self) -> dict[str, npt.NDArray[np.generic]]:
        """The same tensors, enlarged to a few shapes (`padded_shapes`); the output's first N rows stay the same."""

    def split(self, output: npt.NDArray[np.generic]) -> list[npt.NDArray[np.generic]]:
        """Cuts a per-node output ``[N, ...]`` into one array a graph."""


Join = Callable[[Sequence[Any]], JoinedGraphs]

LAYOUTS: Mapping[str, Join] = MappingProxyType(
    {
        ROW_TABLE: build_row_table,
        GAIN_BLOCKS: build_gain_blocks,
        GRAM_BLOCKS: build_gram_blocks,
        CHAIN_BLOCKS: build_chain_blocks,
    }
)
"""Every layout by its name in the model cards."""
