"""WCGCN for power control on dense channel matrices, for studies beside networks that read those."""

# No postponed annotations here: TorchScript reads the class's annotations as types.
import torch
from torch import Tensor, nn

from airgraph_models.gnn.dense_channels import other_pairs
from airgraph_models.gnn.wcgcn import WCGCN


class DenseWCGCN(nn.Module):
    """A `WCGCN` fed with the features that serving builds, laid out in torch for a batch of one size."""

    def __init__(self, network: WCGCN) -> None:
        """Wraps ``network``, whose weights it shares."""
        super().__init__()
        self.network = network

    def features(self, snr: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Node features ``[B K, 2]`` and link features ``[B K, K - 1, 2]``, as `power_control_graph` defines them."""
        batch, nodes = weights.shape
        level = torch.log1p(snr)
        others = other_pairs(snr)
        both = torch.stack([level, level.transpose(1, 2)], dim=3)
        link = both[:, others].reshape(batch * nodes, nodes - 1, 2)
        share = weights / weights.amax(dim=1, keepdim=True)
        node = torch.stack([level.diagonal(dim1=1, dim2=2), share], dim=2).reshape(-1, 2)
        return node, link

    def standardise(self, snr: Tensor, weights: Tensor) -> None:
        """Takes the features' mean and deviation over a training set into the network."""
        node, link = self.features(snr, weights)
        self.network.standardise(node, link.reshape(-1, 2))

    def forward(self, snr: Tensor, weights: Tensor) -> Tensor:
        """Power over budget ``[B, K]`` in 0..1.

        Args:
            snr: ``[B, K, K]`` gain times budget over noise, receiver first; K >= 2.
            weights: ``[B, K]`` rate weights, not all zero.
        """
        batch, nodes = weights.shape
        node, link = self.features(snr, weights)
        pair = torch.arange(nodes, device=snr.device)
        neighbour = pair.expand(nodes, nodes)[other_pairs(snr)].reshape(nodes, nodes - 1)
        first = torch.arange(batch, device=snr.device) * nodes
        table = (neighbour.unsqueeze(0) + first.reshape(-1, 1, 1)).reshape(batch * nodes, nodes - 1)
        rows = torch.arange(batch * nodes, device=snr.device).unsqueeze(1)
        share: Tensor = self.network(node, link, table, rows, torch.ones_like(node[:, :1]))
        return share.reshape(batch, nodes)
