"""Training sets, drawn by a seed, with the server's own features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from airgraph_models.problems import (
    CELL_FREE,
    HYBRID_PRECODING,
    POWER_CONTROL,
    Beamforming,
    CellFree,
    HybridPrecoding,
    Links,
    PowerControl,
    Precoding,
)
from airgraph_models.problems.beamforming_features import Frames, beamforming_graph, beamforming_statistics
from airgraph_models.problems.layouts import LAYOUTS, ROW_TABLE, Graph
from airgraph_models.problems.precoding_gram import gram_statistics, gram_view
from airgraph_training.channels import PathLoss, drop_pairs, rayleigh, rician
from airgraph_training.channels.cell_free import CELL_FREE_SNR, PILOT_LENGTH, drop_cell_free
from airgraph_training.channels.clustered import clustered, digital_pair
from airgraph_training.channels.rayleigh import Complex128Array
from airgraph_training.channels.umi import kept_drops

Instance = PowerControl | Beamforming | Precoding | CellFree | HybridPrecoding

RECEIVE = 36
"""Antennas of the receiver that a hybrid precoder is drawn for."""


@dataclass(frozen=True)
class SampleGroup:
    """Random instances of one size and kind.

    Attributes:
        name: Short name in curves and cards.
        count: Number of training samples.
        pairs: Pairs K of each.
        path_loss: Law of a drop in a square of ``side`` metres; None for i.i.d. Rayleigh fading.
        side: Metres.
        snr_db: Range of the signal-to-noise ratio of Rayleigh and Rician samples, uniform in dB.
        rice_db: Range of the Rice factor, uniform in dB; None for Rayleigh fading.
        present: Range of the share of the interfering links that exist, each at random; Rayleigh and Rician samples.
        density: Range, uniform in its logarithm, of the density of a drop over that of a square of ``side``.
        power_db: Range of the transmit power of a drop over that of its law, uniform in dB.
        reach: The network sees links within this many metres only (paper 001, section V-B); the objective counts all.
        weighted: Share of the samples with rate weights uniform in 0..1; the others weigh one.
        antennas: Of the one transmitter in precoding, where ``pairs`` are its users; 0 for the other problems.
        streams: Of a hybrid precoder, where ``pairs`` are its chains and ``antennas`` its antennas, over a clustered
            channel or, with ``rich``, a Rayleigh one; 0 for the other problems.
        rich: See there.
        access_points: Of a cell-free network, where ``pairs`` are its users; 0 for the other problems.
        drops: Name of the file of UMi drops that the users are taken from; None for i.i.d. Rayleigh fading.
        spread_db: Range of the spread in precoding: each user's level lies uniformly within so many dB; of UMi drops
            what the power control leaves of their own spread, in hundredths.
    """

    name: str
    count: int
    pairs: int
    path_loss: PathLoss | None = None
    side: float = 0.0
    snr_db: tuple[float, float] = (10.0, 10.0)
    rice_db: tuple[float, float] | None = None
    present: tuple[float, float] = (1.0, 1.0)
    density: tuple[float, float] = (1.0, 1.0)
    power_db: tuple[float, float] = (0.0, 0.0)
    reach: float | None = None
    weighted: float = 0.0
    antennas: int = 0
    streams: int = 0
    rich: bool = False
    access_points: int = 0
    drops: str | None = None
    spread_db: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Prepared:
    """One group, ready to batch.

    Attributes:
        group: What was drawn.
        layout: Of the graphs.
        graphs: One a sample, as the server would build it.
        channel: ``[n, K, K, F]``, ``[n, K, K]`` Gram matrices, ``[n, K, K + 1]`` couplings or ``[n, R, L, Ns]`` digital
            precoders, as `airgraph_training.losses` takes it.
        weights: ``[n, nodes]``.
        statistics: Input statistics of each.
        instances: The instances whose objective is meant (all links).
    """

    group: SampleGroup
    layout: str
    graphs: list[Graph]
    channel: Tensor
    weights: Tensor
    statistics: list[dict[str, float]]
    instances: list[Instance]


class Batch(NamedTuple):
    """Network inputs of B instances of one size as a disjoint union, and what the loss needs of them."""

    inputs: tuple[Tensor, ...]
    channel: Tensor
    weights: Tensor


def _within(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    """Uniform between the bounds; takes no chance where they are equal."""
    return bounds[0] if bounds[0] == bounds[1] else rng.uniform(*bounds)


def _channel(rng: np.random.Generator, group: SampleGroup, antennas: int) -> tuple[Complex128Array, np.ndarray | None]:
    if group.path_loss is None:
        return _fading(rng, group, antennas), None
    low, high = np.log(group.density)
    side = group.side / np.sqrt(np.exp(_within(rng, (low, high))))
    drop = drop_pairs(rng, group.pairs, side, group.path_loss, antennas)
    channel: Complex128Array = drop.channel * 10 ** (_within(rng, group.power_db) / 20)
    return channel, drop.distance


def _fading(rng: np.random.Generator, group: SampleGroup, antennas: int) -> Complex128Array:
    shape = (group.pairs, group.pairs, antennas)
    snr = 10 ** (rng.uniform(*group.snr_db) / 10)
    if group.rice_db is None:
        channel = rayleigh(rng, *shape)
    else:
        channel = rician(rng, *shape, k_factor=10 ** (_within(rng, group.rice_db) / 10))
    channel *= np.sqrt(snr)
    share = _within(rng, group.present)
    if share < 1.0:
        exists = (rng.uniform(size=shape[:2]) < share) | np.eye(group.pairs, dtype=bool)
        channel *= exists[..., None]
    return channel


def channel_in_frames(channel: Complex128Array, frames: Frames) -> np.ndarray:
    """``[K, K, N]`` channels turned into the transmitters' frames, as ``[K, K, 2N]`` float32 (re, im) pairs."""
    nodes, antennas = channel.shape[1:]
    basis = np.stack(
        [frames.to_antennas(np.broadcast_to(row, (nodes, antennas)).astype(complex)) for row in np.eye(antennas)],
        axis=-1,
    )
    turned = np.einsum("kjn,jnm->kjm", channel, basis)
    return np.ascontiguousarray(turned.astype(np.complex64)).view(np.float32)


