r"""Power control by a multi-layer perceptron (PCNet): the whole channel matrix in, all powers out.

.. math::
    p = \mathrm{sigmoid}(W_L\, x_{L-1} + b_L), \qquad x_l = \mathrm{BN}(\mathrm{ReLU}(W_l\, x_{l-1} + b_l)), \qquad
    x_0 = \mathrm{vec}(|H|)

It knows nothing of the symmetry of the problem: K is fixed, and renumbering the pairs changes the answer. Source: Sun
et al., "Learning to optimize", IEEE Trans. Signal Processing 2018, trained on the answers of WMMSE; Liang et al.,
"Towards optimal power control via ensembling deep neural networks" (PCNet), IEEE Trans. Communications 2020, trained on
the sum rate. Papers 000, 001, 002 and 003 compare with one or the other.

They name no widths. Two hidden layers of 400 with batch normalisation are those of the MLP in paper 000's published
code, which ends in a ReLU6 over 6, for labels of 0 and 1; the sigmoid is that of the papers' graph networks, and has a
gradient everywhere.
"""

# No postponed annotations here: TorchScript reads the class's annotations as types.
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from airgraph_models.gnn.dense_channels import ChannelInput
from airgraph_models.gnn.perceptron import perceptron


@dataclass(frozen=True)
class PowerMLPArchitecture:
    """Sizes of an MLP for power control.

    Attributes:
        pairs: K, the only number of pairs it can take.
        hidden: Widths of the hidden layers.
        weighted: The rate weights are inputs too; in the papers they are one and are not.
        batch_norm: Normalise after each ReLU.
        transform: What the network reads of the channels, see `ChannelInput`; amplitudes in the papers, without noise.
    """

    pairs: int
    hidden: tuple[int, ...] = (400, 400)
    weighted: bool = False
    batch_norm: bool = True
    transform: str = "amplitude"


class PowerMLP(nn.Module):
    """MLP for power control of a fixed number of pairs."""

    def __init__(self, architecture: PowerMLPArchitecture) -> None:
        """Random weights."""
        super().__init__()
        self.pairs = architecture.pairs
        self.weighted = architecture.weighted
        self.inputs = ChannelInput(architecture.transform)
        width = self.pairs * (self.pairs + int(self.weighted))
        self.hidden = perceptron((width, *architecture.hidden), architecture.batch_norm)
        self.power = nn.Linear((width, *architecture.hidden)[-1], self.pairs)

    def forward(self, snr: Tensor, weights: Tensor) -> Tensor:
        """Power over budget ``[B, K]`` in 0..1.

        Args:
            snr: ``[B, K, K]`` gain times budget over noise, receiver first.
            weights: ``[B, K]`` rate weights; not read unless the architecture is weighted.
        """
        values = self.inputs(snr).reshape(-1, self.pairs * self.pairs)
        if self.weighted:
            values = torch.cat([values, weights], dim=1)
        return torch.sigmoid(self.power(self.hidden(values)))
