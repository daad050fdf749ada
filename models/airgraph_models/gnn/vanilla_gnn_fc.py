r"""Vanilla-GNN-FC: an edge network for precoding whose processing and combination are perceptrons.

.. math::
    d_k \leftarrow \sigma\Bigl(\mathrm{CB}\bigl([h_k, d_k], \sum_{j \ne k} q([h_j, d_j])\bigr)\Bigr), \qquad
    D^{(0)} = H^H

for user vectors over the antennas. Source: paper 004, (10), after which it says that sharing parameters makes the two
perceptrons equivariant to the antennas, and reference [6] there.

The paper leaves open their form. Here each has two layers of the equivariant kind
:math:`x_n \leftarrow W x_n + U \tfrac{1}{N} \sum_i x_i + b`, with a ReLU between them, and the activation
:math:`\sigma(X) = X / \lVert X \rVert` is that of the paper's other networks. The last layer's output is scaled to the
budget.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from airgraph_models.gnn.precoding_features import (
    matched_features,
    normalised_features,
    on_the_budget,
    per_root_antennas,
)
from airgraph_models.gnn.vanilla_gnn import total_of_others


@dataclass(frozen=True)
class VanillaGNNFCArchitecture:
    """Sizes of a Vanilla-GNN-FC.

    Attributes:
        width: Features of each edge in hidden layers.
        messages: Features that q gives for each antenna.
        hidden: Hidden features of both perceptrons.
        layers: Number of updates.
    """

    width: int = 32
    messages: int = 64
    hidden: int = 64
    layers: int = 4


class SharedLinear(nn.Module):
    """``W x_n + U mean_i x_i + b`` on features ``[B, J, N, K]``."""

    def __init__(self, inputs: int, outputs: int) -> None:
        """Random weights."""
        super().__init__()
        self.own, self.mean = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """``[B, J', N, K]``."""
        last = features.movedim(1, 3)
        mixed: Tensor = self.own(last) + self.mean(last.mean(dim=1, keepdim=True))
        return mixed.movedim(3, 1)


class SharedPerceptron(nn.Module):
    """Two shared layers with a ReLU between them."""

    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        """Random weights."""
        super().__init__()
        self.first, self.second = SharedLinear(inputs, hidden), SharedLinear(hidden, outputs)

    def forward(self, features: Tensor) -> Tensor:
        """``[B, J', N, K]``."""
        output: Tensor = self.second(torch.relu(self.first(features)))
        return output


class VanillaGNNFC(nn.Module):
    """Vanilla-GNN-FC for one transmitter, any numbers of users and antennas."""

    rms: Tensor

    def __init__(self, architecture: VanillaGNNFCArchitecture | None = None) -> None:
        """Random weights."""
        super().__init__()
        sizes = architecture or VanillaGNNFCArchitecture()
        inputs = [2, *(sizes.width for _ in range(sizes.layers - 1))]
        outputs = [*inputs[1:], 2]
        self.processing = nn.ModuleList(SharedPerceptron(2 + i, sizes.hidden, sizes.messages) for i in inputs)
        self.combination = nn.ModuleList(
            SharedPerceptron(2 + i + sizes.messages, sizes.hidden, o) for i, o in zip(inputs, outputs, strict=True)
        )
        self.register_buffer("rms", torch.ones(()))

    def standardise(self, channel: Tensor) -> None:
        """Takes the root-mean-square of a training set's channel entries as their unit."""
        self.rms = channel.square().sum(dim=-1).mean().sqrt()

    def forward(self, channel: Tensor) -> Tensor:
        r"""Precoder ``[B, N, K, 2]`` over the root of the budget, :math:`\lVert V \rVert_F = 1`.

        Args:
            channel: ``[B, K, N, 2]`` channels times root of budget over noise.
        """
        matched = matched_features(per_root_antennas(channel) / self.rms)
        features = matched
        for processing, combination in zip(self.processing, self.combination):  # noqa: B905 - TorchScript knows no strict
            known = torch.cat([matched, features], dim=1)
            others = total_of_others(processing(known), -1)
            features = normalised_features(combination(torch.cat([known, others], dim=1)))
        return on_the_budget(features)
