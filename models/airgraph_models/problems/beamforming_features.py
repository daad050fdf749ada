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
NEXT_TO_ONE = np.nextafter(np.float32(1), np.float32(2))
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
        # Cast once, not in each of the products.
        mirror = self.mirror.astype(np.complex128)
        turned = beam * self.phase
        along = np.einsum("kn,kn->k", mirror.conj(), turned)
        beams: ComplexArray = turned - along[:, None] * mirror
        return beams


def _mirrors(direct: Complex64Array, norm: Float32Array) -> Complex64Array:
    """Reflections that carry the maximum-ratio beam of ``direct [K, N]``, of norms ``[K]``, onto the first axis."""
    mirror: Complex64Array = direct.conj()
    mirror /= np.maximum(norm, TINY)[:, None]
    if np.count_nonzero(norm) < norm.size:
        mirror[norm == 0, 0] = 1
    first = mirror[:, 0]
    size = np.abs(first)
    first += _phases(first, size)
    # The squared norm of a unit vector plus the axis it lies nearest to is 2 (1 + size).
    mirror /= np.sqrt(1 + size)[:, None]
    return mirror


def _phases(values: Complex64Array, size: Float32Array) -> Complex64Array:
    """Unit-modulus phases of values of absolute values ``size``, one where they vanish."""
    phase: Complex64Array = np.divide(values, np.maximum(size, TINY))
    if np.count_nonzero(size) < size.size:
        phase[size == 0] = 1
    return phase


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
    axis = mirror.T.copy().take(tx, axis=1)
    along = np.add.reduce(channel * axis, axis=0)
    # Turned to the frame, in place: what follows passes over each number as few times as it can.
    np.conj(axis, out=axis)
    axis *= along
    channel -= axis
    turn = channel[0]
    first = np.abs(turn)
    parts = channel.view(np.float32)
    power = np.add.reduce(parts * parts, axis=0)
    squeeze = _squeeze(np.sqrt(power[::2] + power[1::2]))
    # Turning the first component to the real axis turns the others along; a first of zero leaves them.
    np.conj(turn, out=turn)
    turn *= squeeze / np.maximum(first, TINY)
    if np.count_nonzero(first) < first.size:
        still = first == 0
        turn[still] = squeeze[still]
    features = np.empty((tx.size + 1, 2 * antennas - 1), np.float32)
    features[-1] = 0
    first *= squeeze
    features[:-1, 0] = first
    first *= cross
    others = features[:-1, 1:].view(np.complex64)
    phase = np.empty((nodes, antennas), np.complex64)
    phase[:, 0] = 1
    for n in range(1, antennas):
        other = channel[n]
        other *= turn
        pull = np.zeros(nodes, np.complex64)
        np.add.at(pull, tx, other * first)
        # Turned against their mean phase, all that a direction causes lies around the real axis.
        phase[:, n] = own = _phases(pull.conj(), np.abs(pull))
        np.multiply(other, own.take(tx), out=others[:, n - 1])
    return features, phase


def _squeeze(norm: Float32Array) -> Float32Array:
    """``log(1 + r) / r`` of norms r ``[E]``, to rounding 1 at zero; overwrites them.

    With ``u = 1 + r`` as rounded, ``log(u) / (u - 1)`` is exact to rounding however small r is, and `np.log` takes a
    twentieth of the time of `np.log1p`.
    """
    norm += 1
    np.maximum(norm, NEXT_TO_ONE, out=norm)
    ratio: Float32Array = np.log(norm)
    norm -= 1
    ratio /= norm
    return ratio


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
        heard = instance.channel if instance.one_to_one else instance.channel[:, instance.serving]
        return rx, tx, heard.reshape(nodes * nodes, -1)
    if instance.one_to_one:
        return instance.links.receiver, instance.links.transmitter, instance.channel
    # Receiver served by each transmitter, -1 for an idle one.
    node_of = np.full(instance.transmitters, -1, np.int64)
    node_of[instance.serving] = np.arange(instance.size)
    tx, rx, channel = node_of[instance.links.transmitter], instance.links.receiver, instance.channel
    active = tx >= 0
    if active.all():
        return rx, tx, channel
    return rx[active], tx[active], channel[active]


def _alike(values: Float32Array) -> bool:
    """Whether all are the same number, as most callers give budgets and noise."""
    return bool(np.minimum.reduce(values) == np.maximum.reduce(values))


def beamforming_graph(instance: Beamforming) -> tuple[LinkGraph, Frames]:
    """Interference graph of one instance (paper 001, section II-C): a node a pair, links both ways.

    Raises:
        UnsupportedInstanceError: A transmitter serves more than one receiver.
    """
    nodes = instance.size
    rx, tx, channel = _links(instance)
    amplitude = instance.amplitude.astype(np.float32)
    sensitivity = (1 / np.sqrt(instance.noise_power)).astype(np.float32)
    scaled = channel.T.astype(np.complex64, order="C")
    direct = instance.direct.astype(np.complex64)
    if _alike(amplitude) and _alike(sensitivity):
        scale = amplitude[0] * sensitivity[0]
        scaled *= scale
        direct *= scale
    else:
        scaled *= amplitude.take(tx) * sensitivity.take(rx)
        direct *= (amplitude * sensitivity)[:, None]
    parts = direct.view(np.float32)
    norm = np.sqrt(np.add.reduce(parts * parts, axis=-1))
    mirror = _mirrors(direct, norm)
    level, phase = _levels(scaled, mirror, tx, rx != tx)
    around = dense_neighbours(nodes) if instance.links is None else sparse_neighbours(rx, tx, nodes)
    # Both directions of a link are two rows of levels: one gather lays them side by side.
    link = level.take(around.both, axis=0).reshape(-1, 2 * level.shape[1])
    largest = np.maximum.reduce(instance.weights)
    weight = instance.weights / largest if largest > 0 else instance.weights
    node = np.empty((nodes, NODE_FEATURES), np.float32)
    node[:, 0], node[:, 1] = np.log1p(norm), weight
    return LinkGraph(around.offsets, around.neighbour, link, node), Frames(mirror, phase)


def beams_from_output(instance: Beamforming, frames: Frames, output: npt.NDArray[np.floating]) -> ComplexArray:
    """Beams ``[K, N]`` from a network's output ``[K, 2N]`` (re, im pairs in the frames, unit budget)."""
    beams = frames.to_antennas(np.ascontiguousarray(output, dtype=np.float64).view(np.complex128))
    beams *= instance.amplitude[:, None]
    return beams


def beamforming_statistics(graph: LinkGraph) -> dict[str, float]:
    """What is compared with a model's training domain, from the features of one instance."""
    # Column by column: a norm over so short an axis takes five times as long.
    heard = sum(column * column for column in graph.link.T[: graph.link.shape[1] // 2])
    return {
        "direct_level": float(np.median(graph.node[:, 0])),
        "interference_level": float(np.sqrt(heard).mean()) if graph.link.size else 0.0,
        "links_per_node": graph.neighbour.size / graph.nodes,
    }
