"""Trains a precoding network, unsupervised, on random downlinks: minus the mean sum rate a user is the loss."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from airgraph_training.losses import precoding_objective
from airgraph_training.studies.descent import FINAL_SHARE, Descent
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_sets import draw_channels, real_pairs


@dataclass(frozen=True)
class PrecodingFit:
    """How a network is trained.

    Attributes:
        antennas: N.
        users: K of every sample, or the mean of an exponential distribution of K.
        snr_db: Budget over noise.
        samples: Size of the fixed training set.
        epochs: Passes over it.
        seed: Of samples, initial weights, order and rotations.
        batch: Samples a step.
        learning_rate: Peak of Adam; a short warm-up before it, a cosine after it.
        exponential: K is drawn from the exponential distribution of mean ``users``, rounded up, at most N.
        rotated: Every batch is seen through a random unitary rotation of the antennas and random phases of the users,
            which change no sum rate: the same samples, seen from elsewhere.
    """

    antennas: int
    users: int
    snr_db: float
    samples: int
    epochs: int
    seed: int
    batch: int = 50
    learning_rate: float = 5e-3
    exponential: bool = False
    rotated: bool = True

    def describe(self) -> dict[str, Any]:
        """All of it, in plain values."""
        return asdict(self)

    def draw(self) -> list[Tensor]:
        """The training set, one ``[n, K, N, 2]`` for each number of users."""
        rng = np.random.default_rng((self.seed, self.antennas, self.users))
        counts = {self.users: self.samples}
        if self.exponential:
            drawn = np.clip(np.ceil(rng.exponential(self.users, self.samples)), 1, self.antennas).astype(int)
            counts = dict(zip(*(values.tolist() for values in np.unique(drawn, return_counts=True)), strict=True))
        return [real_pairs(draw_channels(rng, n, users, self.antennas, self.snr_db)) for users, n in counts.items()]


def rotate(channel: Tensor, generator: torch.Generator) -> Tensor:
    """Channels ``[B, K, N, 2]`` with the antennas turned by one random unitary matrix and each user by a phase."""
    batch, users, antennas = channel.shape[:3]
    drawn = torch.randn(antennas, antennas, dtype=torch.complex64, generator=generator)
    unitary = torch.linalg.qr(drawn)[0]
    phase = torch.exp(2j * math.pi * torch.rand(batch, users, 1, generator=generator))
    return torch.view_as_real(phase * (torch.view_as_complex(channel) @ unitary)).contiguous()


def batches(fit: PrecodingFit, groups: list[Tensor], generator: torch.Generator) -> Iterator[Tensor]:
    """One pass over the training set: batches of one number of users each, in random order."""
    parts = [
        group[rows]
        for group in groups
        for rows in torch.split(torch.randperm(len(group), generator=generator), fit.batch)
    ]
    for place in torch.randperm(len(parts), generator=generator).tolist():
        yield rotate(parts[place], generator) if fit.rotated else parts[place]


def standardise(network: nn.Module, groups: list[Tensor]) -> None:
    """Gives a network the unit of its training set's channels, if it takes any."""
    take = getattr(network, "standardise", None)
    if take is not None:
        take(torch.cat([group.flatten(0, 1) for group in groups])[None])


AfterEpoch = Callable[[int, nn.Module], bool]


def fit_precoding(
    network: nn.Module, fit: PrecodingFit, after_epoch: AfterEpoch | None = None, final_share: float = FINAL_SHARE
) -> None:
    """Trains ``network`` in place.

    Args:
        network: Takes channels ``[B, K, N, 2]``, returns precoders ``[B, N, K, 2]`` on a budget of one; built for the
            fit's samples, see `PrecodingNetwork.build`.
        fit: How.
        after_epoch: Called with (epoch from one, network) after every epoch; what it returns ends the training or not.
        final_share: Share of the peak learning rate that the run ends with.
    """
    groups = fit.draw()
    generator = torch.Generator().manual_seed(fit.seed)
    steps = fit.epochs * sum(math.ceil(len(group) / fit.batch) for group in groups)
    descent = Descent(network, fit.learning_rate, steps, final_share)
    for epoch in range(1, fit.epochs + 1):
        network.train()
        for channel in batches(fit, groups, generator):
            # Batches of a rare number of users may be small: a sample weighs the same wherever it is.
            share = len(channel) / fit.batch / channel.shape[1]
            descent.step(-share * precoding_objective(network(channel), channel).mean())
        if after_epoch is not None and after_epoch(epoch, network.eval()):
            break
    network.eval()


@dataclass(frozen=True)
class PrecodingNetwork:
    """A network as studies know it.

    Attributes:
        name: Short, for file names.
        label: For tables and plots.
        make: Builds the module, with random weights.
        sizes: Its sizes, as plain values.
    """

    name: str
    label: str
    make: Callable[[], nn.Module]
    sizes: dict[str, Any]

    def build(self, fit: PrecodingFit) -> nn.Module:
        """The module with the initial weights of a fit's seed and the unit of its samples."""
        torch.manual_seed(fit.seed)
        module = self.make()
        standardise(module, fit.draw())
        return module.eval()

    def trained(self, lab: Lab, fit: PrecodingFit) -> nn.Module:
        """Trained now or by an earlier visit with the same settings."""
        module = self.build(fit)
        told = f"{self.label}, N = {fit.antennas}, K = {fit.users}, {fit.snr_db:g} dB, {fit.samples:,} samples"
        settings = [self.name, self.sizes, fit.describe()]
        return lab.kept(f"precoding-{self.name}", settings, module, lambda: fit_precoding(module, fit), told)
