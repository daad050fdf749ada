r"""Edge-convolutional graph network (ECGNN): messages over the interference graph, averaged.

.. math::
    d_k^{(0)} = [w_k, h_{kk}], \qquad
    d_k^{(t)} = \frac{1}{|N(k)|} \sum_{j \ne k} \sigma(W_1 d_k^{(t-1)} + W_2 h_{jk} + W_3 d_j^{(t-1)}), \qquad
    p_k = \mathrm{MLP}(d_k^{(T)})

with the rate weight w and the channel h from transmitter j to receiver k. Source: Shen et al. 2023, paper 000, (12).

The paper leaves open: widths, activations, the normalisation of the output, and batch normalisation. Taken from its
published code: messages of 16 and 32, a readout of 16, ReLU, a sigmoid, and batch normalisation after each ReLU. That
code also gives each link the channel of the other direction, :math:`h_{kj}`, where (12) has :math:`h_{jk}` alone, and
a constant one, which our biases make superfluous.
"""

# No postponed annotations here: TorchScript reads the class's annotations as types.
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from airgraph_models.gnn.dense_channels import ChannelInput, other_pairs
from airgraph_models.gnn.edge_convolution import EdgeConvolution
from airgraph_models.gnn.perceptron import perceptron


@dataclass(frozen=True)
class ECGNNArchitecture:
    """Sizes of an ECGNN.

    Attributes:
        messages: Width of each layer's messages, one a layer.
        readout: Hidden width of the MLP.
        both_directions: Links carry the channels of both directions (published code), not only the one heard (12).
        batch_norm: Normalise after each ReLU (published code); (12) does not.
        transform: What the network reads of the channels, see `ChannelInput`; amplitudes in the paper, without noise.
    """

    messages: tuple[int, ...] = (16, 32)
    readout: int = 16
    both_directions: bool = True
    batch_norm: bool = True
    transform: str = "amplitude"


class ECGNN(nn.Module):
    """ECGNN for power control on dense channel matrices of any size."""

    def __init__(self, architecture: ECGNNArchitecture | None = None) -> None:
        """Random weights; the sizes of the published code by default."""
        super().__init__()
        sizes = architecture or ECGNNArchitecture()
        self.both_directions = sizes.both_directions
        self.inputs = ChannelInput(sizes.transform)
        link = 2 if sizes.both_directions else 1
        states = (2, *sizes.messages)
        self.layers = nn.ModuleList(
            EdgeConvolution(state, link, message, sizes.batch_norm) for state, message in pairwise(states)
        )
        self.readout = perceptron((states[-1], sizes.readout), sizes.batch_norm)
        self.power = nn.Linear(sizes.readout, 1)

    def forward(self, snr: Tensor, weights: Tensor) -> Tensor:
        """Power over budget ``[B, K]`` in 0..1.

        Args:
            snr: ``[B, K, K]`` gain times budget over noise, receiver first.
            weights: ``[B, K]`` rate weights.
        """
        channel = self.inputs(snr)
        others = other_pairs(snr)
        link = channel.unsqueeze(3)
        if self.both_directions:
            link = torch.cat([link, channel.transpose(1, 2).unsqueeze(3)], dim=3)
        state = torch.stack([weights, channel.diagonal(dim1=1, dim2=2)], dim=2)
        # A lone pair has no neighbours: its mean is 0 / 1.
        neighbours = others.to(snr.dtype).sum(dim=1).clamp(min=1.0).reshape(1, -1, 1)
        for layer in self.layers:
            message = layer(state, link, others)
            state = message.masked_fill(~others.unsqueeze(2), 0.0).sum(dim=2) / neighbours
        hidden = self.readout(state.reshape(-1, state.shape[2]))
        return torch.sigmoid(self.power(hidden)).reshape(weights.shape)
