"""One message of an edge convolution on a dense graph, for ECGNN and PCGNN (paper 000, (12) and (21))."""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
import torch
from torch import Tensor, nn


class LinkNorm(nn.Module):
    """Batch normalisation of link values; a pair is no neighbour of itself and does not enter the statistics."""

    def __init__(self, width: int) -> None:
        """For ``width`` features a link."""
        super().__init__()
        self.norm = nn.BatchNorm1d(width)

    def forward(self, values: Tensor, others: Tensor) -> Tensor:
        """Normalises ``values [B, K, K, F]`` where ``others [K, K]``; what stands elsewhere is not to be read."""
        flat = values.reshape(-1, values.shape[3])
        if self.training:
            links = others.expand(values.shape[0], -1, -1).reshape(-1).nonzero().squeeze(1)
            flat = flat.index_copy(0, links, self.norm(flat[links]))
        else:
            flat = self.norm(flat)
        return flat.reshape(values.shape)


class NoLinkNorm(nn.Module):
    """Stands in for `LinkNorm` where a network has none."""

    def forward(self, values: Tensor, others: Tensor) -> Tensor:
        """The values as they are."""
        return values


class EdgeConvolution(nn.Module):
    r"""Messages :math:`\sigma(W_1 d_k + W_2 e_{jk} + W_3 d_j + b)` with a ReLU for :math:`\sigma`.

    The node terms are computed for each node before they meet on the links.
    """

    def __init__(self, state: int, link: int, message: int, batch_norm: bool) -> None:
        """From states and link features of the given widths to messages, normalised after the ReLU on request."""
        super().__init__()
        self.own = nn.Linear(state, message)
        self.link = nn.Linear(link, message, bias=False)
        self.other = nn.Linear(state, message, bias=False)
        self.norm = LinkNorm(message) if batch_norm else NoLinkNorm()

    def forward(self, state: Tensor, link: Tensor, others: Tensor) -> Tensor:
        """Messages ``[B, K, K, M]`` to node k from neighbour j.

        Args:
            state: ``[B, K, S]`` node states d.
            link: ``[B, K, K, E]`` link features e, node k first.
            others: ``[K, K]`` false on the diagonal.
        """
        terms = self.own(state).unsqueeze(2) + self.other(state).unsqueeze(1) + self.link(link)
        message: Tensor = self.norm(torch.relu(terms), others)
        return message
