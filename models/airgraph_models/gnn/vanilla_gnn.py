r"""Vanilla-GNN: an edge network for precoding that gathers its neighbours' features with the same weights from all.

.. math::
    d_{nk} \leftarrow \sigma\Bigl(S d_{nk} + \mathrm{PL}_{i \ne n} P d_{ik} + \mathrm{PL}_{j \ne k} Q d_{nj}\Bigr)

where PL is the sum, the mean (divided by N and K, as in (A.1)) or the maximum over the other antennas of a user and the
other users of an antenna; a maximum over none is zero. From :math:`D^{(0)} = H^H`, real and imaginary parts as two
features. Source: paper 004, (4) and (7); widths of table I. `VanillaGNN` scales the output to the budget.

The paper's :math:`\sigma(X) = X / \lVert X \rVert` alone leaves a layer with sum or mean linear but for one scale a
user; here a ReLU comes before that norm, in hidden layers. Set `VanillaGNNArchitecture.relu` to false for the paper's.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from airgraph_models.gnn.precoding_features import (
    OnTheBudget,
    matched_features,
    normalised_features,
    per_root_antennas,
)

POOLINGS = ("sum", "mean", "max")


@dataclass(frozen=True)
class VanillaGNNArchitecture:
    """Sizes of a Vanilla-GNN.

    Attributes:
        widths: Features of each hidden layer; (64, 512, 512, 64) in the paper.
        pooling: "sum", "mean" or "max".
        relu: Whether a ReLU comes before the norm in hidden layers.
    """

    widths: tuple[int, ...] = (64, 512, 512, 64)
    pooling: str = "mean"
    relu: bool = True


class VanillaGNNLayer(nn.Module):
    """One update without its activation."""

    def __init__(self, inputs: int, outputs: int, pooling: str) -> None:
        """Random weights.

        Raises:
            ValueError: An unknown pooling.
        """
        super().__init__()
        if pooling not in POOLINGS:
            raise ValueError(f"pooling: one of {', '.join(POOLINGS)}, not {pooling!r}")
        self.pooling = pooling
        self.own = nn.Parameter(torch.empty(outputs, inputs))
        self.over_antennas = nn.Parameter(torch.empty(outputs, inputs))
        self.over_users = nn.Parameter(torch.empty(outputs, inputs))
        for weight in (self.own, self.over_antennas, self.over_users):
            nn.init.xavier_uniform_(weight)

    def forward(self, features: Tensor) -> Tensor:
        """``[B, J', N, K]`` of features ``[B, J, N, K]``."""
        own = torch.einsum("oi,bink->bonk", self.own, features)
        if self.pooling == "max":
            by_antenna = torch.einsum("oi,bink->bonk", self.over_antennas, features)
            by_user = torch.einsum("oi,bink->bonk", self.over_users, features)
            return own + largest_other(by_antenna, -2) + largest_other(by_user, -1)
        antennas, users = total_of_others(features, -2), total_of_others(features, -1)
        if self.pooling == "mean":
            ones = torch.ones_like(features[:1, :1])
            antennas = antennas / ones.sum(dim=-2, keepdim=True)
            users = users / ones.sum(dim=-1, keepdim=True)
        return (
            own
            + torch.einsum("oi,bink->bonk", self.over_antennas, antennas)
            + torch.einsum("oi,bink->bonk", self.over_users, users)
        )


def total_of_others(values: Tensor, axis: int) -> Tensor:
    """Sums along ``axis`` without the entry's own."""
    return values.sum(dim=axis, keepdim=True) - values


def largest_other(values: Tensor, axis: int) -> Tensor:
    """Maxima along ``axis`` without the entry's own; zeros where there is no other."""
    lowest = torch.full_like(values.narrow(axis, 0, 1), -1e30)
    largest = torch.topk(torch.cat([values, lowest], dim=axis), 2, dim=axis)[0]
    first, second = largest.narrow(axis, 0, 1), largest.narrow(axis, 1, 1)
    other = torch.where(values >= first, second, first)
    return torch.where(other <= lowest, torch.zeros_like(other), other)


class VanillaLayers(nn.Module):
    """The layers from a channel to the last one's features."""

    rms: Tensor

    def __init__(self, architecture: VanillaGNNArchitecture, outputs: int) -> None:
        """Random weights; ``outputs`` features of each edge at the end."""
        super().__init__()
        widths = (2, *architecture.widths, outputs)
        self.layers = nn.ModuleList(VanillaGNNLayer(*pair, architecture.pooling) for pair in pairwise(widths))
        self.last = len(architecture.widths)
        self.relu = architecture.relu
        self.register_buffer("rms", torch.ones(()))

    def standardise(self, channel: Tensor) -> None:
        """Takes the root-mean-square of a training set's channel entries as their unit."""
        self.rms = channel.square().sum(dim=-1).mean().sqrt()

    def forward(self, channel: Tensor) -> Tensor:
        """``[B, J, N, K]`` of a channel ``[B, K, N, 2]``."""
        features = matched_features(per_root_antennas(channel) / self.rms)
        for number, layer in enumerate(self.layers):
            features = layer(features)
            if number < self.last:
                features = normalised_features(torch.relu(features) if self.relu else features)
        return features


class VanillaGNN(OnTheBudget):
    """Vanilla-GNN for one transmitter, any numbers of users and antennas."""

    def __init__(self, architecture: VanillaGNNArchitecture | None = None) -> None:
        """Random weights; the widths of the paper by default."""
        super().__init__()
        self.body = VanillaLayers(architecture or VanillaGNNArchitecture(), 2)

    def standardise(self, channel: Tensor) -> None:
        """Takes the unit of the channels from a training set."""
        self.body.standardise(channel)

    def features(self, channel: Tensor) -> Tensor:
        """Output of the last layer ``[B, 2, N, K]``, before it is scaled to the budget."""
        features: Tensor = self.body(channel)
        return features
