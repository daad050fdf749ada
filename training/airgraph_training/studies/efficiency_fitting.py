r"""Trains a precoding network for energy efficiency under minimum rates, by an augmented Lagrangian.

Every minimum rate of every training sample has a multiplier :math:`\lambda_{ik}` of its own. With what user k of sample
i lacks, :math:`g_{ik} = R_{\min} + \delta - R_{ik}`, a step goes down

.. math::
    -\ln \text{EE}_i + \frac{1}{K} \sum_k \frac{\max(0, \lambda_{ik} + c\, g_{ik})^2 - \lambda_{ik}^2}{2 c}

and each visit to a sample moves its multipliers up, :math:`\lambda_{ik} \leftarrow \max(0, \lambda_{ik} + \mu g_{ik})`.
Source: paper 004, IV-B2, after its reference [38], which has a network in the place of the table of multipliers; the
quadratic term and the margin :math:`\delta` are ours.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from airgraph_models.gnn.efficient_precoding import EfficientPrecoding
from airgraph_models.gnn.model_gnn import ModelGNN, ModelGNNArchitecture
from airgraph_models.gnn.structured_gnn import FreeStructuredGNN, StructuredGNNArchitecture
from airgraph_training.losses import precoding_rates
from airgraph_training.studies.descent import Descent
from airgraph_training.studies.efficiency_sets import ANTENNA_POWER, POWER_MODEL
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_fitting import PrecodingFit, PrecodingNetwork, rotate

MOST_VIEWS = 8


@dataclass(frozen=True)
class EfficiencyFit:
    """How a network is trained.

    Attributes:
        draws: Samples, passes, batches and rates; its SNR is that of 1 W.
        minimum_rate: Of every user, bit/s/Hz.
        margin: Above the minimum rate, aimed at in training.
        penalty: c.
        dual_rate: mu.
    """

    draws: PrecodingFit
    minimum_rate: float
    margin: float = 0.1
    penalty: float = 1.0
    dual_rate: float = 0.1

    def describe(self) -> dict[str, Any]:
        """All of it, in plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Visit:
    """A batch on its way through training.

    Attributes:
        channel: ``[B, K, N, 2]``, rotated at random.
        group: Number of its group of samples.
        rows: ``[B]`` places in that group.
    """

    channel: Tensor
    group: int
    rows: Tensor


def views(fit: PrecodingFit, group: Tensor) -> int:
    """How often a pass shows a group of samples."""
    return max(1, min(MOST_VIEWS, fit.batch // len(group)))


def visits(fit: PrecodingFit, groups: list[Tensor], generator: torch.Generator) -> Iterator[Visit]:
    """One pass over the training set: batches of one number of users each, in random order.

    A group too small for a batch is seen several times, from elsewhere each time: as often as makes up a batch, but no
    more than `MOST_VIEWS` times.
    """
    parts = [
        (number, rows)
        for number, group in enumerate(groups)
        for _ in range(views(fit, group))
        for rows in torch.split(torch.randperm(len(group), generator=generator), fit.batch)
    ]
    for place in torch.randperm(len(parts), generator=generator).tolist():
        number, rows = parts[place]
        yield Visit(rotate(groups[number][rows], generator), number, rows)


def fit_efficiency(network: nn.Module, fit: EfficiencyFit) -> None:
    """Trains ``network`` in place: from channels ``[B, K, N, 2]`` to precoders ``[B, N, K, 2]`` over the unit."""
    draws = fit.draws
    power = POWER_MODEL.consumed(draws.antennas)
    groups = draws.draw()
    multipliers = [torch.zeros(group.shape[:2]) for group in groups]
    generator = torch.Generator().manual_seed(draws.seed)
    steps = draws.epochs * sum(views(draws, group) * math.ceil(len(group) / draws.batch) for group in groups)
    descent = Descent(network, draws.learning_rate, steps)
    network.train()
    for _ in range(draws.epochs):
        for visit in visits(draws, groups, generator):
            precoder = network(visit.channel)
            rates = precoding_rates(precoder, visit.channel)
            consumed = power.inefficiency * precoder.square().sum(dim=(1, 2, 3)) + power.fixed
            lacking = fit.minimum_rate + fit.margin - rates
            multiplier = multipliers[visit.group][visit.rows]
            pushed = torch.relu(multiplier + fit.penalty * lacking)
            constraint = (pushed.square() - multiplier.square()).mean(dim=1) / (2.0 * fit.penalty)
            objective = torch.log(rates.sum(dim=1) / consumed)
            # A batch weighs the same whatever its size, so that rare numbers of users are heard too.
            descent.step((constraint - objective).mean())
            multipliers[visit.group][visit.rows] = torch.relu(multiplier + fit.dual_rate * lacking.detach())
    network.eval()


@dataclass(frozen=True)
class EfficiencyNetwork:
    """A network as studies know it.

    Attributes:
        inner: What decides on directions and on the users' parts of the power.
    """

    inner: PrecodingNetwork

    @property
    def label(self) -> str:
        """For tables and plots."""
        return self.inner.label

    def build(self, fit: PrecodingFit) -> EfficientPrecoding:
        """The module with the initial weights of a fit's seed and the unit of its samples."""
        return EfficientPrecoding(self.inner.build(fit), ANTENNA_POWER).eval()

    def trained(self, lab: Lab, fits: Sequence[EfficiencyFit]) -> nn.Module:
        """Trained by one fit after the other, now or by an earlier visit with the same settings.

        Args:
            lab: Where networks are kept.
            fits: The first begins at random weights, each other where the one before ended.
        """
        torch.manual_seed(fits[0].draws.seed)
        module = self.build(fits[0].draws)
        for number, fit in enumerate(fits):
            draws, sofar = fit.draws, [one.describe() for one in fits[: number + 1]]
            lab.kept(
                f"efficiency-{self.inner.name}",
                [self.inner.name, self.inner.sizes, sofar],
                module,
                partial(fit_efficiency, module, fit),
                f"{self.label}, N = {draws.antennas}, K = {draws.users}, {fit.minimum_rate:g} bit/s/Hz",
            )
        return module


def efficiency_networks(vanilla: PrecodingNetwork) -> tuple[EfficiencyNetwork, ...]:
    """Model-GNN with the paper's widths, a Vanilla-GNN, and BNN with free powers."""
    wide = ModelGNNArchitecture((32, 32, 32, 8))
    free = asdict(StructuredGNNArchitecture())
    return (
        EfficiencyNetwork(PrecodingNetwork("model-gnn", "Model-GNN", lambda: ModelGNN(wide), asdict(wide))),
        EfficiencyNetwork(vanilla),
        EfficiencyNetwork(PrecodingNetwork("bnn", "BNN", FreeStructuredGNN, free)),
    )
