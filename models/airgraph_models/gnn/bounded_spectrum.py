r"""A precoding network that sees no larger spectrum than channels of independent entries have for many antennas.

With the Gram matrix A of K users at N antennas in the unit u of the training set's entries,

.. math::
    A = \frac{H H^H}{N u^2}, \qquad \hat\lambda = \lVert A^4 \rVert_F^{1/4} = \Bigl(\sum_i \lambda_i^8\Bigr)^{1/8},
    \qquad \bar\lambda = c\, \bigl(1 + \sqrt{K/N}\bigr)^2, \qquad
    H \leftarrow H \cdot \min\Bigl(1, \sqrt{\bar\lambda / \hat\lambda}\Bigr)

What the layers of a Model-GNN (`airgraph_models.gnn.model_gnn`) do to a channel is nearly a polynomial of the
eigenvalues of A, of degree 3 a layer. Among those of the training set that is an inverse; above them it grows without
bounds, as a Newton-Schulz step turns x into x (2 - x). The largest eigenvalue of K users is about
:math:`(1 + \sqrt{K/N})^2`, the edge of the law of Marchenko and Pastur, and varies: where the training set has few
instances of so many users, some of those to come lie above all of them, and are answered by noise at the largest power.
One factor for all users leaves the directions that invert the channel as they are.

:math:`\hat\lambda` is at least the largest eigenvalue, 6% above it for K = 30 and N = 32, and takes three products of
K x K matrices, where an eigenvalue would not export. The bound is ours: paper 004 has none. It has no weights, and a
trained network can be put behind it.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
from typing import Any

import torch
from torch import Tensor, nn

from airgraph_models.gnn.precoding_features import SMALLEST_POWER, OnTheBudget, per_root_antennas, users_per_antenna
from airgraph_models.gnn.real_matrices import embedded


class BoundedSpectrum(OnTheBudget):
    """A precoding network behind the bound, for any numbers of users and antennas."""

    def __init__(self, network: nn.Module, share: float = 1.0) -> None:
        """Before a network.

        Args:
            network: With a method ``features`` from channels ``[B, K, N, 2]`` to ``[B, 2, N, K]``, and their unit u as
                ``rms``.
            share: c.
        """
        super().__init__()
        # A module need not have the method, and TorchScript bears no remark to the type checker where it is called.
        self.network: Any = network
        self.share, self.smallest = share, SMALLEST_POWER

    def bounded(self, channel: Tensor) -> Tensor:
        """Channels ``[B, K, N, 2]``, smaller by one factor each where their spectrum is too large."""
        largest = self.share * (1.0 + torch.sqrt(users_per_antenna(channel))).square()[..., None]
        scaled = embedded(per_root_antennas(channel) / self.network.rms)
        gram = torch.matmul(scaled, scaled.transpose(1, 2))
        # Over its norm first: the eighth power of a near user's eigenvalue may be too large for single precision.
        norm = torch.sqrt(gram.square().sum(dim=(1, 2), keepdim=True).clamp(min=self.smallest))
        power = gram / norm
        for _ in range(2):
            power = torch.matmul(power, power)
        # Half the squared norm: each eigenvalue stands twice in the real matrix.
        highest = norm * (0.5 * power.square().sum(dim=(1, 2), keepdim=True)).clamp(min=self.smallest) ** 0.125
        return channel * torch.sqrt(torch.clamp(largest / highest, max=1.0))[..., None]

    def features(self, channel: Tensor) -> Tensor:
        """Those of the network ``[B, 2, N, K]``."""
        features: Tensor = self.network.features(self.bounded(channel))
        return features