class Sample(NamedTuple):
    """One drawn instance: its graph, what the loss needs, its input statistics and the instance with all links."""

    graph: Graph
    channel: np.ndarray
    weights: np.ndarray
    statistics: dict[str, float]
    instance: Instance


def _sample(rng: np.random.Generator, group: SampleGroup, antennas: int, layout: str) -> Sample:
    if group.streams:
        return _hybrid_sample(rng, group)
    if group.antennas:
        return _precoding_sample(rng, group)
    if group.access_points:
        return _cell_free_sample(rng, group)
    channel, distance = _channel(rng, group, max(antennas, 1))
    weights = rng.uniform(0.0, 1.0, group.pairs) if rng.uniform() < group.weighted else np.ones(group.pairs)
    seen, links = channel, None
    if group.reach is not None and distance is not None:
        near = (distance <= group.reach) | np.eye(group.pairs, dtype=bool)
        receiver, transmitter = np.nonzero(near)
        links = Links.create(receiver, transmitter, group.pairs, group.pairs)
        seen = channel[near]
    if antennas == 0:
        gain = np.abs(channel[..., 0]) ** 2
        view = POWER_CONTROL.view(PowerControl.create(np.abs(seen[..., 0]) ** 2, weights=weights, links=links), layout)
        whole = PowerControl.create(gain, weights=weights)
        return Sample(view.graph, gain[..., None].astype(np.float32), weights, view.statistics, whole)
    graph, frames = beamforming_graph(Beamforming.create(seen, weights=weights, links=links))
    turned = channel_in_frames(channel, frames)
    return Sample(graph, turned, weights, beamforming_statistics(graph), Beamforming.create(channel, weights=weights))


def precoding_channel(rng: np.random.Generator, group: SampleGroup) -> Complex128Array:
    """``[K, N]`` of one transmitter at a random level of the group, noise and budget one."""
    if group.drops is not None:
        channel = kept_drops(group.drops).draw(rng, group.pairs, group.antennas, _within(rng, group.spread_db) / 100.0)
    else:
        channel = rayleigh(rng, group.pairs, group.antennas)
        spread = _within(rng, group.spread_db)
        if spread:
            channel *= 10 ** (rng.uniform(-spread / 2, spread / 2, (group.pairs, 1)) / 20)
    scaled: Complex128Array = channel * 10 ** (_within(rng, group.snr_db) / 20)
    return scaled


def _precoding_sample(rng: np.random.Generator, group: SampleGroup) -> Sample:
    channel = precoding_channel(rng, group)
    weights = rng.uniform(0.0, 1.0, group.pairs) if rng.uniform() < group.weighted else np.ones(group.pairs)
    instance = Precoding.create(channel, weights=weights)
    seen = gram_view(instance)
    return Sample(seen.graph, instance.gram, weights, gram_statistics(instance, seen), instance)


def _cell_free_sample(rng: np.random.Generator, group: SampleGroup) -> Sample:
    network = drop_cell_free(rng, group.access_points, group.pairs)
    pilots = None if group.pairs <= PILOT_LENGTH else rng.integers(0, PILOT_LENGTH, group.pairs)
    snr = CELL_FREE_SNR * 10 ** (_within(rng, group.power_db) / 10)
    instance = CellFree.create(network, snr=snr, pilots=pilots, pilot_length=PILOT_LENGTH)
    view, coupling = CELL_FREE.view(instance), instance.coupling
    channel = np.concatenate([coupling.matrix, coupling.noise[:, None]], axis=1).astype(np.float32)
    return Sample(view.graph, channel, np.ones(group.pairs), view.statistics, instance)


def _hybrid_sample(rng: np.random.Generator, group: SampleGroup) -> Sample:
    drawn = rayleigh(rng, RECEIVE, group.antennas) if group.rich else clustered(rng, RECEIVE, group.antennas)
    instance = HybridPrecoding.create(digital_pair(drawn, group.streams)[0], chains=group.pairs)
    view = HYBRID_PRECODING.view(instance)
    blocks = instance.f_opt.reshape(group.pairs, -1, group.streams).astype(np.complex64)
    return Sample(view.graph, blocks, np.ones(group.antennas), view.statistics, instance)


def prepare(
    group: SampleGroup, antennas: int, rng: np.random.Generator, count: int | None = None, layout: str = ROW_TABLE
) -> Prepared:
    """Draws ``count`` (default: the group's own) samples and builds their graphs in a network's layout."""
    samples = [_sample(rng, group, antennas, layout) for _ in range(group.count if count is None else count)]
    graphs, channels, weights, statistics, instances = zip(*samples, strict=True)
    return Prepared(
        group=group,
        layout=layout,
        graphs=list(graphs),
        channel=torch.from_numpy(np.stack(channels)),
        weights=torch.from_numpy(np.stack(weights).astype(np.float32)),
        statistics=list(statistics),
        instances=list(instances),
    )


def collate(prepared: Prepared, chosen: np.ndarray) -> Batch:
    """The disjoint union of the chosen samples, joined as the server joins them."""
    joined = LAYOUTS[prepared.layout]([prepared.graphs[i] for i in chosen])
    inputs = tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in joined.inputs().values())
    index = torch.from_numpy(chosen)
    return Batch(inputs, prepared.channel[index], prepared.weights[index])
