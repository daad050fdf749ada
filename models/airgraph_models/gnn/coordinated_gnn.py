r"""Model-GNN for several cells whose transmitters coordinate their beams, with gates of the users, and a Vanilla-GNN.

Transmitter j of M has N antennas, cell m has K users, and features :math:`d_{jn, mk}` stand on every edge between an
antenna and a user: *intra-cell* ones (j = m), whose last features are the precoders, and *inter-cell* ones. Step 1 is
that of a single cell (`airgraph_models.gnn.model_gnn`), each transmitter for itself and over the users of all cells,

.. math::
    A_j = H_j D_j, \qquad E_j = D_j A_j

Step 2 shares weights over what permutations of cells, of a transmitter's antennas and of a cell's users exchange. With
the sums :math:`\bar d_{j, mk} = \sum_n d_{jn, mk}` over antennas and :math:`\bar c_{jn, m} = \sum_k [d, e]_{jn, mk}`
over users, an intra-cell edge takes

.. math::
    d_{mn, mk} \leftarrow \sigma\Bigl(S\, [d, e]_{mn, mk} + P_a \bar d_{m, mk} + P_r \sum_{l \ne m} \bar d_{l, mk}
    + Q_a \bar c_{mn, m} + Q_r \sum_{l \ne m} \bar c_{mn, l}\Bigr)

and an inter-cell edge, j other than m, has weights of its own, in which the user's own transmitter and the antenna's
own cell are apart from third ones:

.. math::
    d_{jn, mk} \leftarrow \sigma\Bigl(S' [d, e]_{jn, mk} + P'_a \bar d_{j, mk} + P'_o \bar d_{m, mk} + P'_r
    \sum_{l \ne j, m} \bar d_{l, mk} + Q'_a \bar c_{jn, m} + Q'_o \bar c_{jn, j} + Q'_r \sum_{l \ne j, m} \bar c_{jn, l}
    \Bigr)

Source: paper 004, III-E, which spells out the first and calls the second similar. Sums include the edge itself, as in
(12); like the term (c) of (15), what antennas gather of e is left out. Where the paper's sums leave out antenna n or
user k of other cells too, ours do not: another cell's numbering says nothing about this one's. With M = 1 this is
Model-GNN. Without step 1, e is absent, and hidden layers have a ReLU: the Vanilla-GNN of the same symmetry.

Gates are ours. Where the users of all cells outnumber a transmitter's antennas, a good answer leaves users unserved,
and all transmitters must agree on whom: features of one norm that meet only at their own transmitter cannot say. So
before its step 1 a layer asks what each user k would hear if the intra-cell features were sent, in every complex
channel,

.. math::
    o_k = |a_{kk}|^2, \qquad r_k = \sum_{i \ne k} |a_{ki}|^2, \qquad c_k = \sum_{i \ne k} |a_{ik}|^2, \qquad
    g_k = 2\, \mathrm{sigmoid}(\mathrm{MLP}(\log(o_k + \epsilon), \log(r_k + \epsilon), \log(c_k + \epsilon)))

with sums over the users of all cells, and multiplies the user's features on the edges from all transmitters by g. The
mean of a user's gates stays with it: the product of those of all layers so far multiplies its features after
:math:`\sigma`, so that who fades in one layer is quiet in the next.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from airgraph_models.gnn.model_gnn import near_newton_schulz
from airgraph_models.gnn.precoding_features import (
    heard,
    matched_features,
    normalised_features,
    on_the_budget,
    per_root_antennas,
    weighted_sums,
)

FIRST_SECOND = -0.3
"""Weight of e in the first layer: users of all cells are heard, so that the spectrum of A is wider than in one cell."""
FLOOR = 1e-2
"""Added to what users hear, in a logarithm; features have norm one, and the channels' entries mean power 1 / N."""


@dataclass(frozen=True)
class CoordinatedGNNArchitecture:
    """Sizes of a network for several cells.

    Attributes:
        widths: Features J of each hidden layer, even.
        model: Whether layers have step 1; without it this is a Vanilla-GNN, which has no gates.
        gates: Hidden features of the gates' perceptrons; without any this is the paper's network.
    """

    widths: tuple[int, ...] = (32, 32, 8)
    model: bool = True
    gates: int = 0


