r"""Model-GNN for several cells, unrolled: layers that step towards the optimal structure, with gates of the users.

Beams that maximise a sum rate have the structure :math:`v_k = (\mu_m I + \sum_j \beta_j h_j h_j^H)^{-1} \alpha_k h_k`,
with the channels h from transmitter m to the users j of all cells. Each layer of paper 004's Model-GNN is made after a
first-order Taylor step of such an inverse. Its second-order term aggregates a precoder's own features,
:math:`\sum_j d_j (h_j^H d_k)` (`airgraph_models.gnn.coordinated_gnn`), and alpha, beta and mu are left to the weights.
Here the term aggregates channels, :math:`\sum_j \beta_j h_j (h_j^H v_k)`, as in a first-order step by the residual, and
alpha, beta and mu follow from the beams so far, as in WMMSE; learned is how far each user departs from them.

In the Gram domain, :math:`A_m = H_m H_m^H` and :math:`V_m = H_m^H X_m`, with a row of X for each user of any cell and a
column for each user of cell m. A layer hears :math:`T_m = A_m X_m`, so that user k gets :math:`t_{ki}` of the beam of
user i, whatever its cell, and

.. math::
    o_k = |t_{kk}|^2, \quad r_k = 1 + \sum_{i \ne k} |t_{ki}|^2, \quad \alpha_k = \frac{t_{kk}}{r_k}, \quad
    \beta_k = \frac{o_k}{r_k (o_k + r_k)}, \quad c_k = \sum_i \beta_i |t_{ik}|^2, \quad
    q_k = \lVert v_k \rVert^2

are signal, interference and noise, the two weights, the price of a beam and its power. A state s of each user
gathers those of others, along the beams in the air and over its cell and all cells,

.. math::
    [\Delta_k, y_k] = \mathrm{MLP}\Bigl(f_k,\, s_k,\, \sum_i \tfrac{|t_{ki}|^2}{o_k + r_k} s_i,\,
    \sum_i \tfrac{\beta_i |t_{ik}|^2}{c_k + \epsilon} s_i,\, \mathop{\mathrm{mean}}_{\text{cell}} s,\,
    \mathop{\mathrm{mean}}_{\text{all}} s \Bigr), \qquad s_k \leftarrow s_k + \Delta_k

with features f, the logarithms of :math:`o, r, c, q, a_{kk}`, an epsilon added to all but r, and the rate. The numbers
y are the gates of a step with momentum P, at first along the gradient of the sum rate on the budget with a diagonal
preconditioner:

.. math::
    Z_{jk} &= \delta_{jk} e^{y^1_k} \alpha_k - \hat\beta_j t_{jk}, \qquad \hat\beta_j = e^{y^2_j} \beta_j, \qquad
    \mu_m = \max(\epsilon, \mathrm{Re}\, \mathrm{tr}\, T_m^H Z_m)

    P_{jk} &\leftarrow y^3_k P_{jk} + \frac{e^{y^4_k + y^{5, 6}_j}}{\mu_m + \hat\beta_j a_{jj}} (Z_{jk} - \mu_m X_{jk}),
    \qquad X_{jk} \leftarrow 2\, \mathrm{sigmoid}(y^7_k)\, X_{jk} + P_{jk}

:math:`y^5` where j is of the transmitter's own cell, :math:`y^6` where it is not. Then X and P are scaled to
:math:`\lVert V_m \rVert_F = 1`. The last gate lets a user fade, which all transmitters learn of in the next layer.

First X is maximum-ratio transmission with equal powers. Nothing is solved and no matrix is inverted: a layer costs
one product with A. Weights do not depend on the numbers of cells, users and antennas; permutations of each, turns of a
transmitter's antennas and phases of users carry over to the beams exactly. Our own design.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from airgraph_models.gnn.precoding_features import on_the_budget
from airgraph_models.gnn.real_matrices import embedded

FLOOR = 1e-3
"""Added to powers and prices, in noise and budgets of one, where they are in a logarithm or divide."""
SMALLEST_POWER = 1e-24
"""Of a transmitter, under which silence stays silence."""
FIRST_GATES = (0.0, 0.0, 0.3, math.log(0.5), 0.0, 0.0, 0.0)
"""Of a first step: half as long as its preconditioner has it, with some momentum."""
FEATURES, GATHERED = 6, 5
"""Of a user, and how many states a layer's perceptron sees."""


