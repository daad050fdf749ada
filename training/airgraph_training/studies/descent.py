"""The steps of a training run in a study: Adam, clipped gradients, a warm-up and a cosine."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from airgraph_training.schedule import warm_cosine

WARM_UP_STEPS = 20
FINAL_SHARE = 0.01
LARGEST_GRADIENT = 1.0


class Descent:
    """One run of so many steps."""

    def __init__(self, network: nn.Module, learning_rate: float, steps: int, final_share: float = FINAL_SHARE) -> None:
        """Over all parameters of a network.

        Args:
            network: Is trained in place.
            learning_rate: Peak of Adam.
            steps: Length of the run.
            final_share: Share of the peak learning rate that the run ends with.
        """
        self._network = network
        self._optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate)
        self._schedule = warm_cosine(self._optimizer, steps, WARM_UP_STEPS, final_share)["lr_scheduler"]["scheduler"]

    def step(self, loss: Tensor) -> None:
        """One step down the gradient of a loss."""
        self._optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self._network.parameters(), LARGEST_GRADIENT)
        self._optimizer.step()
        self._schedule.step()