class EdgeUpdate(nn.Module):
    """The weights of one kind of edge: for its own features, and for groups of sums over antennas and over users."""

    def __init__(self, inputs: int, outputs: int, groups: int, second: float, *, model: bool) -> None:
        """Near ``2 d + second e``, sums at zero; without step 1 own features have random weights."""
        super().__init__()
        terms = 2 if model else 1
        random = nn.init.xavier_uniform_(torch.empty(outputs, inputs))
        self.own = nn.Parameter(near_newton_schulz(inputs, outputs, second) if model else random)
        """``S``."""
        self.over_antennas = nn.Parameter(torch.zeros(outputs, groups * inputs))
        """``[P_a, P_r]``; of inter-cell edges ``[P'_a, P'_o, P'_r]``."""
        self.over_users = nn.Parameter(torch.zeros(outputs, groups * terms * inputs))
        """``[Q_a, Q_r]``; of inter-cell edges ``[Q'_a, Q'_o, Q'_r]``."""

    def forward(self, own: Tensor, antennas: Tensor, users: Tensor) -> Tensor:
        """``[B, M, J', N, L, K]``; the arguments have the same axes, of extent one where they are sums."""
        return mixed(self.own, own) + mixed(self.over_antennas, antennas) + mixed(self.over_users, users)


def mixed(weight: Tensor, features: Tensor) -> Tensor:
    """``weight [J', J]`` times features ``[B, M, J, n, l, k]``."""
    flat = features.flatten(3).flatten(0, 1)
    # One product a transmitter, with no copies of the features, which an einsum over six axes would make.
    product = torch.bmm(weight.expand(flat.shape[0], -1, -1), flat)
    return product.reshape(features.shape[:2] + weight.shape[:1] + features.shape[3:])


def own_cell(values: Tensor) -> Tensor:
    """The intra-cell part of ``[B, M, J, n, M, k]``, as ``[B, M, J, n, 1, k]``."""
    return values.diagonal(dim1=1, dim2=4).permute(0, 4, 1, 2, 3).unsqueeze(4)


def sums_of_others(values: Tensor, axis: int) -> Tensor:
    """Sums along ``axis`` without the entry's own."""
    return values.sum(dim=axis, keepdim=True) - values


class UserGates(nn.Module):
    """A gate of every user in every complex channel."""

    def __init__(self, inputs: int, width: int) -> None:
        """For ``inputs`` features; all gates begin at one."""
        super().__init__()
        channels = inputs // 2
        self.floor = FLOOR
        self.perceptron = nn.Sequential(nn.Linear(3 * channels, width), nn.ReLU(), nn.Linear(width, channels))
        for weight in self.perceptron[-1].parameters():
            nn.init.zeros_(weight)

    def forward(self, weights: Tensor) -> Tensor:
        """Gates ``[B, 1, J, 1, M K]`` of A ``[B, M, J, M K, M, K]``."""
        half = weights.shape[2] // 2
        power = weights[:, :, :half].square() + weights[:, :, half:].square()
        # Transmitter m sends the beams of cell m: [B, C, M K, M K], receiver first.
        beams = own_cell(power).squeeze(4).permute(0, 2, 3, 1, 4).flatten(3)
        own = beams.diagonal(dim1=2, dim2=3)
        seen = torch.cat([own, beams.sum(dim=3) - own, beams.sum(dim=2) - own], dim=1)
        opened = 2.0 * torch.sigmoid(self.perceptron(torch.log(seen + self.floor).transpose(1, 2)).transpose(1, 2))
        return torch.cat([opened, opened], dim=1)[:, None, :, None]


