r"""BNN: the structure of the optimal precoder, of which a Vanilla-GNN learns the powers.

.. math::
    \bar v_k = \Bigl(\sum_j \lambda_j h_j^* h_j^T + I\Bigr)^{-1} h_k^*, \qquad
    v_k = \sqrt{p_k}\, \bar v_k / \lVert \bar v_k \rVert, \qquad
    \sum_j \lambda_j = \sum_k p_k = 1

with rows :math:`h_k^T` of the channel H in units of noise and budget. Source: paper 004, (2), and its reference [25]
(Xia et al., "A deep learning framework for optimization of MISO downlink beamforming", IEEE Trans. Communications
2020), whose CNN paper 004 replaces by a Vanilla-GNN with three hidden layers of 64. Lambda and p are softmaxes over the
users of the network's two outputs, averaged over the antennas; those start at zero, at which this is RZF with equal
power. `FreeStructuredGNN` has exponentials in their place.

In the users' space the directions are :math:`H^H \Lambda^{1/2} B^{-1}` with
:math:`B = I + \Lambda^{1/2} H H^H \Lambda^{1/2}`, up to the lengths of the columns. Matrix inverses do not export to
ONNX; Newton-Schulz iterations :math:`X \leftarrow 2X - XBX` from :math:`2 I / (1 + \lVert B \rVert_F)` do, and since
no eigenvalue of B is below one, 18 of them are exact to rounding up to :math:`\lVert B \rVert_F` of about 3e4.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from airgraph_models.gnn.precoding_features import on_the_budget
from airgraph_models.gnn.real_matrices import embedded, extracted, newton_schulz
from airgraph_models.gnn.vanilla_gnn import VanillaGNNArchitecture, VanillaLayers

STEPS = 18
SMALLEST_POWER = 1e-24


@dataclass(frozen=True)
class StructuredGNNArchitecture:
    """Sizes of a BNN.

    Attributes:
        widths: Features of each hidden layer of the Vanilla-GNN.
        pooling: Its pooling.
    """

    widths: tuple[int, ...] = (64, 64, 64)
    pooling: str = "mean"


class StructuredGNN(nn.Module):
    """BNN for one transmitter, any numbers of users and antennas."""

    def __init__(self, architecture: StructuredGNNArchitecture | None = None) -> None:
        """Random weights but in the last layer; the widths of the paper by default."""
        super().__init__()
        sizes = architecture or StructuredGNNArchitecture()
        self.body = VanillaLayers(VanillaGNNArchitecture(sizes.widths, sizes.pooling), 2)
        self.steps, self.smallest = STEPS, SMALLEST_POWER
        last = self.body.layers[-1]
        for weight in last.parameters():
            nn.init.zeros_(weight)

    def standardise(self, channel: Tensor) -> None:
        """Takes the unit of the channels from a training set."""
        self.body.standardise(channel)

    def powers(self, channel: Tensor) -> Tensor:
        """Lambda and p ``[B, 2, K]`` over the budget, each of sum one."""
        return torch.softmax(self.body(channel).mean(dim=2), dim=-1)

    def features(self, channel: Tensor) -> Tensor:
        """The precoder as ``[B, 2, N, K]``, its columns at the powers p."""
        powers = self.powers(channel)
        weighted = embedded(channel * torch.sqrt(powers[:, 0, :, None, None]))
        turned = weighted.transpose(1, 2)
        gram = torch.matmul(weighted, turned)
        ones = torch.ones_like(gram)
        identity = torch.triu(ones) * torch.tril(ones)
        # Half the squared norm: each complex entry stands twice in the real matrix.
        bound = torch.sqrt(0.5 * (identity + gram).square().sum(dim=(1, 2), keepdim=True))
        inverse = newton_schulz(identity + gram, 2.0 / (1.0 + bound) * identity, self.steps)
        direction = extracted(torch.matmul(turned, inverse))
        lengths = direction.square().sum(dim=(1, 2), keepdim=False).clamp(min=self.smallest)
        return direction * torch.sqrt(powers[:, 1] / lengths)[:, None, None, :]

    def forward(self, channel: Tensor) -> Tensor:
        r"""Precoder ``[B, N, K, 2]`` over the root of the budget, :math:`\lVert V \rVert_F = 1`.

        Args:
            channel: ``[B, K, N, 2]`` channels times root of budget over noise.
        """
        return on_the_budget(self.features(channel))


class FreeStructuredGNN(StructuredGNN):
    """BNN for `airgraph_models.gnn.efficient_precoding`: what it spends is its own choice."""

    def powers(self, channel: Tensor) -> Tensor:
        """Lambda and p ``[B, 2, K]`` in the unit of the channels' power, without a sum; ones before any training."""
        return torch.exp(self.body(channel).mean(dim=2))
