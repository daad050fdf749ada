r"""Power-control graph network (PCGNN): ECGNN with embedded features and a maximum in place of the mean.

.. math::
    x_k^{(0)} = \sigma(W_1^{(0)} [h_{kk}, w_k]), \qquad e_{jk} = \sigma(W_2^{(0)} [h_{jk}, h_{kj}])

    d_k^{(t)} = \max_{j \ne k} \sigma(W_1^{(t)} d_k^{(t-1)} + W_2^{(t)} e_{jk} + W_3^{(t)} d_j^{(t-1)}), \qquad
    p_k = \mathrm{MLP}(d_k^{(T)})

with :math:`d^{(0)} = x^{(0)}`, the rate weight w, and the channel h from transmitter j to receiver k. Source: Shen et
al. 2023, paper 000, (20)-(21), two layers.

The paper leaves open: widths, activations, the normalisation of the output, whether :math:`W_2` differs between layers,
and batch normalisation. Taken from its published code: embeddings of 8 and 16, messages of 16 and 24, a readout of 16,
ReLU, a sigmoid, a matrix for each layer, and batch normalisation after each ReLU. That code departs from (20)-(21) in
that the readout also sees :math:`x^{(0)}` (`PCGNNArchitecture.skip`); and it feeds a constant one beside the direct
channel, where we have the rate weight (one in its experiments), and beside the interference, where a bias does it.
"""

# No postponed annotations here: TorchScript reads the class's annotations as types.
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from airgraph_models.gnn.dense_channels import ChannelInput, other_pairs, strongest_message
from airgraph_models.gnn.edge_convolution import EdgeConvolution, LinkNorm, NoLinkNorm
from airgraph_models.gnn.perceptron import perceptron


@dataclass(frozen=True)
class PCGNNArchitecture:
    """Sizes of a PCGNN.

    Attributes:
        node: Width of the embedded node features x.
        link: Width of the embedded link features e.
        messages: Width of each layer's messages, one a layer.
        readout: Hidden width of the MLP.
        skip: The MLP reads the embedded node features beside the last state (published code); (21) does not.
        batch_norm: Normalise after each ReLU (published code); (20)-(21) do not.
        transform: What the network reads of the channels, see `ChannelInput`; amplitudes in the paper, without noise.
    """

    node: int = 8
    link: int = 16
    messages: tuple[int, ...] = (16, 24)
    readout: int = 16
    skip: bool = True
    batch_norm: bool = True
    transform: str = "amplitude"


class PCGNN(nn.Module):
    """PCGNN for power control on dense channel matrices of any size."""

    def __init__(self, architecture: PCGNNArchitecture | None = None) -> None:
        """Random weights; the sizes of the published code by default."""
        super().__init__()
        sizes = architecture or PCGNNArchitecture()
        self.skip = sizes.skip
        self.inputs = ChannelInput(sizes.transform)
        self.node = perceptron((2, sizes.node), sizes.batch_norm)
        self.link = nn.Linear(2, sizes.link)
        self.link_norm = LinkNorm(sizes.link) if sizes.batch_norm else NoLinkNorm()
        states = (sizes.node, *sizes.messages)
        self.layers = nn.ModuleList(
            EdgeConvolution(state, sizes.link, message, sizes.batch_norm) for state, message in pairwise(states)
        )
        read = states[-1] + (sizes.node if sizes.skip else 0)
        self.readout = perceptron((read, sizes.readout), sizes.batch_norm)
        self.power = nn.Linear(sizes.readout, 1)

    def forward(self, snr: Tensor, weights: Tensor) -> Tensor:
        """Power over budget ``[B, K]`` in 0..1.

        Args:
            snr: ``[B, K, K]`` gain times budget over noise, receiver first.
            weights: ``[B, K]`` rate weights.
        """
        channel = self.inputs(snr)
        others = other_pairs(snr)
        both = torch.stack([channel, channel.transpose(1, 2)], dim=3)
        link = self.link_norm(torch.relu(self.link(both)), others)
        own = torch.stack([channel.diagonal(dim1=1, dim2=2), weights], dim=2)
        embedded = self.node(own.reshape(-1, 2)).reshape(own.shape[0], own.shape[1], -1)
        state = embedded
        for layer in self.layers:
            state = strongest_message(layer(state, link, others), others)
        if self.skip:
            state = torch.cat([state, embedded], dim=2)
        hidden = self.readout(state.reshape(-1, state.shape[2]))
        return torch.sigmoid(self.power(hidden)).reshape(weights.shape)
