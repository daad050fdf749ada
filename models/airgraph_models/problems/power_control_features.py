"""What a power-control network sees of an instance.

With ``snr[k, j] = gain[k, j] * max_power[j] / noise_power[k]`` (so noise and budgets are one) the link
features of node i and neighbour j are ``log(1 + snr[i, j])`` (interference heard) and
``log(1 + snr[j, i])`` (interference caused); a node has ``log(1 + snr[i, i])`` and its weight over the
largest weight of the instance. The logarithm keeps 100 dB of path loss inside one decade.
"""

from __future__ import annotations

import numpy as np

from airgraph_models.problems.links import dense_neighbours, sparse_neighbours
from airgraph_models.problems.power_control_instance import PowerControl
from airgraph_models.problems.row_table import LinkGraph

NODE_FEATURES = 2
LINK_FEATURES = 2


def power_control_graph(instance: PowerControl) -> LinkGraph:
    """Interference graph of one instance (paper 001, section II-C): a node a pair, links both ways."""
    nodes = instance.size
    largest = instance.weights.max()
    weight = instance.weights / largest if largest > 0 else instance.weights
    if instance.links is None:
        level = np.log1p(instance.snr).astype(np.float32)
        around = dense_neighbours(nodes)
        flat = level.reshape(-1)
        link = flat.take(around.both)
        direct = level.diagonal()
    else:
        rx, tx = instance.links.receiver, instance.links.transmitter
        # One entry more than there are links: index -1 (no such link) reads a level of zero.
        level = np.append(np.log1p(instance.snr), 0.0).astype(np.float32)
        around = sparse_neighbours(rx, tx, nodes)
        link = level.take(around.both)
        direct = level[instance.links.direct(np.arange(nodes))]
    node = np.stack([direct, weight.astype(np.float32)], axis=-1)
    return LinkGraph(offsets=around.offsets, neighbour=around.neighbour, link=link, node=node)


def power_control_statistics(graph: LinkGraph) -> dict[str, float]:
    """What is compared with a model's training domain, from the features of one instance."""
    return {
        "direct_level": float(np.median(graph.node[:, 0])),
        "interference_level": float(graph.link[:, 0].mean()) if graph.link.size else 0.0,
        "links_per_node": graph.neighbour.size / graph.nodes,
    }
