r"""Unrolled max-min network: the normalised fixed point with learned steps, for interference linear in the powers.

With :math:`I(p) = F p + u`, L rounds from full power of

.. math::
    \log p_k \leftarrow \log p_k + \alpha_\ell \log \frac{I_k(p)}{p_k} + \text{MLP}_\ell\Bigl(
    \log \tfrac{I_k(p)}{p_k} - \text{mean}_j \log \tfrac{I_j(p)}{p_j},\ \log p_k,\ \log \tfrac{u_k}{I_k(p)},\
    \tfrac{F_{kk} p_k}{I_k(p)}\Bigr), \qquad p \leftarrow p / \max_k p_k

With :math:`\alpha_\ell = 1` and no MLP this is the fixed point itself (`airgraph_models.classical.max_min_power`), so
an untrained network is already a feasible, sensible answer; longer steps and the MLP shorten the way. It is permutation
equivariant, does not change when F and u are scaled together, and its cost is one K x K product a round, whatever the
number of access points. Our own design.
"""

# No postponed annotations here: TorchScript reads the class's annotations as types.
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from airgraph_models.gnn.graph_network import Architecture, GraphNetwork
from airgraph_models.gnn.random_graphs import random_couplings

FEATURES = 4
SMALLEST_POWER = 1e-12
"""Of full power, inside a logarithm."""
LEVEL = 0.1
"""Brings logarithms of powers near one."""


@dataclass(frozen=True)
class MaxMinArchitecture(Architecture):
    """Sizes of an unrolled max-min network.

    Attributes:
        rounds: Number of rounds, each with weights of its own.
        hidden: Width of each round's perceptron.
    """

    rounds: int = 6
    hidden: int = 16

    layout: ClassVar[str] = "gram_blocks"
    title: ClassVar[str] = "unrolled normalised fixed point for max-min power control, learned steps"
    paper: ClassVar[Mapping[str, str]] = {
        "authors": "AirGraph",
        "title": "Unrolled max-min network, our own design",
        "venue": "none; the problem is (5)-(6) of Graph Neural Networks for Wireless Communications: From Theory to "
        "Practice",
        "equation": "docstring of airgraph_models.gnn.max_min",
    }

    def build(self) -> "MaxMinGNN":
        """The network; its random weights matter only once it is trained."""
        return MaxMinGNN(self)


class MaxMinRound(nn.Module):
    """One step of the logarithm of the powers."""

    def __init__(self, hidden: int) -> None:
        """A plain fixed-point step."""
        super().__init__()
        self.step = nn.Parameter(torch.ones(1))
        self.first = nn.Linear(FEATURES, hidden)
        self.last = nn.Linear(hidden, 1, bias=False)
        nn.init.zeros_(self.last.weight)
        self.level = LEVEL

    def forward(self, log_power: Tensor, load: Tensor, noise: Tensor, own: Tensor, present: Tensor) -> Tensor:
        """The next logarithms of the powers ``[B, K, 1]``, up to a constant; all inputs ``[B, K, 1]``."""
        wanted = (torch.log(load) - log_power) * present
        centred = (wanted - wanted.sum(dim=1, keepdim=True) / present.sum(dim=1, keepdim=True)) * present
        share = torch.exp(log_power) * own / load
        seen = torch.cat([centred, self.level * log_power, self.level * torch.log(noise / load), share], dim=2)
        moved: Tensor = log_power + self.step * wanted + self.last(torch.tanh(self.first(seen)))
        return moved


class MaxMinGNN(GraphNetwork):
    """The network in the layout of `airgraph_models.problems.gram_blocks.GramBlocks`."""

    def __init__(self, architecture: MaxMinArchitecture) -> None:
        """Starts as the fixed point."""
        super().__init__(architecture)
        self.features = (2, 1)
        self.smallest = SMALLEST_POWER
        self.rounds = nn.ModuleList([MaxMinRound(architecture.hidden) for _ in range(architecture.rounds)])

    def forward(self, user: Tensor, pair: Tensor, present: Tensor, place: Tensor) -> Tensor:
        """Share of full power ``[N, 1]`` of every user.

        Args:
            user: ``[B, K, 2]`` noise u and own coupling F_kk, see `airgraph_models.problems.cell_free_users`.
            pair: ``[B, K, K, 1]`` coupling F, victim first, zero on the diagonal.
            present: ``[B, K, 1]``, one for a user and zero for padding.
            place: ``[N]`` int64, where each user lies among the B K rows.
        """
        absent = 1.0 - present
        noise, own = user[:, :, :1] + absent, user[:, :, 1:2]
        coupling = pair[:, :, :, 0]
        log_power = torch.zeros_like(noise)
        for step in self.rounds:
            power = torch.exp(log_power) * present
            load = torch.matmul(coupling, power) + own * power + noise
            log_power = step(log_power, load, noise, own, present) * present
            # Absent users must not be the largest.
            largest = (log_power - absent / self.smallest).amax(dim=1, keepdim=True)
            log_power = (log_power - largest).clamp(-30.0, 0.0) * present
        return torch.exp(log_power).reshape(-1, 1)[place]

    def random_graphs(self, rng: np.random.Generator, nodes: int) -> Sequence[Any]:
        """See `GraphNetwork`."""
        return [random_couplings(rng, nodes)]
