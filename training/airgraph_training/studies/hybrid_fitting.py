"""Links for the study of hybrid precoding, and how the networks of paper 000 are trained on them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from airgraph_models.problems.hybrid_chains import real_blocks
from airgraph_training.channels.clustered import ComplexArray, clustered, digital_pair
from airgraph_training.schedule import warm_cosine

TRANSMIT, RECEIVE, STREAMS = 144, 36, 2
WARM_UP, FINAL_SHARE = 50, 0.01


@dataclass(frozen=True)
class Links:
    """Point-to-point links with their digital halves.

    Attributes:
        channel: ``[n, Nr, Nt]``.
        precoder: ``[n, Nt, Ns]``, of power Ns.
        combiner: ``[n, Nr, Ns]``, of power Ns.
    """

    channel: ComplexArray
    precoder: ComplexArray
    combiner: ComplexArray

    @classmethod
    def draw(cls, rng: np.random.Generator, count: int) -> Links:
        """Random links of the study's size."""
        channel = np.stack([clustered(rng, RECEIVE, TRANSMIT) for _ in range(count)])
        precoder, combiner = zip(*(digital_pair(one, STREAMS) for one in channel), strict=True)
        return cls(channel, np.stack(precoder), np.stack(combiner))


@dataclass(frozen=True)
class HybridFit:
    """How a network is trained.

    Attributes:
        chains: R.
        samples: Size of the fixed training set.
        epochs: Passes over it.
        learning_rate: Peak of Adam.
        seed: Of samples, initial weights and order.
        batch: Samples a step.
    """

    chains: int
    samples: int
    epochs: int
    learning_rate: float
    seed: int
    batch: int = 100

    def describe(self) -> dict[str, Any]:
        """All of it, in plain values."""
        return asdict(self)


def tensors(digital: ComplexArray, chains: int) -> Tensor:
    """``[n, N, Ns]`` digital halves to the networks' ``[n, R, 2, L, Ns, 2]``."""
    return torch.from_numpy(np.stack([real_blocks(one, chains) for one in digital]))


def loss(block: Tensor, phase: Tensor, symbol: Tensor) -> Tensor:
    r"""Mean of :math:`\|F_\text{opt} - F_\text{RF} F_\text{BB}\|_F^2`, unsupervised.

    Each entry of an answer is a phase times a digital coefficient of its chain, the conjugate of a symbol's state.
    """
    real, imag = symbol[..., 0::2].unsqueeze(2), -symbol[..., 1::2].unsqueeze(2)
    phase_real, phase_imag = phase[:, :, 0].unsqueeze(-1), phase[:, :, 1].unsqueeze(-1)
    error_real = block[:, :, 0, ..., 0] - (phase_real * real - phase_imag * imag)
    error_imag = block[:, :, 1, ..., 0] - (phase_real * imag + phase_imag * real)
    return (error_real.square() + error_imag.square()).sum(dim=(1, 2, 3)).mean()


def fit_hybrid(network: nn.Module, digital: ComplexArray, fit: HybridFit) -> None:
    """Trains ``network`` in place on digital halves ``[n, N, Ns]``."""
    block = tensors(digital, fit.chains)
    optimiser = torch.optim.Adam(network.parameters(), lr=fit.learning_rate)
    steps = len(block) // fit.batch
    schedule = warm_cosine(optimiser, fit.epochs * steps, WARM_UP, FINAL_SHARE)["lr_scheduler"]["scheduler"]
    order = torch.Generator().manual_seed(fit.seed)
    network.train()
    for _ in range(fit.epochs):
        for chosen in torch.randperm(len(block), generator=order)[: steps * fit.batch].reshape(steps, fit.batch):
            value = loss(block[chosen], *network(block[chosen]))
            optimiser.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
