"""Trains the cell-free networks of paper 000, unsupervised, on random networks of one size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from airgraph_models.problems import CellFree
from airgraph_training.channels.cell_free import CELL_FREE_SNR, PILOT_LENGTH, drop_cell_free
from airgraph_training.losses import cell_free_objective
from airgraph_training.schedule import warm_cosine

CELLS = ((30, 6), (30, 8), (30, 10), (50, 6), (50, 8), (50, 10))
"""Access points and users of paper 000, table IV."""
COARSE = 0.1
"""Width of the SINR interval at which the published kind of bisection ends."""
AVERAGING = 0.995
WARM_UP, FINAL_SHARE = 50, 0.01


@dataclass(frozen=True)
class CellFreeFit:
    """How a network is trained.

    Attributes:
        access_points: M.
        users: K.
        samples: Size of the fixed training set.
        epochs: Passes over it.
        seed: Of samples, initial weights and order.
        batch: Samples a step.
        learning_rate: Peak of Adam.
    """

    access_points: int
    users: int
    samples: int
    epochs: int
    seed: int
    batch: int = 32
    learning_rate: float = 3e-3

    def describe(self) -> dict[str, Any]:
        """All of it, in plain values."""
        return asdict(self)


def draw_networks(rng: np.random.Generator, access_points: int, users: int, count: int) -> list[CellFree]:
    """Random networks with orthogonal pilots at 100 mW."""
    drops = (drop_cell_free(rng, access_points, users) for _ in range(count))
    return [CellFree.create(fading, snr=CELL_FREE_SNR, pilot_length=PILOT_LENGTH) for fading in drops]


def tensors(networks: list[CellFree]) -> tuple[Tensor, Tensor]:
    """Fading ``[n, M, K]`` and couplings ``[n, K, K + 1]`` in single precision."""
    fading = torch.from_numpy(np.stack([network.fading for network in networks])).float()
    couplings = [
        np.concatenate([network.coupling.matrix, network.coupling.noise[:, None]], axis=1) for network in networks
    ]
    return fading, torch.from_numpy(np.stack(couplings)).float()


def fit_cell_free(network: nn.Module, fit: CellFreeFit) -> None:
    """Trains ``network`` in place: minus the mean smooth smallest rate; its averaged weights stay.

    The smallest rate moves one user at a time, and single weights swing with it: both the smooth envelope and the
    average of the weights are remedies.
    """
    rng = np.random.default_rng((fit.seed, fit.access_points, fit.users))
    fading, coupling = tensors(draw_networks(rng, fit.access_points, fit.users, fit.samples))
    network.inputs.standardise(fading)  # type: ignore[operator,union-attr]
    average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(AVERAGING))  # type: ignore[no-untyped-call]
    optimiser = torch.optim.Adam(network.parameters(), lr=fit.learning_rate)
    steps = fit.samples // fit.batch
    schedule = warm_cosine(optimiser, fit.epochs * steps, WARM_UP, FINAL_SHARE)["lr_scheduler"]["scheduler"]
    order = torch.Generator().manual_seed(fit.seed)
    network.train()
    for _ in range(fit.epochs):
        for chosen in torch.randperm(fit.samples, generator=order)[: steps * fit.batch].reshape(steps, fit.batch):
            share = network(fading[chosen]).unsqueeze(-1)
            # Not relative to each sample's own rate: what is reported is the mean rate over the mean optimum.
            loss = -cell_free_objective(share, coupling[chosen], share.squeeze(-1)).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            average.update_parameters(network)
    network.load_state_dict(average.module.state_dict())
