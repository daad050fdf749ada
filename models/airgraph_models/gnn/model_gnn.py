r"""Model-GNN: an edge network for precoding whose layers have the two terms of an iterated matrix pseudo-inverse.

With :math:`D^{(0)} = H^H` (conjugates of the users' channels as columns), each layer forms, in every complex channel,
the second term of Taylor's expansion :math:`2D - DHD` of a pseudo-inverse and then updates edge (n, k),

.. math::
    A = H D, \qquad e_{nk} = \sum_j a_{jk} d_{nj}

    d_{nk} \leftarrow \sigma\Bigl(S_0 d_{nk} + S_1 e_{nk} + P_0 \sum_i d_{ik} + Q_0 \sum_j d_{nj} + Q_1 \sum_j e_{nj}
    \Bigr), \qquad \sigma(X) = X / \lVert X \rVert

Source: paper 004, (12)-(15), without the term (c) of (15), as there; widths of table I. The last layer has no
:math:`\sigma` of its own: its output is scaled to the budget.

The paper leaves open, and we decide: J features are C = J / 2 complex channels (real parts first), A is complex and
belongs to one channel, and S, P, Q are real J' x J matrices, so that a layer need not be linear over complex numbers.
The norm in :math:`\sigma` is that of a user's features over all antennas and channels: with that of the whole array a
layer is nearly a polynomial in H, and at 0 dB it learned power allocation worse (0.966 against 0.977 of converged
WMMSE for N = 8, K = 4). The channel is divided by :math:`\sqrt N`, so that the spectrum of A is much the same at every
size. Layers have weights of their own. They start near Newton-Schulz steps :math:`2D - DHD`, the network that the paper
calls TGNN, and the sums over antennas and users start at zero.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from airgraph_models.gnn.precoding_features import (
    OnTheBudget,
    heard,
    matched_features,
    normalised_features,
    per_root_antennas,
    weighted_sums,
)

SPREAD = 0.1
"""Relative deviation of the first weights from those of a Newton-Schulz step."""
FIRST_SECOND = -0.5
"""Weight of the second term in the first layer: there the spectrum of A may reach 4, and -1 would overshoot."""


@dataclass(frozen=True)
class ModelGNNArchitecture:
    """Sizes of a Model-GNN.

    Attributes:
        widths: Features J of each hidden layer, even; (32, 32, 8) for spectral, (32, 32, 32, 8) for energy efficiency.
        newton_schulz: Start near Newton-Schulz steps; else S is random and only the sums start at zero.
    """

    widths: tuple[int, ...] = (32, 32, 8)
    newton_schulz: bool = True


def near_newton_schulz(inputs: int, outputs: int, second: float) -> Tensor:
    """Random weights ``[S_0, S_1]``, ``[J', 2 J]``, near those of ``2 d + second e`` in every complex channel."""
    from_channels, to_channels = inputs // 2, outputs // 2
    mixing = (1.0 + SPREAD * torch.randn(to_channels, from_channels)) / from_channels
    steps = torch.stack([2.0 * mixing, second * mixing]) * (1.0 + SPREAD * torch.randn(2, to_channels, from_channels))
    both = torch.zeros(2, outputs, inputs)
    both[:, :to_channels, :from_channels] = steps
    both[:, to_channels:, from_channels:] = steps
    return torch.cat([both[0], both[1]], dim=1)


class ModelGNNLayer(nn.Module):
    """One update without its activation, for any leading axes: batches, cells."""

    def __init__(self, inputs: int, outputs: int, second: float = -1.0) -> None:
        """Near ``2 d + second e``; ``inputs`` and ``outputs`` are even numbers of real features."""
        super().__init__()
        self.own = nn.Parameter(near_newton_schulz(inputs, outputs, second))
        """``[S_0, S_1]``."""
        self.over_antennas = nn.Parameter(torch.zeros(outputs, inputs))
        """``P_0``."""
        self.over_users = nn.Parameter(torch.zeros(outputs, 2 * inputs))
        """``[Q_0, Q_1]``."""

    def forward(self, channel: Tensor, features: Tensor, step: Tensor | None = None) -> Tensor:
        """The next features ``[..., J', N, K]``, before the activation.

        Args:
            channel: ``[..., K, N, 2]`` channels.
            features: ``[..., J, N, K]`` features D of the edges.
            step: ``[J, 1, 1]`` further weights of the second term, if any.
        """
        weights = heard(channel, features)
        if step is not None:
            weights = step * weights
        return self.combine(features, weighted_sums(features, weights))

    def combine(self, features: Tensor, weighted: Tensor) -> Tensor:
        """Step 2 alone: from the two terms ``[..., J, N, K]`` to ``[..., J', N, K]``."""
        both = torch.cat([features, weighted], dim=-3)
        return (
            torch.einsum("oi,...ink->...onk", self.own, both)
            + torch.einsum("oi,...ink->...onk", self.over_antennas, features.sum(dim=-2, keepdim=True))
            + torch.einsum("oi,...ink->...onk", self.over_users, both.sum(dim=-1, keepdim=True))
        )


class ModelGNN(OnTheBudget):
    """Model-GNN for one transmitter, any numbers of users and antennas."""

    rms: Tensor

    def __init__(self, architecture: ModelGNNArchitecture | None = None) -> None:
        """Random weights near Newton-Schulz steps; the widths of the paper by default."""
        super().__init__()
        sizes = architecture or ModelGNNArchitecture()
        widths = sizes.widths
        first = ModelGNNLayer(2, widths[0], FIRST_SECOND)
        layers = [first, *(ModelGNNLayer(*pair) for pair in pairwise((*widths, 2)))]
        if not sizes.newton_schulz:
            for layer in layers:
                nn.init.xavier_uniform_(layer.own)
        self.layers = nn.ModuleList(layers)
        self.last = len(widths)
        self.register_buffer("rms", torch.ones(()))

    def standardise(self, channel: Tensor) -> None:
        """Takes the root-mean-square of a training set's channel entries as their unit."""
        self.rms = channel.square().sum(dim=-1).mean().sqrt()

    def features(self, channel: Tensor) -> Tensor:
        """Output of the last layer ``[B, 2, N, K]``, before it is scaled to the budget."""
        scaled = per_root_antennas(channel) / self.rms
        features = matched_features(scaled)
        for number, layer in enumerate(self.layers):
            features = layer(scaled, features)
            if number < self.last:
                features = normalised_features(features)
        return features
