"""What a network sees of a hybrid-precoding instance: each chain's block of the digital precoder, brought to one scale.

The phases that are best for a chain do not change when its block is scaled, so each has a mean power of one an antenna.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.chain_blocks import Chains
from airgraph_models.problems.hybrid_instance import HybridPrecoding
from airgraph_models.problems.row_table import Float32Array

MOST_STREAMS = 4
"""Of the networks so far."""


def real_blocks(f_opt: npt.NDArray[np.complexfloating], chains: int) -> Float32Array:
    """``[Nt, Ns]`` to ``[R, 2, L, Ns, 2]``: each chain's block as a real matrix.

    It maps (re, im) pairs of Ns numbers to the real, then the imaginary parts of L.
    """
    streams = f_opt.shape[-1]
    blocks = f_opt.reshape(chains, -1, streams)
    seen = np.empty((chains, 2, blocks.shape[1], streams, 2), np.float32)
    seen[:, 0, ..., 0] = seen[:, 1, ..., 1] = blocks.real
    seen[:, 1, ..., 0] = blocks.imag
    np.negative(blocks.imag, out=seen[:, 0, ..., 1])
    return seen


def hybrid_chains(instance: HybridPrecoding) -> Chains:
    """Blocks of a mean power of one an antenna; those of zeros stay zeros."""
    block = real_blocks(instance.f_opt, instance.chains)
    flat = block.reshape(instance.chains, -1)
    power = np.einsum("ci,ci->c", flat, flat) / (2 * block.shape[2])
    flat /= np.sqrt(np.where(power > 0, power, 1.0))[:, None]
    return Chains(block)


def hybrid_statistics(instance: HybridPrecoding, graph: Chains) -> dict[str, float]:
    """What is compared with a model's training domain.

    Streams, antennas a chain, and the share of a block's power in its strongest stream, mean over the chains.
    """
    block = graph.block[:, 0]
    length = block.shape[1]
    power = np.einsum("clsi,clsi->cs", block, block)
    return {
        "streams": float(instance.streams),
        "antennas_per_chain": float(length),
        "strongest_share": float(power.max(axis=1).sum()) / (len(power) * length),
    }
