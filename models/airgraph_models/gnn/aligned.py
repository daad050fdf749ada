r"""WMMSE-aligned graph network: a few learned steps, each in the shape of one WMMSE iteration, over linear gains.

With the signal-to-noise ratios g (budgets and noise one, receiver first), powers p, rate weights :math:`\alpha`, C
*virtual powers* q and C *virtual prices* r, one step does

.. math::
    I_k &= 1 + \sum_{j \ne k} g_{kj} p_j, \qquad
    \tilde I_k = 1 + \sum_{j \ne k} g_{kj} q_j, \qquad
    h_k = \mathrm{MLP}_1(\log I_k, \log(I_k + g_{kk} p_k), \log\tilde I_k, s_k)

    \lambda_k &= \frac{\alpha_k g_{kk} p_k}{I_k (I_k + g_{kk} p_k)}, \qquad
    r_k = \mathrm{sigmoid}(W h_k) / I_k, \qquad
    d_k = \sum_{j \ne k} g_{jk} \lambda_j, \qquad
    c_k = g_{kk} \lambda_k + d_k, \qquad
    \tilde c_k = \sum_{j \ne k} g_{jk} r_j

    \omega_k &= \log \frac{\alpha_k^2 g_{kk}^2 p_k}{I_k^2 c_k^2}, \qquad
    (a, b, q, m)_k = \mathrm{MLP}_2(h_k, \log c_k, \log d_k, \log\tilde c_k, \omega_k, s_k), \qquad
    p_k \leftarrow \mathrm{sigmoid}(2 a_k + b_k \omega_k)

where :math:`\lambda` are WMMSE's prices, :math:`\omega` is the logarithm of the power that WMMSE would set next
(`airgraph_models.classical.scalar_wmmse`), and :math:`s_k` holds the direct channel, the weight, p, q and the memory m
of the step before. So the network knows what WMMSE knows, may ask what other powers and prices would cause, and decides
in logarithms, which are as meaningful at -10 dB as at 40 dB and for two pairs as for two hundred. All per-link work is
two matrix products a step.

Our own design, after the unrolling of "Knowledge-driven resource allocation for D2D networks" (paper 003, (13)-(17))
and the permutation equivariance of paper 001 (section III); no paper has it in this form.
"""

# No postponed annotations here: TorchScript reads the class's annotations as types.
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from airgraph_models.gnn.aligned_inference import AlignedInference
from airgraph_models.gnn.graph_network import Architecture, GraphNetwork
from airgraph_models.gnn.random_graphs import random_gains

LOG_SCALE = 0.2
"""Brings logarithms of 0 to 100 dB to the order of one."""
SMALLEST_SHARE, SMALLEST_COST = 1e-6, 1e-9
WISH_RANGE = (-14.0, 7.0)
"""Of the logarithm of WMMSE's next power: beyond it a power is silent or full anyway."""
FIXED = 4


@dataclass(frozen=True)
class AlignedArchitecture(Architecture):
    """Sizes of an aligned network.

    Attributes:
        hidden: Hidden width of both MLPs.
        channels: Virtual powers and virtual prices a node, C.
        memory: Width of the memory m.
        steps: Number of steps, each with weights of its own.
    """

    hidden: int = 32
    channels: int = 4
    memory: int = 8
    steps: int = 6

    layout: ClassVar[str] = "gain_blocks"
    title: ClassVar[str] = "WMMSE-aligned graph network, sums over linear gains, steps with weights of their own"
    paper: ClassVar[Mapping[str, str]] = {
        "authors": "AirGraph",
        "title": "WMMSE-aligned graph network, our own design",
        "venue": "none; after the unrolling of WMMSE in Knowledge-Driven Resource Allocation for D2D Networks: A WMMSE "
        "Unrolled GNN Approach",
        "equation": "docstring of airgraph_models.gnn.aligned",
    }

    def build(self) -> "AlignedGNN":
        """The network, with random weights."""
        return AlignedGNN(self)


