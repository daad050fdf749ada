"""Pairs dropped in a field, weighted, with local channel knowledge: the instances of paper 001's section V-B."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airgraph_models.problems import PowerControl
from airgraph_models.problems.links import Links
from airgraph_models.problems.power_control_features import power_control_graph
from airgraph_models.problems.row_table import LinkGraph
from airgraph_training.channels import PUBLISHED_FIELD, drop_pairs
from airgraph_training.studies.lab import TEST_SEED, Instances
from airgraph_training.studies.populations import Population, Sample

REACH = 500.0
"""Metres: a network sees the channels over at most this distance (paper 001, section V-B)."""


@dataclass(frozen=True)
class Field:
    """Pairs dropped in a square, rate weights uniform in 0..1; `PUBLISHED_FIELD` is the law of the channels.

    Attributes:
        side: Of the square, metres.
        nearest: Least distance of a receiver from its transmitter, metres (d_min).
        farthest: Largest, metres (d_max).
    """

    side: float = 1000.0
    nearest: float = 2.0
    farthest: float = 65.0

    @property
    def population(self) -> Population:
        """The same instances for networks that see all links."""
        name = f"{PUBLISHED_FIELD.name}, {self.side:g} m, {self.nearest:g} to {self.farthest:g} m, weights in 0..1"
        return Population(name, lambda rng, pairs: self.draw(rng, pairs)[0])

    def draw(self, rng: np.random.Generator, pairs: int) -> tuple[Sample, npt.NDArray[np.bool_]]:
        """An instance, and which channels ``[K, K]`` a network sees: the direct ones and those over at most `REACH`."""
        drop = drop_pairs(rng, pairs, self.side, PUBLISHED_FIELD, nearest=self.nearest, farthest=self.farthest)
        near = (drop.distance <= REACH) | np.eye(pairs, dtype=bool)
        return Sample(np.abs(drop.channel[..., 0]) ** 2, rng.uniform(0.0, 1.0, pairs)), near


@dataclass(frozen=True)
class FieldInstances:
    """Instances whose objective counts all links, and what a network sees of them.

    Attributes:
        whole: All links.
        near: ``[n, K, K]``, true where a channel is seen.
    """

    whole: Instances
    near: npt.NDArray[np.bool_]

    @classmethod
    def draw(cls, field: Field, rng: np.random.Generator, pairs: int, count: int) -> FieldInstances:
        """``count`` instances of K pairs."""
        samples, near = zip(*(field.draw(rng, pairs) for _ in range(count)), strict=True)
        snr, weights = zip(*samples, strict=True)
        return cls(Instances(np.stack(snr), np.stack(weights)[:, None]), np.stack(near))

    @classmethod
    def test_set(cls, field: Field, pairs: int, count: int) -> FieldInstances:
        """Instances that no training set holds."""
        return cls.draw(field, np.random.default_rng((TEST_SEED, pairs)), pairs, count)

    @property
    def seen(self) -> Instances:
        """The instances as they would be if there were no other links."""
        return Instances(np.where(self.near, self.whole.snr, 0.0), self.whole.weights)

    def problems(self) -> list[PowerControl]:
        """The instances as a caller would send them: the links that are seen."""
        pairs = self.near.shape[1]
        found = []
        for snr, weights, near in zip(self.whole.snr, self.whole.weights[:, 0], self.near, strict=True):
            receiver, transmitter = np.nonzero(near)
            links = Links.create(receiver, transmitter, pairs, pairs)
            found.append(PowerControl.create(snr[near], weights=weights, links=links))
        return found

    def graphs(self) -> list[LinkGraph]:
        """What the network reads, as serving builds it."""
        return [power_control_graph(problem) for problem in self.problems()]