@dataclass(frozen=True)
class CoordinatedStepsArchitecture:
    """Sizes of an unrolled network for several cells.

    Attributes:
        layers: Number of steps, each with weights of its own.
        state: Numbers that a user carries from layer to layer.
        hidden: Width of each layer's perceptron.
    """

    layers: int = 12
    state: int = 8
    hidden: int = 32


class Cells(NamedTuple):
    """What layers need of the channels, U = M K users and their beams on every transmitter."""

    gram: Tensor
    """``[B, M, 2U, 2U]`` A, embedded as `airgraph_models.gnn.real_matrices` has it."""
    reach: Tensor
    """``[B, M, U]`` its diagonal: how well each transmitter reaches each user."""
    gain: Tensor
    """``[B, U]`` the reach of a user's own transmitter."""
    own: Tensor
    """``[M, U, K]`` one where a row and a column of a transmitter are one user, else zero."""


def cells_of(channel: Tensor) -> Cells:
    """Of embedded channels ``[B, M, 2U, 2N]``, transmitter first."""
    gram = torch.matmul(channel, channel.transpose(2, 3))
    cells, everyone = gram.shape[1], gram.shape[2] // 2
    ones = torch.ones_like(gram[0, 0, :everyone, :everyone])
    own = (torch.triu(ones) * torch.tril(ones)).reshape(cells, -1, everyone).transpose(1, 2)
    reach = gram.diagonal(dim1=2, dim2=3)[:, :, :everyone]
    return Cells(gram, reach, (own.sum(dim=2) * reach).sum(dim=1), own)


def on_air(cells: Cells, beams: Tensor, smallest: float = SMALLEST_POWER) -> tuple[Tensor, Tensor, Tensor]:
    """X on the budget and T = A X, ``[B, M, 2U, K]`` each with real parts above imaginary ones, and X's factor."""
    air = torch.matmul(cells.gram, beams)
    power = (beams * air).sum(dim=3, keepdim=True).sum(dim=2, keepdim=True)
    factor = torch.where(power > smallest, torch.rsqrt(power.clamp(min=smallest)), torch.ones_like(power))
    return factor * beams, factor * air, factor


