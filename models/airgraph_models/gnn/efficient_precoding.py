r"""Precoding networks for energy efficiency: any power up to the budget, by a learned factor of the number of users.

.. math::
    V = \eta_K\, F \cdot \min\Bigl(1, \frac{\sqrt{P}}{\eta_K \lVert F \rVert_F}\Bigr), \qquad
    \log \eta_K = \text{FNN}(\log K)

with the last features F of a precoding network, which are not scaled to a norm: what a user gets of the power depends
on its channel. The budget P is so much an antenna. Source: paper 004, IV-B2, where the factor and the network are
trained together. The perceptron's last layer starts at zero, at which the factor is one.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
from typing import Any

import torch
from torch import Tensor, nn

from airgraph_models.gnn.precoding_features import SMALLEST_POWER

HIDDEN = 16


class EfficientPrecoding(nn.Module):
    """A precoding network that decides on its power, for any numbers of users and antennas."""

    def __init__(self, network: nn.Module, antenna_power: float) -> None:
        """Around a network.

        Args:
            network: With a method ``features`` from channels ``[B, K, N, 2]`` to ``[B, 2, N, K]``.
            antenna_power: Budget over the number of antennas, in the unit of the channels' power.
        """
        super().__init__()
        # A module need not have the method, and TorchScript bears no remark to the type checker where it is called.
        self.network: Any = network
        self.antenna_power, self.smallest = antenna_power, SMALLEST_POWER
        self.factor = nn.Sequential(nn.Linear(1, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
        last = self.factor[-1]
        for weight in last.parameters():
            nn.init.zeros_(weight)

    def forward(self, channel: Tensor) -> Tensor:
        r"""Precoder ``[B, N, K, 2]`` over the root of the unit of power, :math:`\lVert V \rVert_F^2 \le P`.

        Args:
            channel: ``[B, K, N, 2]`` channels times root of the unit of power over noise.
        """
        ones = torch.ones_like(channel[:1, :, :, 0])
        users, antennas = ones.sum(dim=1)[:, :1], ones.sum(dim=2)[0, 0]
        features = torch.exp(self.factor(torch.log(users))) * self.network.features(channel)
        power = features.square().sum(dim=(1, 2, 3)).clamp(min=self.smallest)
        share = torch.clamp(self.antenna_power * antennas / power, max=1.0)
        within = features * torch.sqrt(share)[:, None, None, None]
        return torch.stack([within[:, 0], within[:, 1]], dim=-1)
