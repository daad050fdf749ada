"""What a beamforming network sees of an instance, and how its answer is read back.

Only ``|channel . beam|`` enters the rates, so every link may be turned by a phase and every
transmitter's antennas by a unitary matrix without changing the problem. The features use that freedom up:
each transmitter's antennas are turned so that its own receiver's channel is ``[|h|, 0, ..., 0]`` (so the
maximum-ratio beam is the first unit vector), each link is turned so that its component along that beam is
real, and each remaining direction is turned so that the interference it causes has one mean phase.
Channels are scaled by ``sqrt(max_power / noise_power)`` and their norms r compressed to ``log(1 + r)``.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.beamforming_instance import Beamforming
from airgraph_models.problems.errors import UnsupportedInstanceError
from airgraph_models.problems.links import dense_neighbours, sparse_neighbours
from airgraph_models.problems.row_table import LinkGraph
from airgraph_models.problems.validation import ComplexArray, IndexArray

BoolArray = npt.NDArray[np.bool_]
Complex64Array = npt.NDArray[np.complex64]
Float32Array = npt.NDArray[np.float32]
TINY = np.float32(1e-30)
NODE_FEATURES = 2


def link_features(antennas: int) -> int:
    """Width of a link's features: two directions of one real and N - 1 complex components."""
    return 2 * (2 * antennas - 1)


@dataclass(frozen=True)
class Frames:
    """The antenna basis of each node: ``antennas = Q(frame)`` with Q a reflection times phases.

    Attributes:
        mirror: ``[K, N]`` w of the reflection ``I - 2 w w^H / (w^H w)``, scaled so that ``w^H w = 2``.
        phase: ``[K, N]`` unit-modulus phase of each frame direction (the first is one).
    """

    mirror: Complex64Array
    phase: Complex64Array

    def to_antennas(self, beam: ComplexArray) -> ComplexArray:
        """Turns beams ``[K, N]`` from the frames to the antennas."""
        turned = beam * self.phase
        along = np.einsum("kn,kn->k", self.mirror.conj(), turned)
        beams: ComplexArray = turned - along[:, None] * self.mirror
        return beams


def _mirrors(direct: Complex64Array) -> Complex64Array:
    """Reflections that carry the maximum-ratio beam of ``direct [K, N]`` onto the first axis."""
    norm = np.linalg.norm(direct, axis=-1, keepdims=True)
    matched = np.where(norm > 0, direct.conj() / np.maximum(norm, TINY), 0)
    matched[norm[:, 0] == 0, 0] = 1
    size = np.abs(matched[:, 0])
    mirror = matched.copy()
    mirror[:, 0] += np.where(size == 0, 1, matched[:, 0] / np.maximum(size, TINY))
    # The squared norm of a unit vector plus the axis it lies nearest to is 2 (1 + size).
    scaled: Complex64Array = (mirror / np.sqrt(1 + size)[:, None]).astype(np.complex64)
    return scaled


def _levels(
    channel: Complex64Array, mirror: Complex64Array, tx: IndexArray, cross: BoolArray
) -> tuple[Float32Array, Complex64Array]:
    """Features of each link ``[E + 1, 2N - 1]``, the last row zeros for missing links; phases of the frames ``[K, N]``.

    Args:
        channel: ``[N, E]`` scaled channels, one contiguous row an antenna.
        mirror: ``[K, N]`` reflection of each transmitting node.
        tx: ``[E]`` transmitting node of each link.
        cross: ``[E]`` whether a link interferes.
    """
    nodes = mirror.shape[0]
    phase = np.ones_like(mirror)
    axis = mirror.T[:, tx]
    turned = channel - (channel * axis).sum(axis=0) * axis.conj()
    first = np.abs(turned[0])
    norm = np.sqrt((turned.real**2 + turned.imag**2).sum(axis=0))
    squeeze = np.log1p(norm) / np.maximum(norm, TINY)
    features = np.zeros((tx.size + 1, 2 * channel.shape[0] - 1), np.float32)
    features[:-1, 0] = first * squeeze
    # Turning the first component to the real axis turns the others along; a first of zero leaves them.
    turn = np.where(first > 0, turned[0].conj() / np.maximum(first, TINY), 1) * squeeze
    weight = features[:-1, 0] * cross
    for n in range(1, channel.shape[0]):
        other = turned[n] * turn
        pull = other * weight
        phase[:, n] = _mean_phase(np.bincount(tx, pull.real, nodes) + 1j * np.bincount(tx, pull.imag, nodes))
        other *= phase[tx, n]
        features[:-1, 2 * n - 1], features[:-1, 2 * n] = other.real, other.imag
    return features, phase