class AlignedStep(nn.Module):
    """One step: from powers and memory to better ones."""

    def __init__(self, sizes: AlignedArchitecture) -> None:
        """Random weights."""
        super().__init__()
        state = FIXED + 2 + sizes.channels + sizes.memory + 2 + sizes.channels
        self.channels = sizes.channels
        # TorchScript knows a module's attributes, not its file's constants.
        self.log_scale, self.wish_range = LOG_SCALE, WISH_RANGE
        self.smallest_share, self.smallest_cost = SMALLEST_SHARE, SMALLEST_COST
        self.receiver = nn.Linear(state, sizes.hidden)
        self.price = nn.Linear(sizes.hidden, sizes.channels)
        self.hidden = nn.Linear(sizes.hidden + state + 3 + sizes.channels, sizes.hidden)
        self.update = nn.Linear(sizes.hidden, 2 + sizes.channels + sizes.memory)

    def forward(
        self,
        node: Tensor,
        fixed: Tensor,
        state: Tensor,
        heard: Tensor,
        caused: Tensor,
        source: Tensor,
        place: Tensor,
    ) -> Tensor:
        """The next state ``[N, 1 + C + M]``: power, virtual powers, memory.

        Args:
            node: ``[N, 2]`` direct signal-to-noise ratio and weight.
            fixed: ``[N, 4]`` what never changes of the inputs of the MLPs.
            state: ``[N, 1 + C + M]`` of the step before.
            heard: See `AlignedGNN.forward`.
            caused: See there.
            source: See there.
            place: See there.
        """
        direct, weight = node[:, :1], node[:, 1:]
        power, powers = state[:, :1], state[:, : 1 + self.channels]
        share = torch.log(torch.clamp(power, min=self.smallest_share))
        level = 1.0 + sums(heard, powers, source, place)
        rest = level[:, :1]
        own = direct * power
        total = rest + own
        log_level = torch.log(torch.cat([level, total], dim=1))
        known = torch.cat([fixed, state, torch.cat([share, log_level], dim=1) * self.log_scale], dim=1)
        hidden = torch.relu(self.receiver(known))
        price = torch.cat([weight * own / total, exact_sigmoid(self.price(hidden))], dim=1) / rest
        back = sums(caused, price, source, place)
        cost = torch.cat([direct * price[:, :1] + back[:, :1], back], dim=1)
        log_cost = torch.log(torch.clamp(cost, min=self.smallest_cost))
        # `fixed` ends with the scaled logarithms of the direct channel and the weight.
        signal = fixed[:, 2:].sum(dim=1, keepdim=True) / self.log_scale
        asked = 2.0 * (signal - log_level[:, :1] - log_cost[:, :1]) + share
        wish = torch.clamp(asked, min=self.wish_range[0], max=self.wish_range[1])
        seen = torch.cat([hidden, known, torch.cat([log_cost, wish], dim=1) * self.log_scale], dim=1)
        raw = self.update(torch.relu(self.hidden(seen)))
        answer = 2.0 * raw[:, :1] + raw[:, 1:2] * wish
        powers = exact_sigmoid(torch.cat([answer, raw[:, 2 : 2 + self.channels]], dim=1))
        return torch.cat([powers, torch.tanh(raw[:, 2 + self.channels :])], dim=1)


class AlignedGNN(GraphNetwork):
    """The aligned network in the layout of `airgraph_models.problems.gain_blocks.GainBlocks`."""

    def __init__(self, architecture: AlignedArchitecture) -> None:
        """Random weights."""
        super().__init__(architecture)
        self.channels = architecture.channels
        self.log_scale, self.smallest_share = LOG_SCALE, SMALLEST_SHARE
        self.first = nn.Parameter(torch.zeros(1, architecture.channels + architecture.memory))
        self.steps = nn.ModuleList([AlignedStep(architecture) for _ in range(architecture.steps)])

    def forward(self, node: Tensor, heard: Tensor, caused: Tensor, source: Tensor, place: Tensor) -> Tensor:
        """Power over budget ``[N, 1]`` of every node, in 0..1.

        Args:
            node: ``[N, 2]`` direct signal-to-noise ratio, and rate weight over the largest of the instance.
            heard: ``[B, R, S]`` gains of the blocks, see `GainBlocks`.
            caused: ``[B, R, S]`` gains in the other direction.
            source: ``[B, S]`` int64 node of each source.
            place: ``[N, C]`` int64 results that belong to each node.
        """
        logs = torch.log(torch.clamp(node, min=self.smallest_share))
        fixed = torch.cat([torch.log(node[:, :1] + 1.0) * self.log_scale, node[:, 1:], logs * self.log_scale], dim=1)
        # Starts from full power, as WMMSE does.
        full = torch.ones_like(node[:, :1])
        first = full * self.first
        virtual, memory = exact_sigmoid(first[:, : self.channels]), torch.tanh(first[:, self.channels :])
        state = torch.cat([full, virtual, memory], dim=1)
        for step in self.steps:
            state = step(node, fixed, state, heard, caused, source, place)
        return state[:, :1]

    def inference_form(self) -> nn.Module:
        """See `airgraph_models.gnn.aligned_inference`."""
        return AlignedInference(self)

    def random_graphs(self, rng: np.random.Generator, nodes: int) -> Sequence[Any]:
        """See `GraphNetwork`."""
        return [random_gains(rng, nodes, dense=dense) for dense in (True, False)]


def sums(gains: Tensor, values: Tensor, source: Tensor, place: Tensor) -> Tensor:
    """``[N, F]`` sums over the links of each node: gains of the blocks ``[B, R, S]`` times ``values [N, F]``."""
    results = torch.matmul(gains, values[source])
    # Places first: ONNX Runtime sums over a leading axis much faster than over one in the middle.
    return results.reshape(-1, values.shape[1])[place.t()].sum(dim=0)


def exact_sigmoid(logit: Tensor) -> Tensor:
    """``1 / (1 + exp(-x))`` with a small relative error at small values too.

    The network takes logarithms of what comes out, and the sigmoid of ONNX Runtime is exact to 1e-7 only in absolute
    terms: a power of 1e-6 would be off by a tenth.
    """
    return torch.reciprocal(1.0 + torch.exp(torch.clamp(-logit, max=30.0)))
