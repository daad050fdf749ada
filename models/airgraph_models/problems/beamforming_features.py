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

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.beamforming_instance import Beamforming
from airgraph_models.problems.errors import UnsupportedInstanceError
from airgraph_models.problems.links import dense_neighbours, sparse_neighbours
from airgraph_models.problems.row_table import LinkGraph
from airgraph_models.problems.validation import ComplexArray, IndexArray

Complex64Array = npt.NDArray[np.complex64]
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
        return turned - along[:, None] * self.mirror


def _mirrors(direct: Complex64Array) -> Complex64Array:
    """Reflections that carry the maximum-ratio beam of ``direct [K, N]`` onto the first axis."""
    norm = np.linalg.norm(direct, axis=-1, keepdims=True)
    matched = np.where(norm > 0, direct.conj() / np.maximum(norm, TINY), 0)
    matched[norm[:, 0] == 0, 0] = 1
    first = matched[:, 0]
    mirror = matched.copy()
    mirror[:, 0] += np.where(first == 0, 1, first / np.maximum(np.abs(first), TINY))
    return (mirror * (np.sqrt(2) / np.linalg.norm(mirror, axis=-1, keepdims=True))).astype(np.complex64)


def _reflect(channel: Complex64Array, mirror: Complex64Array) -> Complex64Array:
    along = np.einsum("...n,...n->...", channel, mirror)
    return channel - along[..., None] * mirror.conj()


def _compressed(channel: Complex64Array) -> Complex64Array:
    """Real first component, norm r replaced by log(1 + r)."""
    norm = np.linalg.norm(channel, axis=-1, keepdims=True)
    first = channel[..., :1]
    size = np.abs(first)
    turn = np.where(size > 0, first.conj() / np.maximum(size, TINY), 1)
    return (channel * turn * (np.log1p(norm) / np.maximum(norm, TINY))).astype(np.complex64)


def _as_real(channel: Complex64Array) -> npt.NDArray[np.float32]:
    """``[..., N]`` complex with a real first component to ``[..., 2N - 1]`` real."""
    rest = np.ascontiguousarray(channel[..., 1:]).view(np.float32)
    return np.concatenate([channel[..., :1].real, rest], axis=-1)


def _mean_phase(total: ComplexArray) -> Complex64Array:
    """Unit-modulus phase of each sum ``[K, N]``, one where the sum vanishes."""
    size = np.abs(total)
    return np.where(size > 0, total.conj() / np.maximum(size, TINY), 1).astype(np.complex64)


def _serving_node(instance: Beamforming) -> IndexArray:
    """Receiver served by each transmitter ``[J]``, -1 for an idle one."""
    if not instance.one_beam_a_transmitter:
        raise UnsupportedInstanceError("the network takes at most one receiver a transmitter")
    node = np.full(instance.transmitters, -1, np.int64)
    node[instance.serving] = np.arange(instance.size)
    return node


def beamforming_graph(instance: Beamforming) -> tuple[LinkGraph, Frames]:
    """Interference graph of one instance (paper 001, section II-C): a node a pair, links both ways.

    Raises:
        UnsupportedInstanceError: A transmitter serves more than one receiver.
    """
    node_of = _serving_node(instance)
    nodes, antennas = instance.size, instance.antennas
    amplitude = np.sqrt(instance.max_power)
    noise = np.sqrt(instance.noise_power)
    if instance.links is None:
        scale = amplitude[instance.serving] / noise[:, None]
        scaled = (instance.channel[:, instance.serving] * scale[..., None]).astype(np.complex64)
        own = np.arange(nodes)
        direct = scaled[own, own]
        mirror = _mirrors(direct)
        turned = _compressed(_reflect(scaled, mirror))
        crossing = turned.copy()
        crossing[own, own] = 0
        phase = _mean_phase((crossing[..., :1] * crossing).sum(axis=0))
        around = dense_neighbours(nodes)
        level = _as_real((turned * phase).reshape(nodes * nodes, antennas))
    else:
        heard = node_of[instance.links.transmitter]
        active = np.flatnonzero(heard >= 0)
        tx, rx = heard[active], instance.links.receiver[active]
        scale = amplitude[instance.serving[tx]] / noise[rx]
        scaled = (instance.channel[active] * scale[:, None]).astype(np.complex64)
        position = np.full(nodes, -1, np.int64)
        own = np.flatnonzero(rx == tx)
        position[rx[own]] = own
        padded = np.concatenate([scaled, np.zeros((1, antennas), np.complex64)])
        direct = padded[position]
        mirror = _mirrors(direct)
        turned = _compressed(_reflect(scaled, mirror[tx]))
        crossing = turned[:, :1].real * turned
        crossing[own] = 0
        total = np.stack(
            [np.bincount(tx, part.real, nodes) + 1j * np.bincount(tx, part.imag, nodes) for part in crossing.T],
            axis=-1,
        )
        phase = _mean_phase(total)
        around = sparse_neighbours(rx, tx, nodes)
        level = _as_real(np.concatenate([turned * phase[tx], np.zeros((1, antennas), np.complex64)]))
    largest = instance.weights.max()
    weight = instance.weights / largest if largest > 0 else instance.weights
    node = np.stack([np.log1p(np.linalg.norm(direct, axis=-1)), weight], axis=-1).astype(np.float32)
    link = np.concatenate([level[around.incoming], level[around.outgoing]], axis=-1)
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
