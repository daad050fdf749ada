"""The shipped power-control network on a study's instances: one checkpoint for all of them."""

from __future__ import annotations

from functools import cache

import numpy as np

from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_training.evaluation import Exported
from airgraph_training.studies.frontier_systems import AUTO_NETWORK, ZOO
from airgraph_training.studies.lab import FloatArray, Instances

SHIPPED = "AirGraph, one checkpoint"
"""Its name in tables and plots."""
SHIPPED_REMARK = (
    f'"{SHIPPED}" is the shipped network alone, neither polished nor guarded. Unlike the others it was not trained on '
    "this study's training case but on many kinds and sizes of networks, which its model card lists."
)
"""For the page of a study that has it among its systems."""
LINKS_A_RUN = 100_000
"""Bounds the memory of one run."""


@cache
def shipped_network() -> Exported:
    """The network that AUTO serves."""
    return Exported.of_zoo(ZOO / AUTO_NETWORK / "1")


def shipped_rates(instances: Instances) -> FloatArray:
    """Weighted sum rate ``[n]`` of the shipped network's answers, projected onto the budgets; no polishing."""
    network = shipped_network()
    problems = [
        PowerControl.create(snr, weights=weights)
        for snr, weights in zip(instances.snr, instances.weights[:, 0], strict=True)
    ]
    together = max(1, LINKS_A_RUN // problems[0].size ** 2)
    powers: list[FloatArray] = []
    for first in range(0, len(problems), together):
        batch = problems[first : first + together]
        for problem, answer in zip(batch, network.answers(batch), strict=True):
            powers.append(POWER_CONTROL.project(problem, answer))
    return instances.rate(np.stack(powers))
