r"""Unfolded WMMSE (UWMMSE): scalar WMMSE whose mean-square-error weights two small graph filters bend.

With noise and budgets of one, layer l runs

.. math::
    u_k &= \frac{h_{kk} v_k}{1 + \sum_j h_{kj}^2 v_j^2}, \qquad
    w_k = \frac{a_k^{(l)}}{1 - u_k h_{kk} v_k} + b_k^{(l)}

    v_k &\leftarrow \mathrm{clip}\Bigl(
        \frac{\alpha_k u_k h_{kk} w_k}{\sum_j \alpha_j h_{jk}^2 u_j^2 w_j}, 0, 1\Bigr)

from full power, and :math:`a^{(l)} = \Psi(H; \theta_a^{(l)})`, :math:`b^{(l)} = \Psi(H; \theta_b^{(l)})` are graph
convolutions of two layers on the channel amplitudes (`GraphFilter`). With a = 1 and b = 0 a layer is an iteration of
WMMSE. Source: Chowdhury et al., "Unfolding WMMSE using graph neural networks for efficient power allocation", IEEE
Trans. Wireless Communications 2021 (arXiv:2009.10812), with which papers 000 and 003 compare.

From its published code: four layers with their own weights, five hidden features, a ReLU and then a sigmoid, node
features of one, Glorot weights and biases of 0.1. Departures: the rate weights, which it leaves out, scale w as they do
in WMMSE and are the node features of the filters (ones without weights, as there); the constant which it learns to add
to the denominator of v, zero at first, is left out, as the projection already keeps the budget.

Its channels fall off with distance and are small. Where many are of the order of one or more, as over i.i.d. Rayleigh
fading, the filters' sums saturate the sigmoids and it trains poorly: standardise its inputs there.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from airgraph_models.gnn.dense_channels import ChannelInput, other_pairs


@dataclass(frozen=True)
class UWMMSEArchitecture:
    """Sizes of a UWMMSE.

    Attributes:
        layers: Number of layers, each with its own weights; 4 in its source, 3 in paper 003.
        hidden: Hidden features of the graph filters.
        transform: What the filters read of the channels, see `ChannelInput`; amplitudes in the paper. The WMMSE steps
            always use the channels as they are, and through them the noise.
    """

    layers: int = 4
    hidden: int = 5
    transform: str = "amplitude"


class GraphFilter(nn.Module):
    r"""Two graph convolutions :math:`x \leftarrow \phi(H^T x W_1 + \mathrm{diag}(H) x W_0 + c)`, receiver first.

    Node k so gathers from the receivers j that it disturbs, over :math:`h_{jk}`: the published code multiplies with a
    channel matrix whose rows are transmitters.
    """

    def __init__(self, hidden: int) -> None:
        """One feature in, ``hidden`` between, one out in 0..1."""
        super().__init__()
        self.gather_in, self.own_in = nn.Linear(1, hidden), nn.Linear(1, hidden)
        self.gather_out, self.own_out = nn.Linear(hidden, 1), nn.Linear(hidden, 1)
        for linear in (self.gather_in, self.own_in, self.gather_out, self.own_out):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.constant_(linear.bias, 0.1)

    def forward(self, channel: Tensor, signal: Tensor) -> Tensor:
        """``channel [B, K, K]`` and ``signal [B, K]`` to ``[B, K]``."""
        caused = channel.transpose(1, 2)
        direct = channel.diagonal(dim1=1, dim2=2).unsqueeze(2)
        features = signal.unsqueeze(2)
        hidden = torch.relu(self.gather_in(torch.bmm(caused, features)) + self.own_in(direct * features))
        output = torch.sigmoid(self.gather_out(torch.bmm(caused, hidden)) + self.own_out(direct * hidden))
        return output.squeeze(2)


class UWMMSELayer(nn.Module):
    """One bent WMMSE iteration."""

    def __init__(self, hidden: int) -> None:
        """Filters with ``hidden`` features."""
        super().__init__()
        self.slope = GraphFilter(hidden)
        self.offset = GraphFilter(hidden)

    def forward(self, amplitude: Tensor, snr: Tensor, interfering: Tensor, channel: Tensor, weights: Tensor) -> Tensor:
        """The next amplitudes ``[B, K]``.

        Args:
            amplitude: ``[B, K]`` amplitudes v over the root of the budget.
            snr: ``[B, K, K]`` gain times budget over noise.
            interfering: ``[B, K, K]`` the same with a diagonal of zeros.
            channel: ``[B, K, K]`` what the filters read.
            weights: ``[B, K]`` rate weights.
        """
        root = torch.sqrt(snr.diagonal(dim1=1, dim2=2))
        power = amplitude.square().unsqueeze(2)
        # Summed without the signal, not by difference: at 60 dB float32 would lose the interference.
        rest = 1.0 + torch.bmm(interfering, power).squeeze(2)
        total = rest + (root * amplitude).square()
        u = root * amplitude / total
        w = weights * (self.slope(channel, weights) * (total / rest) + self.offset(channel, weights))
        price = torch.bmm(snr.transpose(1, 2), (w * u.square()).unsqueeze(2)).squeeze(2)
        # A silent pair (no weight, no gain) asks for 0 / 0: over the smallest price it stays silent.
        wanted: Tensor = w * u * root / price.clamp(min=1e-30)
        return wanted.clamp(0.0, 1.0)


class UWMMSE(nn.Module):
    """UWMMSE for power control on dense channel matrices of any size."""

    def __init__(self, architecture: UWMMSEArchitecture | None = None) -> None:
        """Random weights; the sizes of the published code by default."""
        super().__init__()
        sizes = architecture or UWMMSEArchitecture()
        self.inputs = ChannelInput(sizes.transform)
        self.layers = nn.ModuleList(UWMMSELayer(sizes.hidden) for _ in range(sizes.layers))

    def forward(self, snr: Tensor, weights: Tensor) -> Tensor:
        """Power over budget ``[B, K]`` in 0..1.

        Args:
            snr: ``[B, K, K]`` gain times budget over noise, receiver first.
            weights: ``[B, K]`` rate weights.
        """
        channel = self.inputs(snr)
        interfering = snr.masked_fill(~other_pairs(snr), 0.0)
        amplitude = torch.ones_like(weights)
        for layer in self.layers:
            amplitude = layer(amplitude, snr, interfering, channel, weights)
        return amplitude.square()