def _mean_phase(total: ComplexArray) -> Complex64Array:
    """Unit-modulus phase that turns each sum ``[K]`` to the real axis, one where the sum vanishes."""
    size = np.abs(total)
    return np.where(size > 0, total.conj() / np.maximum(size, TINY), 1).astype(np.complex64)


@lru_cache(maxsize=256)
def _dense_ends(nodes: int) -> tuple[IndexArray, IndexArray]:
    return np.repeat(np.arange(nodes), nodes), np.tile(np.arange(nodes), nodes)


def _links(instance: Beamforming) -> tuple[IndexArray, IndexArray, ComplexArray]:
    """Receiving node ``[E]``, transmitting node ``[E]`` and channel ``[E, N]`` of the links of active transmitters."""
    if not instance.one_beam_a_transmitter:
        raise UnsupportedInstanceError("the network takes at most one receiver a transmitter")
    if instance.links is None:
        nodes = instance.size
        rx, tx = _dense_ends(nodes)
        return rx, tx, instance.channel[:, instance.serving].reshape(nodes * nodes, -1)
    # Receiver served by each transmitter, -1 for an idle one.
    node_of = np.full(instance.transmitters, -1, np.int64)
    node_of[instance.serving] = np.arange(instance.size)
    tx, rx, channel = node_of[instance.links.transmitter], instance.links.receiver, instance.channel
    active = tx >= 0
    if active.all():
        return rx, tx, channel
    return rx[active], tx[active], channel[active]


def beamforming_graph(instance: Beamforming) -> tuple[LinkGraph, Frames]:
    """Interference graph of one instance (paper 001, section II-C): a node a pair, links both ways.

    Raises:
        UnsupportedInstanceError: A transmitter serves more than one receiver.
    """
    nodes, antennas = instance.size, instance.antennas
    rx, tx, channel = _links(instance)
    amplitude = np.sqrt(instance.max_power[instance.serving])
    scale = (amplitude[tx] / np.sqrt(instance.noise_power)[rx]).astype(np.float32)
    scaled = channel.T.astype(np.complex64, order="C") * scale
    own = np.flatnonzero(rx == tx)
    direct = np.zeros((nodes, antennas), np.complex64)
    direct[rx[own]] = scaled[:, own].T
    mirror = _mirrors(direct)
    level, phase = _levels(scaled, mirror, tx, rx != tx)
    around = dense_neighbours(nodes) if instance.links is None else sparse_neighbours(rx, tx, nodes)
    link = np.empty((around.neighbour.size, 2 * level.shape[1]), np.float32)
    link[:, : level.shape[1]] = level[around.incoming]
    link[:, level.shape[1] :] = level[around.outgoing]
    largest = instance.weights.max()
    weight = instance.weights / largest if largest > 0 else instance.weights
    node = np.stack([np.log1p(np.linalg.norm(direct, axis=-1)), weight], axis=-1).astype(np.float32)
    return LinkGraph(around.offsets, around.neighbour, link, node), Frames(mirror, phase)


def beams_from_output(instance: Beamforming, frames: Frames, output: npt.NDArray[np.floating]) -> ComplexArray:
    """Beams ``[K, N]`` from a network's output ``[K, 2N]`` (re, im pairs in the frames, unit budget)."""
    paired = np.ascontiguousarray(output, dtype=np.float64).view(np.complex128)
    return frames.to_antennas(paired) * np.sqrt(instance.max_power[instance.serving])[:, None]


def beamforming_statistics(graph: LinkGraph) -> dict[str, float]:
    """What is compared with a model's training domain, from the features of one instance."""
    components = graph.link[:, : graph.link.shape[1] // 2]
    return {
        "direct_level": float(np.median(graph.node[:, 0])),
        "interference_level": float(np.linalg.norm(components, axis=-1).mean()) if graph.link.size else 0.0,
        "links_per_node": graph.neighbour.size / graph.nodes,
    }
