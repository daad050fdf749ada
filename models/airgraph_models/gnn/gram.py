r"""Gram-domain network for precoding: from K x K relations of users to each user's share of the dual uplink.

Every precoder worth having is described by K shares q of the budget (`airgraph_models.classical.dual_uplink`), and
what is best depends on the channel through its Gram matrix only. The network sees features of the users and of
their pairs that no unitary turn of the antennas and no phase of a user changes
(`airgraph_models.problems.precoding_gram`), and does L rounds of

.. math::
    m_{kj} &= \mathrm{ReLU}(W_e e_{kj} + W_s h_j + W_r h_k), \qquad
    s_k = \tfrac{1}{8} \sum_{j \ne k} m_{kj}, \qquad t_k = \max_{j \ne k} m_{kj}

    h_k &\leftarrow h_k + W_2\,\mathrm{ReLU}(W_1 [h_k, s_k, t_k])

    q &= \mathrm{softmax}(\log q^0 + w^T h)

with the shares :math:`q^0` that a few classical steps led to. So it is permutation equivariant too, and neither its
parameters nor its cost grow with the number of antennas. Our own design; the rounds are those of paper 001 (section
III) with a sum beside the maximum.
"""

# No postponed annotations here: TorchScript reads the class's annotations as types.
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from airgraph_models.gnn.graph_network import Architecture, GraphNetwork
from airgraph_models.gnn.random_graphs import random_users

SUM_SCALE = 0.125
"""Keeps sums over up to 31 pairs near one."""
LOG_SCALE = 0.2
"""The first feature of a user is the logarithm of its share so far, times this."""
SILENCE = -60.0
"""Logit of an absent user."""


@dataclass(frozen=True)
class GramArchitecture(Architecture):
    """Sizes of a Gram-domain network.

    Attributes:
        user_features: Inputs of a user.
        pair_features: Inputs of a pair.
        width: Width of a user's state.
        message: Width of a message.
        rounds: Number of rounds, each with weights of its own.
    """

    user_features: int
    pair_features: int
    width: int = 48
    message: int = 24
    rounds: int = 5

    layout: ClassVar[str] = "gram_blocks"
    title: ClassVar[str] = "Gram-domain graph network, shares of the dual uplink, rounds with weights of their own"
    paper: ClassVar[Mapping[str, str]] = {
        "authors": "AirGraph",
        "title": "Gram-domain graph network, our own design",
        "venue": "none; the optimal structure is (2) of A Model-based GNN for Learning Precoding",
        "equation": "docstring of airgraph_models.gnn.gram",
    }

    def build(self) -> "GramGNN":
        """The network, with random weights."""
        return GramGNN(self)


class GramRound(nn.Module):
    """One round of messages between all users."""

    def __init__(self, sizes: GramArchitecture) -> None:
        """Random weights."""
        super().__init__()
        self.pair = nn.Linear(sizes.pair_features, sizes.message, bias=False)
        self.source = nn.Linear(sizes.width, sizes.message, bias=False)
        self.target = nn.Linear(sizes.width, sizes.message)
        self.hidden = nn.Linear(sizes.width + 2 * sizes.message, sizes.width)
        self.update = nn.Linear(sizes.width, sizes.width)
        self.sum_scale = SUM_SCALE

    def forward(self, state: Tensor, pair: Tensor, apart: Tensor) -> Tensor:
        """The next state ``[B, K, W]``.

        Args:
            state: ``[B, K, W]``.
            pair: ``[B, K, K, E]``.
            apart: ``[B, K, K, 1]``, one for two different users that are present, else zero.
        """
        message = self.pair(pair) + self.source(state).unsqueeze(1) + self.target(state).unsqueeze(2)
        message = torch.relu(message) * apart
        # A message is not negative, so the zeros of absent pairs leave the maximum as it is.
        seen = torch.cat([state, message.sum(dim=2) * self.sum_scale, message.amax(dim=2)], dim=2)
        change: Tensor = self.update(torch.relu(self.hidden(seen)))
        return state + change


class GramGNN(GraphNetwork):
    """The network in the layout of `airgraph_models.problems.gram_blocks.GramBlocks`."""

    def __init__(self, architecture: GramArchitecture) -> None:
        """Random weights."""
        super().__init__(architecture)
        self.silence, self.log_scale = SILENCE, LOG_SCALE
        self.features = (architecture.user_features, architecture.pair_features)
        self.first = nn.Linear(architecture.user_features, architecture.width)
        self.rounds = nn.ModuleList([GramRound(architecture) for _ in range(architecture.rounds)])
        self.last = nn.Linear(architecture.width, 1)

    def forward(self, user: Tensor, pair: Tensor, present: Tensor, place: Tensor) -> Tensor:
        """Share of the budget ``[N, 1]`` of every user in the dual uplink; those of an instance add up to one.

        Args:
            user: ``[B, K, F]``, see `GramBlocks`.
            pair: ``[B, K, K, E]``.
            present: ``[B, K, 1]``.
            place: ``[N]`` int64.
        """
        both = present * present.transpose(1, 2)
        apart = (both * (1.0 - torch.eye(user.shape[1], dtype=user.dtype, device=user.device))).unsqueeze(3)
        state = torch.relu(self.first(user))
        for step in self.rounds:
            state = step(state, pair, apart)
        logit = user[:, :, :1] / self.log_scale + self.last(state)
        logit = logit * present + self.silence * (1.0 - present)
        share = torch.softmax(logit, dim=1)
        return share.reshape(-1, 1)[place]

    def random_graphs(self, rng: np.random.Generator, nodes: int) -> Sequence[Any]:
        """See `GraphNetwork`."""
        return [random_users(rng, nodes, *self.features)]
