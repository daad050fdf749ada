"""Fixed training sets, drawn by a seed, with the server's own features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from airgraph_models.problems.beamforming_features import Frames, beamforming_graph
from airgraph_models.problems.beamforming_instance import Beamforming
from airgraph_models.problems.links import Links
from airgraph_models.problems.power_control_features import power_control_graph
from airgraph_models.problems.power_control_instance import PowerControl
from airgraph_models.problems.row_table import LinkGraph, build_row_table
from airgraph_training.channels import PathLoss, drop_pairs, rayleigh
from airgraph_training.channels.rayleigh import Complex128Array

Instance = PowerControl | Beamforming


@dataclass(frozen=True)
class SampleGroup:
    """Random instances of one size and kind.

    Attributes:
        name: Short name in curves and cards.
        count: Number of training samples.
        pairs: Pairs K of each.
        path_loss: Law of a drop in a square of ``side`` metres; None for i.i.d. Rayleigh fading.
        side: Metres.
        snr_db: Range of the signal-to-noise ratio of Rayleigh samples, uniform in dB.
        reach: The network sees links within this many metres only (paper 001, section V-B); the objective counts all.
        weighted: Share of the samples with rate weights uniform in 0..1; the others weigh one.
    """

    name: str
    count: int
    pairs: int
    path_loss: PathLoss | None = None
    side: float = 0.0
    snr_db: tuple[float, float] = (10.0, 10.0)
    reach: float | None = None
    weighted: float = 0.0


@dataclass(frozen=True)
class Prepared:
    """One group, ready to batch.

    Attributes:
        group: What was drawn.
        graphs: One a sample, as the server would build it.
        channel: ``[n, K, K, F]`` as `airgraph_training.losses` takes it.
        weights: ``[n, K]``.
        instances: The instances whose objective is meant (all links).
    """

    group: SampleGroup
    graphs: list[LinkGraph]
    channel: Tensor
    weights: Tensor
    instances: list[Instance]


class Batch(NamedTuple):
    """Network inputs of B instances of one size as a disjoint union, and what the loss needs of them."""

    inputs: tuple[Tensor, ...]
    channel: Tensor
    weights: Tensor


def _channel(rng: np.random.Generator, group: SampleGroup, antennas: int) -> tuple[Complex128Array, np.ndarray | None]:
    if group.path_loss is None:
        snr = 10 ** (rng.uniform(*group.snr_db) / 10)
        return rayleigh(rng, group.pairs, group.pairs, antennas) * np.sqrt(snr), None
    drop = drop_pairs(rng, group.pairs, group.side, group.path_loss, antennas)
    return drop.channel, drop.distance


def channel_in_frames(channel: Complex128Array, frames: Frames) -> np.ndarray:
    """``[K, K, N]`` channels turned into the transmitters' frames, as ``[K, K, 2N]`` float32 (re, im) pairs."""
    nodes, antennas = channel.shape[1:]
    basis = np.stack(
        [frames.to_antennas(np.broadcast_to(row, (nodes, antennas)).astype(complex)) for row in np.eye(antennas)],
        axis=-1,
    )
    turned = np.einsum("kjn,jnm->kjm", channel, basis)
    return np.ascontiguousarray(turned.astype(np.complex64)).view(np.float32)


def _sample(
    rng: np.random.Generator, group: SampleGroup, antennas: int
) -> tuple[LinkGraph, np.ndarray, np.ndarray, Instance]:
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
        visible = PowerControl.create(np.abs(seen[..., 0]) ** 2, weights=weights, links=links)
        complete = PowerControl.create(gain, weights=weights)
        return power_control_graph(visible), gain[..., None].astype(np.float32), weights, complete
    graph, frames = beamforming_graph(Beamforming.create(seen, weights=weights, links=links))
    turned = channel_in_frames(channel, frames)
    return graph, turned, weights, Beamforming.create(channel, weights=weights)


def prepare(group: SampleGroup, antennas: int, rng: np.random.Generator, count: int | None = None) -> Prepared:
    """Draws ``count`` (default: the group's own) samples and builds their graphs."""
    samples = [_sample(rng, group, antennas) for _ in range(group.count if count is None else count)]
    graphs, channels, weights, instances = zip(*samples, strict=True)
    return Prepared(
        group=group,
        graphs=list(graphs),
        channel=torch.from_numpy(np.stack(channels)),
        weights=torch.from_numpy(np.stack(weights).astype(np.float32)),
        instances=list(instances),
    )


def collate(prepared: Prepared, chosen: np.ndarray) -> Batch:
    """The disjoint union of the chosen samples, through the server's own table."""
    table = build_row_table([prepared.graphs[i] for i in chosen])
    inputs = tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in table.inputs().values())
    index = torch.from_numpy(chosen)
    return Batch(inputs, prepared.channel[index], prepared.weights[index])
