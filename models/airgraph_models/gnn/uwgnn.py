r"""Unrolled-WMMSE graph network (UWGNN): two message passings a layer, in the shape of one WMMSE iteration.

.. math::
    a_i &= \max_{j \ne i} \mathrm{MLP}_1(h_{ij}, v_j), \qquad
    u_i = \mathrm{MLP}_2(h_{ii}, v_i, a_i), \qquad
    w_i = \mathrm{MLP}_3(h_{ii}, v_i, u_i)

    c_i &= \max_{j \ne i} \mathrm{MLP}_4(h_{ji}, u_j, w_j), \qquad
    v_i \leftarrow \mathrm{sigmoid}(\mathrm{MLP}_5(\lambda_i, h_{ii}, u_i, w_i, c_i))

with the channel :math:`h_{ij}` from transmitter j to receiver i, the rate weight :math:`\lambda` and the amplitude v;
u and w are vectors, and all layers share the weights. The power over budget is :math:`v^2`, as in the loss (18).
Source: "Knowledge-driven resource allocation for D2D networks: a WMMSE unrolled GNN approach", paper 003, (13)-(17),
three layers.

The widths of section V-A, {5, 8, 16}, {19, 8, 4}, {7, 8, 4}, {10, 8, 16} and {27, 8, 1}, determine what (13)-(17)
abbreviate: a link carries the channels of both directions, and a node (:math:`\lambda_i, h_{ii}, v_i`) wherever one of
the three is named, which makes 2 + 3, 16 + 3, 3 + 4, 2 + 4 + 4 and 3 + 4 + 4 + 16 inputs. They have 953 parameters,
biases included. Table II says 1.906 K, which is twice that, as its 2.466 K is twice the 1,233 of WCGCN: its tool counts
a module twice that is registered under two names.

The paper leaves open: activations inside the MLPs (a ReLU after every layer but the last of MLP5, as in the published
code of WCGCN), and the first amplitude (full power, as in WMMSE).
"""

# No postponed annotations here: TorchScript reads the class's annotations as types.
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from airgraph_models.gnn.dense_channels import ChannelInput, other_pairs, strongest_message
from airgraph_models.gnn.perceptron import perceptron

NODE = 3
LINK = 2


@dataclass(frozen=True)
class UWGNNArchitecture:
    """Sizes of a UWGNN.

    Attributes:
        hidden: Hidden width of all five MLPs.
        message: Output width of MLP1 and MLP4.
        variable: Output width of MLP2 and MLP3, the width of u and of w.
        layers: Number of layers, all with the same weights.
        transform: What the network reads of the channels, see `ChannelInput`; amplitudes in the paper, without noise.
    """

    hidden: int = 8
    message: int = 16
    variable: int = 4
    layers: int = 3
    transform: str = "amplitude"


class UWGNN(nn.Module):
    """UWGNN for power control on dense channel matrices of any size."""

    def __init__(self, architecture: UWGNNArchitecture | None = None) -> None:
        """Random weights; the paper's sizes by default."""
        super().__init__()
        sizes = architecture or UWGNNArchitecture()
        hidden, message, variable = sizes.hidden, sizes.message, sizes.variable
        self.layers = sizes.layers
        self.inputs = ChannelInput(sizes.transform)
        self.interference = perceptron((LINK + NODE, hidden, message))
        self.receiver = perceptron((message + NODE, hidden, variable))
        self.weight = perceptron((NODE + variable, hidden, variable))
        self.price = perceptron((LINK + 2 * variable, hidden, message))
        self.update = perceptron((NODE + 2 * variable + message, hidden))
        self.amplitude = nn.Linear(hidden, 1)

    def forward(self, snr: Tensor, weights: Tensor) -> Tensor:
        """Power over budget ``[B, K]`` in 0..1.

        Args:
            snr: ``[B, K, K]`` gain times budget over noise, receiver first.
            weights: ``[B, K]`` rate weights.
        """
        batch, pairs = weights.shape[0], weights.shape[1]
        channel = self.inputs(snr)
        others = other_pairs(snr)
        # (13) lists the channel heard first, (16) the channel caused.
        heard = torch.stack([channel, channel.transpose(1, 2)], dim=3)
        caused = torch.stack([channel.transpose(1, 2), channel], dim=3)
        fixed = torch.stack([weights, channel.diagonal(dim1=1, dim2=2)], dim=2)
        amplitude = torch.ones_like(fixed[:, :, :1])
        for _ in range(self.layers):
            node = torch.cat([fixed, amplitude], dim=2)
            sender = node.unsqueeze(1).expand(batch, pairs, pairs, node.shape[2])
            interference = strongest_message(self.interference(torch.cat([heard, sender], dim=3)), others)
            receiver = self.receiver(torch.cat([interference, node], dim=2))
            weight = self.weight(torch.cat([node, receiver], dim=2))
            both = torch.cat([receiver, weight], dim=2)
            victim = both.unsqueeze(1).expand(batch, pairs, pairs, both.shape[2])
            price = strongest_message(self.price(torch.cat([caused, victim], dim=3)), others)
            update = self.update(torch.cat([node, both, price], dim=2))
            amplitude = torch.sigmoid(self.amplitude(update))
        return amplitude.squeeze(2).square()
