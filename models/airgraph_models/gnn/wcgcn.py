r"""Wireless channel graph convolution network (WCGCN) over a two-level neighbour table.

One layer updates every node of the interference graph (Shen et al. 2021, paper 001, equation (11)):

.. math::
    x_i \leftarrow \beta\bigl(\mathrm{MLP}_2(x_i, n_i,
        \max_{j \in N(i)} \mathrm{MLP}_1(x_j, n_j, e_{ji}))\bigr)

with the hidden state x, the node's own features n (direct channel and rate weight; kept at every layer, so that the
direct channel does not vanish after the first) and the link features e. The state is the allocation and, where a
network has one, a few numbers of memory, squashed by tanh: without it, all that a layer has learnt about the
neighbourhood is lost to the next but for the allocation itself. All layers share the weights. The network starts from
the closed-form baseline: full power, or the maximum-ratio beam.
"""

# No postponed annotations here: TorchScript reads the class's annotations as types.
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from airgraph_models.gnn.graph_network import Architecture, GraphNetwork
from airgraph_models.gnn.random_graphs import random_graph


@dataclass(frozen=True)
class WCGCNArchitecture(Architecture):
    """Sizes of a WCGCN.

    Attributes:
        node_features: Width of a node's features n.
        link_features: Width of a link's features e.
        antennas: 0 for power control (the allocation is a share of the budget), else antennas N (a beam of 2N reals).
        message: Hidden and output width of MLP1.
        update: Hidden width of MLP2.
        memory: Width of the state beside the allocation.
        layers: Number of layers, all with the same weights.
    """

    node_features: int
    link_features: int
    antennas: int
    message: tuple[int, int]
    update: int
    memory: int = 0
    layers: int = 3

    layout: ClassVar[str] = "row_table"
    title: ClassVar[str] = "WCGCN, max aggregation, one set of weights for all layers"
    paper: ClassVar[Mapping[str, str]] = {
        "authors": "Y. Shen, Y. Shi, J. Zhang, K. B. Letaief",
        "title": "Graph Neural Networks for Scalable Radio Resource Management: "
        "Architecture Design and Theoretical Analysis",
        "venue": "IEEE Journal on Selected Areas in Communications, 2021",
        "equation": "(11)",
    }

    def build(self) -> "WCGCN":
        """The network, with random weights."""
        return WCGCN(self)

    @property
    def allocation(self) -> int:
        """Width of the network's output."""
        return max(1, 2 * self.antennas)

    @property
    def state(self) -> int:
        """Width of x."""
        return self.allocation + self.memory


def raw_weight(weight: Tensor, bias: Tensor, mean: Tensor, std: Tensor, one: int) -> Tensor:
    """``[in + 1, out]`` matrix that does to raw inputs what the layer does to ``(inputs - mean) / std``.

    Column ``one`` of the raw inputs is a constant one that carries the bias. So neither standardising nor the bias
    costs a pass over the links; in the exported graphs the matrix is a constant.
    """
    scaled = weight / std
    shift = (bias - torch.mv(scaled, mean)).unsqueeze(1)
    return torch.cat([scaled[:, :one], shift, scaled[:, one:]], dim=1).t()