class IntraCellLayer(nn.Module):
    """An update of intra-cell edges: the last one, of which nothing else is asked."""

    def __init__(self, inputs: int, outputs: int, second: float, sizes: CoordinatedGNNArchitecture) -> None:
        """``inputs`` and ``outputs`` are even numbers of features."""
        super().__init__()
        self.model = sizes.model
        self.gates = UserGates(inputs, sizes.gates) if sizes.gates else None
        self.intra = EdgeUpdate(inputs, outputs, 2, second, model=sizes.model)

    def forward(self, channel: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """The next features ``[B, M, J', N, 1, K]``, before the activation, and the users' mean gates.

        Args:
            channel: ``[B, M, M K, N, 2]`` channels, transmitter first.
            features: ``[B, M, J, N, M, K]`` features D of the edges: transmitter, feature, antenna, cell, user.
        """
        both, gates = self.terms(channel, features)
        return self.within(both, self.over_antennas(both), both.sum(dim=5, keepdim=True)), gates

    def terms(self, channel: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """Step 1: d and e side by side, ``[B, M, 2 J, N, M, K]``, and the users' mean gates ``[B, 1, 1, 1, M K]``.

        In a Vanilla-GNN d alone, and ones.
        """
        flat = features.flatten(4)
        gates = torch.ones_like(flat[:, :1, :, :1])
        if not self.model:
            return features, gates[:, :, :1]
        weights = heard(channel, flat)
        if self.gates is not None:
            gates = self.gates(weights.reshape(weights.shape[:4] + features.shape[4:]))
            flat, weights = gates * flat, gates * weights
        both = torch.cat([flat, weighted_sums(flat, weights)], dim=2)
        return both.reshape(both.shape[:4] + features.shape[4:]), gates.mean(dim=2, keepdim=True)

    def over_antennas(self, both: Tensor) -> Tensor:
        """Sums ``[B, M, J, 1, M, K]`` of d, the first of both terms."""
        features = both[:, :, : both.shape[2] // 2] if self.model else both
        return features.sum(dim=3, keepdim=True)

    def within(self, both: Tensor, antennas: Tensor, users: Tensor) -> Tensor:
        """Step 2 of intra-cell edges: from both terms, sums of d over antennas and of both over a cell's users."""
        updated: Tensor = self.intra(
            own_cell(both),
            torch.cat([own_cell(antennas), own_cell(sums_of_others(antennas, 1))], dim=2),
            torch.cat([own_cell(users), own_cell(sums_of_others(users, 4))], dim=2),
        )
        return updated


class CoordinatedLayer(IntraCellLayer):
    """An update of all edges, without its activation."""

    def __init__(self, inputs: int, outputs: int, second: float, sizes: CoordinatedGNNArchitecture) -> None:
        """``inputs`` and ``outputs`` are even numbers of features."""
        super().__init__(inputs, outputs, second, sizes)
        self.inter = EdgeUpdate(inputs, outputs, 3, second, model=sizes.model)

    def forward(self, channel: Tensor, features: Tensor) -> tuple[Tensor, Tensor]:
        """As of the intra-cell layer, with features ``[B, M, J', N, M, K]``."""
        both, gates = self.terms(channel, features)
        antennas, users = self.over_antennas(both), both.sum(dim=5, keepdim=True)
        # A user's own transmitter, whichever the edge's: its axis becomes that of the cells.
        host = own_cell(antennas).transpose(1, 4).expand_as(antennas)
        served = own_cell(users).expand_as(users)
        inter: Tensor = self.inter(
            both,
            torch.cat([antennas, host, sums_of_others(antennas, 1) - host], dim=2),
            torch.cat([users, served, sums_of_others(users, 4) - served], dim=2),
        )
        ones = torch.ones_like(antennas[0, :, 0, 0, :, 0])
        own = (torch.triu(ones) * torch.tril(ones))[:, None, None, :, None]
        return own * self.within(both, antennas, users) + (1.0 - own) * inter, gates


class CoordinatedGNN(nn.Module):
    """Model-GNN or Vanilla-GNN for several cells, any numbers of cells, users and antennas."""

    rms: Tensor

    def __init__(self, architecture: CoordinatedGNNArchitecture | None = None) -> None:
        """Random weights, near Newton-Schulz steps with step 1; the paper's Model-GNN by default."""
        super().__init__()
        sizes = architecture or CoordinatedGNNArchitecture()
        self.model = sizes.model
        first = CoordinatedLayer(2, sizes.widths[0], FIRST_SECOND, sizes)
        self.layers = nn.ModuleList([first, *(CoordinatedLayer(*pair, -1.0, sizes) for pair in pairwise(sizes.widths))])
        self.last = IntraCellLayer(sizes.widths[-1], 2, -1.0, sizes)
        self.register_buffer("rms", torch.ones(()))

    def standardise(self, channel: Tensor) -> None:
        """Takes the root-mean-square of a training set's channel entries as their unit."""
        self.rms = channel.square().sum(dim=-1).mean().sqrt()

    def forward(self, channel: Tensor) -> Tensor:
        r"""Precoders ``[B, M, N, K, 2]`` over the root of each transmitter's budget, :math:`\lVert V_m \rVert_F = 1`.

        Args:
            channel: ``[B, M, K, M, N, 2]``: ``[b, m, k, j, n]`` leads from antenna n of transmitter j to user k of cell
                m, times root of budget over noise.
        """
        scaled = (per_root_antennas(channel) / self.rms).movedim(3, 1)
        features = matched_features(scaled).permute(0, 1, 3, 4, 2, 5)
        flat = scaled.flatten(2, 3)
        kept = torch.ones_like(flat[:, :1, :, :1, 0]).transpose(2, 3)[:, :, None]
        for layer in self.layers:
            features, gates = layer(flat, features)
            if not self.model:
                features = torch.relu(features)
            kept = kept * gates
            features = (kept * normalised_features(features.flatten(4))).reshape(features.shape)
        return on_the_budget(self.last(flat, features)[0].squeeze(4))
