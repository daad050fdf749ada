"""Trains networks for several cells, unsupervised: minus the mean sum rate a user is the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from airgraph_models.gnn.coordinated_gnn import CoordinatedGNN, CoordinatedGNNArchitecture
from airgraph_models.gnn.coordinated_steps import CoordinatedSteps, CoordinatedStepsArchitecture
from airgraph_training.losses import coordinated_objective
from airgraph_training.studies.coordinated_sets import Layout, draw_cells
from airgraph_training.studies.descent import Descent
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_sets import real_pairs


@dataclass(frozen=True)
class CoordinatedFit:
    """How a network is trained.

    Attributes:
        layout: Cells, antennas and users of every sample.
        snr_db: Budget over noise.
        samples: Size of the fixed training set.
        epochs: Passes over it.
        seed: Of samples, initial weights, order and rotations.
        batch: Samples a step.
        learning_rate: Peak of Adam; a short warm-up before it, a cosine after it.
    """

    layout: Layout
    snr_db: float
    samples: int
    epochs: int
    seed: int
    batch: int = 25
    learning_rate: float = 5e-3

    def describe(self) -> dict[str, Any]:
        """All of it, in plain values."""
        return asdict(self)

    def draw(self) -> Tensor:
        """The training set ``[samples, M, K, M, N, 2]``."""
        rng = np.random.default_rng((self.seed, self.layout.cells, self.layout.antennas, self.layout.users))
        return real_pairs(draw_cells(rng, self.layout, self.samples, self.snr_db))


def rotate(channel: Tensor, generator: torch.Generator) -> Tensor:
    """Channels ``[B, M, K, M, N, 2]`` seen from elsewhere: no sum rate that can be reached changes.

    The antennas of each transmitter are turned by a random unitary matrix, and each user by a phase.
    """
    batch, cells, users, _, antennas = channel.shape[:5]
    drawn = torch.randn(cells, antennas, antennas, dtype=torch.complex64, generator=generator)
    phase = torch.exp(2j * math.pi * torch.rand(batch, cells, users, 1, 1, generator=generator))
    turned = torch.einsum("bmkjn,jnl->bmkjl", torch.view_as_complex(channel), torch.linalg.qr(drawn)[0])
    return torch.view_as_real(phase * turned).contiguous()


def passes(fit: CoordinatedFit, generator: torch.Generator) -> Iterator[Tensor]:
    """The batches of all passes over the training set, each rotated at random."""
    samples = fit.draw()
    for _ in range(fit.epochs):
        for rows in torch.split(torch.randperm(len(samples), generator=generator), fit.batch):
            yield rotate(samples[rows], generator)


def raised(network: nn.Module, channel: Tensor) -> Tensor:
    """What training raises, of channels ``[B, M, K, M, N, 2]``: the mean sum rate of a network's precoders.

    Of an unrolled network the mean over all layers is added to that of the last: each layer then is told at once what
    its step is worth, and none relies on those behind it.
    """
    if not isinstance(network, CoordinatedSteps):
        return coordinated_objective(network(channel), channel).mean()
    answers = network.after_each_layer(channel)
    rates = coordinated_objective(torch.cat(answers), channel.repeat(len(answers), 1, 1, 1, 1, 1))
    by_layer = rates.reshape(len(answers), -1).mean(dim=1)
    return by_layer[-1] + by_layer.mean()


def fit_coordinated(network: nn.Module, fit: CoordinatedFit) -> None:
    """Trains ``network`` in place: from channels ``[B, M, K, M, N, 2]`` to precoders ``[B, M, N, K, 2]``."""
    descent = Descent(network, fit.learning_rate, fit.epochs * math.ceil(fit.samples / fit.batch))
    network.train()
    for channel in passes(fit, torch.Generator().manual_seed(fit.seed)):
        share = len(channel) / fit.batch / (fit.layout.cells * fit.layout.users)
        descent.step(-share * raised(network, channel))
    network.eval()


@dataclass(frozen=True)
class CoordinatedNetwork:
    """A network as the study knows it.

    Attributes:
        name: Short, for file names.
        label: For tables and plots.
        architecture: Its sizes.
    """

    name: str
    label: str
    architecture: CoordinatedGNNArchitecture | CoordinatedStepsArchitecture

    def build(self, fit: CoordinatedFit) -> nn.Module:
        """The module with the initial weights of a fit's seed, and the unit of its samples where it needs one."""
        torch.manual_seed(fit.seed)
        if isinstance(self.architecture, CoordinatedStepsArchitecture):
            return CoordinatedSteps(self.architecture).eval()
        module = CoordinatedGNN(self.architecture)
        module.standardise(fit.draw())
        return module.eval()

    def trained(self, lab: Lab, fits: Sequence[CoordinatedFit]) -> nn.Module:
        """Trained by one fit after the other, now or by an earlier visit with the same settings.

        Args:
            lab: Where networks are kept.
            fits: The first begins at random weights, each other where the one before ended.
        """
        module = self.build(fits[0])
        for number, fit in enumerate(fits):
            lab.kept(
                f"coordinated-{self.name}",
                [self.name, asdict(self.architecture), [one.describe() for one in fits[: number + 1]]],
                module,
                partial(fit_coordinated, module, fit),
                f"{self.label}, (M, N, K) = {fit.layout}, {fit.samples:,} samples",
            )
        return module