class WCGCN(GraphNetwork):
    """WCGCN for power control and beamforming, in the layout of `airgraph_models.problems.row_table.RowTable`.

    The products run on contiguous blocks of rows; the maximum over the links is taken before the bias and the ReLU
    of MLP1's last layer, which are monotone and so commute with it.
    """

    node_mean: Tensor
    node_std: Tensor
    link_mean: Tensor
    link_std: Tensor
    start: Tensor

    def __init__(self, architecture: WCGCNArchitecture) -> None:
        """Random weights; feature statistics of mean 0 and deviation 1 until `standardise` is called."""
        super().__init__(architecture)
        sizes = architecture
        hidden, width = sizes.message
        self.layers = sizes.layers
        self.beams = sizes.antennas > 0
        self.width = width
        self.allocation = sizes.allocation
        own = sizes.state + sizes.node_features
        self.own_width = own
        self.message_in = nn.Linear(own + sizes.link_features, hidden)
        self.message_out = nn.Linear(hidden, width)
        self.update_in = nn.Linear(width + own, sizes.update)
        self.update_out = nn.Linear(sizes.update, sizes.state)
        self.register_buffer("node_mean", torch.zeros(sizes.node_features))
        self.register_buffer("node_std", torch.ones(sizes.node_features))
        self.register_buffer("link_mean", torch.zeros(sizes.link_features))
        self.register_buffer("link_std", torch.ones(sizes.link_features))
        self.register_buffer("start", torch.eye(sizes.state)[:1])

    def standardise(self, node: Tensor, link: Tensor) -> None:
        """Takes mean and deviation of the training set's features ``[N, Fn]`` and ``[E, Fe]`` into the network."""
        for name, values in (("node", node), ("link", link)):
            deviation, mean = torch.std_mean(values.double(), dim=0)
            # A feature that never changes in training (weights of one, say) passes unscaled.
            scale = torch.where(deviation > 1e-6, deviation, torch.ones_like(deviation))
            getattr(self, f"{name}_mean").copy_(mean)
            getattr(self, f"{name}_std").copy_(scale)

    def forward(self, node: Tensor, link: Tensor, neighbour: Tensor, rows: Tensor, connected: Tensor) -> Tensor:
        """Allocation of every node.

        Args:
            node: ``[N, Fn]`` node features.
            link: ``[R, W, Fe]`` link features by row and slot.
            neighbour: ``[R, W]`` int64 node at the other end of each link.
            rows: ``[N, C]`` int64 rows of each node.
            connected: ``[N, 1]`` 1 where a node has a link, else 0.

        Returns:
            ``[N, 1]`` power over budget in 0..1, or ``[N, 2 antennas]`` beam of norm at most one as (re, im) pairs.
        """
        count, slots = neighbour.shape[0], neighbour.shape[1]
        edges = link.reshape(-1, link.shape[2])
        source = neighbour.reshape(-1)
        # Zero mean and unit deviation for what is not a feature: the state, and the message in front of it.
        state_mean, message_mean = torch.zeros_like(self.start[0]), torch.zeros_like(self.message_out.bias)
        message_weight = raw_weight(
            self.message_in.weight,
            self.message_in.bias,
            torch.cat([state_mean, self.node_mean, self.link_mean]),
            torch.cat([state_mean + 1.0, self.node_std, self.link_std]),
            self.own_width,
        )
        update_weight = raw_weight(
            self.update_in.weight,
            self.update_in.bias,
            torch.cat([message_mean, state_mean, self.node_mean]),
            torch.cat([message_mean + 1.0, state_mean + 1.0, self.node_std]),
            self.width + self.own_width,
        )
        fixed = torch.cat([node, torch.ones_like(connected)], dim=1)
        state = torch.ones_like(connected) * self.start
        for _ in range(self.layers):
            own = torch.cat([state, fixed], dim=1)
            hidden = torch.relu(torch.mm(torch.cat([own[source], edges], dim=1), message_weight))
            message = torch.mm(hidden, self.message_out.weight.t()).reshape(count, slots, self.width)
            # `max` and not `amax`: its gradient goes to one link each and so costs less to spread.
            strongest = torch.max(torch.max(message, dim=1)[0][rows], dim=1)[0]
            heard = torch.relu(strongest + self.message_out.bias) * connected
            update = torch.relu(torch.mm(torch.cat([heard, own], dim=1), update_weight))
            state = self.project(self.update_out(update))
        return state[:, : self.allocation]

    def project(self, raw: Tensor) -> Tensor:
        """Beta of paper 001: a sigmoid for powers, the unit ball ``x / max(|x|, 1)`` for beams, tanh for the memory."""
        allocation, memory = raw[:, : self.allocation], torch.tanh(raw[:, self.allocation :])
        if self.beams:
            # The bound comes before the root, whose slope at a beam of zero is infinite.
            norm = torch.sqrt(torch.clamp((allocation * allocation).sum(dim=1, keepdim=True), min=1.0))
            return torch.cat([allocation / norm, memory], dim=1)
        return torch.cat([torch.sigmoid(allocation), memory], dim=1)

    def random_graphs(self, rng: np.random.Generator, nodes: int) -> Sequence[Any]:
        """See `GraphNetwork`."""
        return [random_graph(rng, nodes, self.node_mean.numel(), self.link_mean.numel())]

    def take_statistics(self, graphs: Sequence[Any]) -> None:
        """Standardises by the features of all nodes and links of the training set."""
        node = torch.cat([torch.from_numpy(graph.node) for graph in graphs])
        self.standardise(node, torch.cat([torch.from_numpy(graph.link) for graph in graphs]))

    def feature_statistics(self) -> dict[str, list[float]]:
        """Mean and deviation of the features."""
        names = ("node_mean", "node_std", "link_mean", "link_std")
        return {name: [round(float(value), 7) for value in getattr(self, name)] for name in names}