class GatedStep(nn.Module):
    """A layer: from what is known of the users to their next states, and a step of all beams with their gates."""

    def __init__(self, sizes: CoordinatedStepsArchitecture) -> None:
        """Gates begin as those of a gradient step with momentum, alike for all users."""
        super().__init__()
        self.state, self.floor = sizes.state, FLOOR
        self.hidden = nn.Linear(FEATURES + GATHERED * sizes.state, sizes.hidden)
        self.update = nn.Linear(sizes.hidden, sizes.state + len(FIRST_GATES))
        with torch.no_grad():
            self.update.weight[sizes.state :] = 0.0
            self.update.bias[sizes.state :] = torch.tensor(FIRST_GATES)

    def forward(
        self, cells: Cells, beams: Tensor, air: Tensor, momentum: Tensor, state: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The next X, before it is on the budget, P and s.

        Args:
            cells: The channels.
            beams: ``[B, M, 2U, K]`` X.
            air: ``[B, M, 2U, K]`` T.
            momentum: ``[B, M, 2U, K]`` P.
            state: ``[B, U, S]`` s.
        """
        everyone = state.shape[1]
        real, imag = air[:, :, :everyone], air[:, :, everyone:]
        # Transmitter m sends the beams of cell m: [B, U, U], receiver first.
        power = (real.square() + imag.square()).transpose(1, 2).reshape(-1, everyone, everyone)
        signal = power.diagonal(dim1=1, dim2=2)
        total = power.sum(dim=2) + 1.0
        noise = (total - signal).clamp(min=1.0)
        weight = signal / (noise * total)
        priced = weight[:, :, None] * power
        price = priced.sum(dim=1) + self.floor
        spent = (beams * air).sum(dim=2).reshape(-1, everyone)
        powers = torch.stack([signal + self.floor, noise, price, spent + self.floor, cells.gain + self.floor], dim=2)
        features = torch.cat([torch.log(powers), torch.log1p(signal / noise)[:, :, None]], dim=2)
        state, gates = self.gates(features, state, power / total[:, :, None], priced / price[:, None], beams.shape[1])

        boosted = (torch.exp(gates[:, :, 0]) / noise)[:, None, :, None] * cells.own
        curbed = (torch.exp(gates[:, :, 1]) * weight)[:, None, :, None]
        at_home = cells.own.sum(dim=2)
        by_beam = gates.reshape(-1, beams.shape[1], 1, beams.shape[3], gates.shape[2])
        slope = torch.cat([boosted * real - curbed * real, boosted * imag - curbed * imag], dim=2)
        multiplier = (air * slope).sum(dim=3, keepdim=True).sum(dim=2, keepdim=True).clamp(min=self.floor)
        by_row = at_home * gates[:, None, :, 4] + (1.0 - at_home) * gates[:, None, :, 5]
        length = torch.exp(by_beam[..., 3] + by_row[..., None]) / (multiplier + curbed * cells.reach[..., None])
        step = torch.cat([length, length], dim=2) * (slope - multiplier * beams)
        momentum = by_beam[..., 2] * momentum + step
        return 2.0 * torch.sigmoid(by_beam[..., 6]) * beams + momentum, momentum, state

    def gates(
        self, features: Tensor, state: Tensor, hears: Tensor, priced: Tensor, cells: int
    ) -> tuple[Tensor, Tensor]:
        """The next states ``[B, U, S]`` and gates ``[B, U, 7]``.

        Args:
            features: ``[B, U, 6]``.
            state: ``[B, U, S]``.
            hears: ``[B, U, U]`` what a user hears of each beam, a row's shares.
            priced: ``[B, U, U]`` what a beam costs each user, a column's shares.
            cells: M.
        """
        by_cell = state.reshape(-1, cells, state.shape[1] // cells, self.state)
        cell = by_cell.mean(dim=2, keepdim=True).expand_as(by_cell).reshape(state.shape)
        everyone = state.mean(dim=1, keepdim=True).expand_as(state)
        along = [torch.matmul(hears, state), torch.matmul(priced.transpose(1, 2), state)]
        known = torch.cat([features, state, along[0], along[1], cell, everyone], dim=2)
        found = self.update(torch.relu(self.hidden(known)))
        return state + found[:, :, : self.state], found[:, :, self.state :]


class CoordinatedSteps(nn.Module):
    """Unrolled Model-GNN for several cells, any numbers of cells, users and antennas."""

    def __init__(self, architecture: CoordinatedStepsArchitecture | None = None) -> None:
        """Begins as gradient steps with momentum."""
        super().__init__()
        sizes = architecture or CoordinatedStepsArchitecture()
        self.state, self.smallest = sizes.state, SMALLEST_POWER
        self.layers = nn.ModuleList([GatedStep(sizes) for _ in range(sizes.layers)])

    def forward(self, channel: Tensor) -> Tensor:
        r"""Precoders ``[B, M, N, K, 2]`` over the root of each transmitter's budget, :math:`\lVert V_m \rVert_F = 1`.

        Args:
            channel: ``[B, M, K, M, N, 2]``: ``[b, m, k, j, n]`` leads from antenna n of transmitter j to user k of cell
                m, times root of budget over noise.
        """
        whole = by_transmitter(channel)
        return sent(whole, self.steps(whole)[-1])

    def after_each_layer(self, channel: Tensor) -> list[Tensor]:
        """Precoders like those of `forward`, which are the last, as they would be were there no further layer."""
        whole = by_transmitter(channel)
        return [sent(whole, beams) for beams in self.steps(whole)]

    def steps(self, whole: Tensor) -> list[Tensor]:
        """X after each layer, of channels as `by_transmitter` has them."""
        cells = cells_of(whole)
        matched = torch.rsqrt(cells.gain.clamp(min=self.smallest))[:, None, :, None] * cells.own
        beams, air, _ = on_air(cells, torch.cat([matched, torch.zeros_like(matched)], dim=2))
        momentum = torch.zeros_like(beams)
        state = torch.zeros_like(cells.gain)[:, :, None].repeat(1, 1, self.state)
        passed: list[Tensor] = []
        for layer in self.layers:
            beams, momentum, state = layer(cells, beams, air, momentum, state)
            beams, air, factor = on_air(cells, beams)
            momentum = factor * momentum
            passed.append(beams)
        return passed


def by_transmitter(channel: Tensor) -> Tensor:
    """``[B, M, 2U, 2N]``, embedded, of channels ``[B, M, K, M, N, 2]``."""
    return embedded(channel.movedim(3, 1).flatten(2, 3))


def sent(whole: Tensor, beams: Tensor) -> Tensor:
    """``V = H^H X`` on the budget, ``[B, M, N, K, 2]``, of channels as `by_transmitter` has them."""
    stacked = torch.matmul(whole.transpose(2, 3), beams)
    antennas = stacked.shape[2] // 2
    return on_the_budget(torch.stack([stacked[:, :, :antennas], stacked[:, :, antennas:]], dim=2))
