"""What a sum-aggregating power-control network sees of an instance: linear gains, in blocks.

With ``snr[k, j] = gain[k, j] * max_power[j] / noise_power[k]`` (so noise and budgets are one) the links carry
``snr`` itself, in both directions; a node has ``snr[k, k]`` and its weight over the largest weight of the instance.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.gain_blocks import DenseGains, GainGraph, SparseGains
from airgraph_models.problems.links import sparse_neighbours
from airgraph_models.problems.power_control_instance import PowerControl
from airgraph_models.problems.row_table import Float32Array

LARGEST_SNR = 1e18
"""Products of two of these stay within float32; a receiver this close tells a network no more than one at 1e9."""


def power_control_gains(instance: PowerControl) -> GainGraph:
    """Gains of one instance; a matrix where it is dense, rows of links where it is sparse."""
    nodes = instance.size
    largest = np.maximum.reduce(instance.weights)
    weight = instance.weights / largest if largest > 0 else instance.weights
    if instance.links is None:
        snr = single_snr(instance.snr)
        node = np.empty((nodes, 2), np.float32)
        # A fifth of the time of `np.fill_diagonal`.
        diagonal = snr.reshape(-1)[:: nodes + 1]
        node[:, 0], node[:, 1] = diagonal, weight
        diagonal[:] = 0.0
        return DenseGains(node, snr)
    rx, tx = instance.links.receiver, instance.links.transmitter
    # One entry more than there are links: index -1 (no such link) reads a gain of zero.
    level = np.append(single_snr(instance.snr), np.float32(0.0))
    around = sparse_neighbours(rx, tx, nodes)
    gain = level.take(around.both)
    direct = level[instance.links.direct(np.arange(nodes))]
    node = np.stack([direct, weight.astype(np.float32)], axis=-1)
    return SparseGains(node, around.offsets, around.neighbour, gain)


def single_snr(snr: npt.NDArray[np.floating]) -> Float32Array:
    """Ratios in single precision, `LARGEST_SNR` at most; the checks keep every one within it."""
    single: Float32Array = snr.astype(np.float32)
    return np.minimum(single, LARGEST_SNR, out=single)


def gain_statistics(graph: GainGraph) -> dict[str, float]:
    """What is compared with a model's training domain.

    Levels are ``log(1 + x)``: of the direct channel, the median over the nodes; of all the interference at full power
    that a node hears, the mean.
    """
    if isinstance(graph, DenseGains):
        heard = graph.gain.sum(axis=1)
    else:
        receiver = np.repeat(np.arange(graph.nodes), np.diff(graph.offsets))
        heard = np.bincount(receiver, graph.gain[:, 0], minlength=graph.nodes)
    return {
        # The middle of the sorted levels: `np.median` takes twenty times as long.
        "direct_level": float(np.log1p(np.sort(graph.node[:, 0])[graph.nodes // 2])),
        "interference_level": float(np.log1p(heard).mean()),
        "links_per_node": graph.links / graph.nodes,
    }
