r"""Unrolled alternation for partially connected hybrid precoders, several learned starts at once.

The network of paper 000, (25), passes messages between symbols and antennas,
:math:`d_\text{antenna} = P_X(F_\text{opt} d_\text{symbol})` and
:math:`d_\text{symbol} = F_\text{opt}^H d_\text{antenna} W`, with weights W between the chains, so that it is bound to
one number of them. But chains share no antenna: each maximises :math:`\|F_r^H s\|` over phases s of its own, whatever
the others do. Here every chain runs the same T rounds of

.. math::
    q = d_t + \beta_t (d_t - d_{t-1}), \qquad x = F_r q, \qquad s = \frac{x}{|x| + \varepsilon_t}, \qquad
    d_{t+1} = \frac{F_r^H s}{\|F_r^H s\|}

from H starts :math:`d_0`, all learned, and the best end answers; it is picked where the answer is read, because
rounding may pick between equal ones. The momentum :math:`\beta_t` shortens the way; the soft phases, which become hard
as :math:`\varepsilon_t` falls, smooth poor local optima away. With :math:`\beta = \varepsilon = 0` and one start it is
the alternation itself. Turning an antenna's phase turns its answer and permuting a chain's antennas permutes it; any
number of chains and antennas will do. Our own design.
"""

# No postponed annotations here: TorchScript reads the class's annotations as types.
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from airgraph_models.gnn.graph_network import Architecture, GraphNetwork
from airgraph_models.gnn.random_graphs import random_chains
from airgraph_models.problems.hybrid_chains import MOST_STREAMS

FIRST_SOFTNESS, LAST_SOFTNESS = 0.5, 0.01
TINY = 1e-12


@dataclass(frozen=True)
class UnrolledChainsArchitecture(Architecture):
    """Sizes of the network.

    Attributes:
        rounds: T, each with a momentum and a softness of its own.
        starts: H.
    """

    rounds: int = 10
    starts: int = 12

    layout: ClassVar[str] = "chain_blocks"
    title: ClassVar[str] = "unrolled alternation for hybrid precoding, learned starts, momentum and softness"
    paper: ClassVar[Mapping[str, str]] = {
        "authors": "AirGraph",
        "title": "Unrolled alternation with learned starts, our own design",
        "venue": "none; after (25) of Graph Neural Networks for Wireless Communications: From Theory to Practice",
        "equation": "docstring of airgraph_models.gnn.unrolled_chains",
    }

    def build(self) -> "UnrolledChains":
        """The network; its random starts matter only once it is trained."""
        return UnrolledChains(self)


class UnrolledChains(GraphNetwork):
    """The network in the layout of `airgraph_models.problems.chain_blocks.ChainBlocks`."""

    def __init__(self, architecture: UnrolledChainsArchitecture) -> None:
        """Starts as the alternation with soft phases, from random directions."""
        super().__init__(architecture)
        rounds = architecture.rounds
        self.rounds = rounds
        self.tiny = TINY
        start = torch.randn(2 * MOST_STREAMS, architecture.starts)
        self.start = nn.Parameter(start / torch.linalg.vector_norm(start, dim=0, keepdim=True))
        self.momentum = nn.Parameter(torch.zeros(rounds))
        self.log_softness = nn.Parameter(torch.linspace(math.log(FIRST_SOFTNESS), math.log(LAST_SOFTNESS), rounds))

    def forward(self, block: Tensor, place: Tensor) -> Tensor:
        """What each antenna sends towards each start's end ``[N, 2 H]``, H real parts and H imaginary ones.

        The phases of it are the answer. They are taken where it is read: a number near zero has a phase that rounding
        turns.

        Args:
            block: ``[C, 2, L, Ns, 2]``, see `airgraph_models.problems.hybrid_chains`.
            place: ``[N]`` int64, where each antenna lies among the C L rows.
        """
        chains, length, width = block.shape[0], block.shape[2], 2 * block.shape[3]
        # In double precision, which costs no time at this size: near a saddle the rounds grow an error a hundredfold,
        # and with it which start is best.
        matrix = block.reshape(chains, 2 * length, width).double()
        adjoint = matrix.transpose(1, 2).contiguous()
        starts = self.start.shape[1]
        symbol = self.start[:width].unsqueeze(0).double()
        before = symbol
        momentum, softness = self.momentum.double(), torch.exp(self.log_softness).double()
        for step in range(self.rounds):
            ahead = symbol + momentum[step] * (symbol - before)
            heard = torch.matmul(matrix, ahead).reshape(chains, 2, length, starts)
            soft = heard / (torch.linalg.vector_norm(heard, dim=1, keepdim=True) + softness[step])
            before = symbol
            symbol = torch.matmul(adjoint, soft.reshape(chains, 2 * length, starts))
            symbol = symbol / (torch.linalg.vector_norm(symbol, dim=1, keepdim=True) + self.tiny)
        ends = torch.matmul(matrix, symbol).reshape(chains, 2, length, starts)
        return ends.float().transpose(1, 2).reshape(chains * length, 2 * starts)[place]

    def random_graphs(self, rng: np.random.Generator, nodes: int) -> Sequence[Any]:
        """See `GraphNetwork`."""
        return [random_chains(rng, nodes)]
