"""The same network in torch-geometric's own terms: slower, and plainly paper 001's equation (11)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch_geometric.nn import MessagePassing

from airgraph_models.gnn.wcgcn import WCGCN
from airgraph_models.problems.row_table import LinkGraph


class WCGCNReference(MessagePassing):  # type: ignore[misc]  # torch-geometric ships no annotations
    """A `WCGCN`'s weights as a message-passing network on an edge list, with max aggregation."""

    def __init__(self, network: WCGCN) -> None:
        """Shares the weights of ``network``."""
        super().__init__(aggr="max")
        self.network = network

    def forward(self, node: Tensor, edge_index: Tensor, link: Tensor) -> Tensor:
        """Allocation of every node.

        Args:
            node: ``[N, Fn]`` node features.
            edge_index: ``[2, E]``: row 0 the neighbour that sends, row 1 the node that receives.
            link: ``[E, Fe]`` link features.

        Returns:
            As `WCGCN.forward`.
        """
        network = self.network
        features = (node - network.node_mean) / network.node_std
        edges = (link - network.link_mean) / network.link_std
        state = network.start.expand(node.shape[0], -1)
        for _ in range(network.layers):
            own = torch.cat([state, features], dim=1)
            heard = self.propagate(edge_index, own=own, edges=edges)
            update = torch.relu(network.update_in(torch.cat([heard, own], dim=1)))
            state = network.project(network.update_out(update))
        return state[:, : network.allocation]

    def message(self, own_j: Tensor, edges: Tensor) -> Tensor:
        """MLP1 of one neighbour and the link to it."""
        hidden = torch.relu(self.network.message_in(torch.cat([own_j, edges], dim=1)))
        return torch.relu(self.network.message_out(hidden))


def edge_list(graph: LinkGraph) -> tuple[Tensor, Tensor, Tensor]:
    """The arguments of `WCGCNReference.forward` for a graph."""
    receiving = np.repeat(np.arange(graph.nodes), np.diff(graph.offsets))
    edge_index = torch.from_numpy(np.stack([graph.neighbour, receiving]))
    return torch.from_numpy(graph.node), edge_index, torch.from_numpy(graph.link)
