r"""A Model-GNN whose steps depend on how many users there are for its antennas.

.. math::
    \log s = \text{FNN}(\log(K / N)), \qquad A_c = s_{\ell c}\, H D_c

in complex channel c of layer :math:`\ell`, in the place of :math:`A_c = H D_c` of `airgraph_models.gnn.model_gnn`.
The eigenvalues of the Gram matrix of K users spread with K/N, from near one for few users to all of 0..4 for K = N, and
the steps that soon invert the first hardly invert the second: the weights of one network for all numbers of users have
to be something between. Source: paper 004, IV-B2, has a perceptron of K for the precoder's power, as
`airgraph_models.gnn.efficient_precoding` does; that one weighs the layers' second terms too is ours. Its last layer
starts at zero, at which this is a Model-GNN.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
import torch
from torch import Tensor, nn

from airgraph_models.gnn.model_gnn import ModelGNN, ModelGNNArchitecture
from airgraph_models.gnn.precoding_features import (
    matched_features,
    normalised_features,
    per_root_antennas,
    users_per_antenna,
)

HIDDEN = 16


class SteppedModelGNN(ModelGNN):
    """Model-GNN with steps by the number of users, for one transmitter, any numbers of users and antennas."""

    def __init__(self, architecture: ModelGNNArchitecture | None = None) -> None:
        """Random weights near Newton-Schulz steps; the widths of the paper by default."""
        sizes = architecture or ModelGNNArchitecture()
        super().__init__(sizes)
        self.channels = [1, *(width // 2 for width in sizes.widths)]
        self.steps = nn.Sequential(nn.Linear(1, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, sum(self.channels)))
        last = self.steps[-1]
        for weight in last.parameters():
            nn.init.zeros_(weight)

    def features(self, channel: Tensor) -> Tensor:
        """Output of the last layer ``[B, 2, N, K]``, before it is scaled to the budget."""
        steps = torch.split(torch.exp(self.steps(torch.log(users_per_antenna(channel))))[0], self.channels)
        scaled = per_root_antennas(channel) / self.rms
        features = matched_features(scaled)
        for number, layer in enumerate(self.layers):
            # Once for the real parts and once for the imaginary ones.
            step = torch.cat([steps[number], steps[number]])[:, None, None]
            features = layer(scaled, features, step)
            if number < self.last:
                features = normalised_features(features)
        return features
