r"""A precoding network that sees no channel with a larger spectrum than it has been trained for.

With the Gram matrix A of a channel H in the unit of the training set's entries u,

.. math::
    A = \frac{H H^H}{N u^2}, \qquad \hat\lambda = \lVert A^4 \rVert_F^{1/4} = \Bigl(\sum_i \lambda_i^8\Bigr)^{1/8},
    \qquad H \leftarrow H \cdot \min\Bigl(1, \sqrt{\bar\lambda / \hat\lambda}\Bigr)

What the layers of a Model-GNN (`airgraph_models.gnn.model_gnn`) do to a channel is nearly a polynomial of the
eigenvalues of A, of degree 3 a layer. Below the largest eigenvalue of the training set that is an inverse, above it
grows without bounds: a Newton-Schulz step turns x into x (2 - x). With N antennas and K users the largest eigenvalue is
about :math:`(1 + \sqrt{K/N})^2` and differs from instance to instance, so that some of those with more users than in
training are answered by noise at the largest power. One factor for all users leaves to the inversion what it has to do.

:math:`\hat\lambda` is at least the largest eigenvalue, 6% above it for K = 30 and N = 32, and takes three products of
K x K matrices, where an eigenvalue would not export. The bound is ours: paper 004 has none.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
from typing import Any

import torch
from torch import Tensor, nn

from airgraph_models.gnn.precoding_features import SMALLEST_POWER, on_the_budget, per_root_antennas
from airgraph_models.gnn.real_matrices import embedded


class BoundedSpectrum(nn.Module):
    """A precoding network around another, for any numbers of users and antennas."""

    rms: Tensor

    def __init__(self, network: nn.Module, largest: float) -> None:
        r"""Around a network.

        Args:
            network: With a method ``features`` from channels ``[B, K, N, 2]`` to ``[B, 2, N, K]``, that takes the unit
                of its channels from a training set.
            largest: :math:`\bar\lambda`.
        """
        super().__init__()
        # A module need not have the methods, and TorchScript bears no remark to the type checker where they are called.
        self.network: Any = network
        self.largest, self.smallest = largest, SMALLEST_POWER
        self.register_buffer("rms", torch.ones(()))

    def standardise(self, channel: Tensor) -> None:
        """Takes the root-mean-square of a training set's channel entries as their unit."""
        self.rms = channel.square().sum(dim=-1).mean().sqrt()
        self.network.standardise(channel)

    def bounded(self, channel: Tensor) -> Tensor:
        """Channels ``[B, K, N, 2]``, smaller by one factor each where their spectrum is too large."""
        scaled = embedded(per_root_antennas(channel) / self.rms)
        gram = torch.matmul(scaled, scaled.transpose(1, 2))
        # Over its norm first: the eighth power of a near user's eigenvalue may be too large for single precision.
        norm = torch.sqrt(gram.square().sum(dim=(1, 2), keepdim=True).clamp(min=self.smallest))
        power = gram / norm
        for _ in range(2):
            power = torch.matmul(power, power)
        # Half the squared norm: each eigenvalue stands twice in the real matrix.
        highest = norm * (0.5 * power.square().sum(dim=(1, 2), keepdim=True)).clamp(min=self.smallest) ** 0.125
        return channel * torch.sqrt(torch.clamp(self.largest / highest, max=1.0))[..., None]

    def features(self, channel: Tensor) -> Tensor:
        """Those of the network ``[B, 2, N, K]``."""
        features: Tensor = self.network.features(self.bounded(channel))
        return features

    def forward(self, channel: Tensor) -> Tensor:
        r"""Precoder ``[B, N, K, 2]`` over the root of the budget, :math:`\lVert V \rVert_F = 1`.

        Args:
            channel: ``[B, K, N, 2]`` channels times root of budget over noise.
        """
        return on_the_budget(self.features(channel))
