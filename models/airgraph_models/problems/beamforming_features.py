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
        channel: ``[N, E]`` scaled channels, one contiguous row an antenna; overwritten.
        mirror: ``[K, N]`` reflection of each transmitting node.
        tx: ``[E]`` transmitting node of each link.
        cross: ``[E]`` whether a link interferes.
    """
    nodes, antennas = mirror.shape
    phase = np.ones_like(mirror)
    axis = [np.ascontiguousarray(column).take(tx) for column in mirror.T]
    along = channel[0] * axis[0]
    for n in range(1, antennas):
        along += channel[n] * axis[n]
    # Turned to the frame, in place: what follows passes over each number as few times as it can.
    for n in range(antennas):
        np.conj(axis[n], out=axis[n])
        axis[n] *= along
        channel[n] -= axis[n]
    first = np.abs(channel[0])
    squared = first * first
    for n in range(1, antennas):
        squared += channel[n].real ** 2
        squared += channel[n].imag ** 2
    squeeze = _squeeze(np.sqrt(squared))
    # Turning the first component to the real axis turns the others along; a first of zero leaves them.
    turn = np.conj(channel[0])
    turn *= squeeze / np.maximum(first, TINY)
    still = first == 0
    if still.any():
        turn[still] = squeeze[still]
    first *= squeeze
    features = np.zeros((tx.size + 1, 2 * antennas - 1), np.float32)
    features[:-1, 0] = first
    weight = first * cross
    for n in range(1, antennas):
        other = channel[n]
        other *= turn
        pull = np.bincount(tx, other.real * weight, nodes) + 1j * np.bincount(tx, other.imag * weight, nodes)
        phase[:, n] = own = _mean_phase(pull)
        other *= own.take(tx)
        features[:-1, 2 * n - 1], features[:-1, 2 * n] = other.real, other.imag
    return features, phase


def _squeeze(norm: Float32Array) -> Float32Array:
    """``log(1 + r) / r`` of norms r ``[E]``, 1 at zero.

    With ``u = 1 + r`` as rounded, ``log(u) / (u - 1)`` is exact to rounding however small r is, and `np.log` takes a
    twentieth of the time of `np.log1p`.
    """
    more = 1 + norm
    kept = more - 1
    ratio: Float32Array = np.log(more)
    ratio /= np.maximum(kept, TINY)
    ratio[kept == 0] = 1
    return ratio


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
    amplitude = np.sqrt(instance.max_power[instance.serving]).astype(np.float32)
    scale = amplitude.take(tx) * (1 / np.sqrt(instance.noise_power)).astype(np.float32).take(rx)
    scaled = channel.T.astype(np.complex64, order="C")
    scaled *= scale
    cross = rx != tx
    own = np.flatnonzero(~cross)
    direct = np.zeros((nodes, antennas), np.complex64)
    direct[rx[own]] = scaled[:, own].T
    mirror = _mirrors(direct)
    level, phase = _levels(scaled, mirror, tx, cross)
    around = dense_neighbours(nodes) if instance.links is None else sparse_neighbours(rx, tx, nodes)
    # Both directions of a link are two rows of levels: one gather lays them side by side.
    link = level.take(around.both, axis=0).reshape(-1, 2 * level.shape[1])
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
    # Column by column: a norm over so short an axis takes five times as long.
    heard = sum(column * column for column in graph.link.T[: graph.link.shape[1] // 2])
    return {
        "direct_level": float(np.median(graph.node[:, 0])),
        "interference_level": float(np.sqrt(heard).mean()) if graph.link.size else 0.0,
        "links_per_node": graph.neighbour.size / graph.nodes,
    }
