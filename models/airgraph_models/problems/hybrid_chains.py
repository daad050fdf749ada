"""What a network sees of a hybrid-precoding instance: each chain's block of the digital precoder, brought to one scale.

The phases that are best for a chain do not change when its block is scaled, so each has a mean power of one an antenna.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.beam_network import squared
from airgraph_models.problems.chain_blocks import Chains
from airgraph_models.problems.hybrid_instance import HybridPrecoding
from airgraph_models.problems.row_table import Float32Array

CONJUGATE = np.array([1.0, -1.0], np.float32)
MOST_STREAMS = 4
"""Of the networks so far."""


def real_blocks(f_opt: npt.NDArray[np.complexfloating], chains: int) -> Float32Array:
    """``[Nt, Ns]`` to ``[R, 2, L, Ns, 2]``: each chain's block as a real matrix.

    It maps (re, im) pairs of Ns numbers to the real, then the imaginary parts of L.
    """
    streams = f_opt.shape[-1]
    blocks = f_opt.reshape(chains, -1, streams)
    seen = np.empty((chains, 2, blocks.shape[1], streams, 2), np.float32)
    parts = np.ascontiguousarray(blocks).view(blocks.real.dtype).reshape(*blocks.shape, 2)
    np.multiply(parts, CONJUGATE, out=seen[:, 0], casting="same_kind")
    seen[:, 1] = parts[..., ::-1]
    return seen


def hybrid_chains(instance: HybridPrecoding) -> Chains:
    """Blocks of a mean power of one an antenna; those of zeros stay zeros."""
    flat = instance.f_opt.reshape(instance.chains, -1)
    power = np.add.reduce(squared(flat), axis=1) * (instance.chains / instance.antennas)
    unit = flat / np.sqrt(np.where(power > 0, power, 1.0))[:, None]
    return Chains(real_blocks(unit.reshape(instance.f_opt.shape), instance.chains))


def hybrid_statistics(instance: HybridPrecoding, graph: Chains) -> dict[str, float]:
    """What is compared with a model's training domain.

    Streams, antennas a chain, and the share of a block's power in its strongest stream, mean over the chains.
    """
    block = graph.block[:, 0]
    length, streams = block.shape[1:3]
    # Axes: chain, stream, part.
    power = np.add.reduce(np.square(block), axis=1).reshape(-1, streams, 2)
    strongest = np.maximum.reduce(power[..., 0] + power[..., 1], axis=1)
    return {
        "streams": float(instance.streams),
        "antennas_per_chain": float(length),
        "strongest_share": float(np.add.reduce(strongest)) / (len(power) * length),
    }
