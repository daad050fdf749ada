"""Trains a network that reads dense channel matrices, unsupervised, on random instances of one size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import lightning
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from airgraph_models.gnn.dense_channels import ChannelInput
from airgraph_models.gnn.wcgcn_dense import DenseWCGCN
from airgraph_training.losses import power_control_objective
from airgraph_training.schedule import warm_cosine
from airgraph_training.studies.populations import RAYLEIGH, Population

WARM_UP_STEPS = 50
FINAL_SHARE = 0.02


@dataclass(frozen=True)
class Fit:
    """How a network is trained.

    Attributes:
        pairs: K of the training samples.
        samples: Size of the fixed training set.
        epochs: Passes over it.
        seed: Of samples, initial weights and order.
        population: What the samples are drawn from.
        batch: Samples a step.
        learning_rate: Peak of Adam; a short warm-up before it, a cosine after it.
    """

    pairs: int
    samples: int
    epochs: int
    seed: int
    population: Population = RAYLEIGH
    batch: int = 64
    learning_rate: float = 3e-3

    def describe(self) -> dict[str, Any]:
        """All of it, in plain values."""
        settings = {field.name: getattr(self, field.name) for field in fields(self)}
        return {**settings, "population": self.population.name}

    def draw(self) -> tuple[Tensor, Tensor]:
        """The training set: snr ``[n, K, K]`` and weights ``[n, K]``."""
        rng = np.random.default_rng((self.seed, self.pairs))
        snr, weights = zip(*(self.population.draw(rng, self.pairs) for _ in range(self.samples)), strict=True)
        return torch.from_numpy(np.stack(snr).astype(np.float32)), torch.from_numpy(np.stack(weights)).float()


@dataclass(frozen=True)
class DenseNetwork:
    """A network as studies know it.

    Attributes:
        name: Short, for file names.
        label: For tables and plots.
        make: Builds the module for K pairs, with random weights.
        sizes: Its sizes for K pairs, as plain values.
    """

    name: str
    label: str
    make: Callable[[int], nn.Module]
    sizes: Callable[[int], dict[str, Any]]

    def build(self, fit: Fit) -> nn.Module:
        """The module with the initial weights of a fit's seed."""
        torch.manual_seed(fit.seed)
        return self.make(fit.pairs)

    def describe(self, fit: Fit) -> dict[str, Any]:
        """Its sizes, in plain values."""
        return self.sizes(fit.pairs)


AfterEpoch = Callable[[int, nn.Module], None]


class EpochReport(lightning.Callback):
    """Hands the network to a measurement after every epoch, in evaluation mode; epochs count from one."""

    def __init__(self, network: nn.Module, measure: AfterEpoch) -> None:
        """``measure(epoch, network)``."""
        self._network = network
        self._measure = measure

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Measures, then goes on training."""
        self._network.eval()
        with torch.inference_mode():
            self._measure(trainer.current_epoch + 1, self._network)
        self._network.train()


class DenseModule(lightning.LightningModule):
    """Minus the mean sum rate of a batch, over K: the papers' loss."""

    def __init__(self, network: nn.Module, fit: Fit, steps: int, final_share: float) -> None:
        """``steps`` is the length of the learning-rate schedule, ``final_share`` where it ends."""
        super().__init__()
        self.network = network
        self._fit = fit
        self._steps = steps
        self._final_share = final_share

    def training_step(self, batch: list[Tensor], batch_idx: int) -> Tensor:
        """The loss of one batch."""
        snr, weights = batch
        share = self.network(snr, weights)
        return -power_control_objective(share.unsqueeze(-1), snr.unsqueeze(-1), weights).mean() / self._fit.pairs

    def configure_optimizers(self) -> Any:
        """Adam, with a linear warm-up and a cosine decay over the whole run."""
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self._fit.learning_rate)
        return warm_cosine(optimizer, self._steps, WARM_UP_STEPS, self._final_share)


def standardise(network: nn.Module, snr: Tensor, weights: Tensor) -> None:
    """Gives a network the statistics of its training set, if it takes any."""
    inputs = getattr(network, "inputs", None)
    if isinstance(network, DenseWCGCN):
        network.standardise(snr, weights)
    elif isinstance(inputs, ChannelInput):
        inputs.standardise(snr)


def fit_dense(
    network: nn.Module, fit: Fit, after_epoch: AfterEpoch | None = None, final_share: float = FINAL_SHARE
) -> None:
    """Trains ``network`` in place.

    Args:
        network: Takes snr and weights, returns shares of the budgets.
        fit: How.
        after_epoch: Called with (epoch from one, network) after every epoch.
        final_share: Share of the peak learning rate that the run ends with; 1 keeps it constant after the warm-up, for
            curves by epoch that a decay would bend.
    """
    snr, weights = fit.draw()
    standardise(network, snr, weights)
    order = torch.Generator().manual_seed(fit.seed)
    loader = DataLoader(TensorDataset(snr, weights), fit.batch, shuffle=True, generator=order, drop_last=True)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=fit.epochs,
        callbacks=[EpochReport(network, after_epoch)] if after_epoch else [],
        gradient_clip_val=1.0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    network.train()
    trainer.fit(DenseModule(network, fit, fit.epochs * len(loader), final_share), loader)
