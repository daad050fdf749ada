"""How the tangent kernels of a graph network and of an MLP change with the number of nodes."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import torch

from airgraph_training.studies.lab import Lab
from airgraph_training.studies.study import Table
from airgraph_training.studies.tangent_kernel import (
    Conditioning,
    TwoLayerGraphNetwork,
    TwoLayerPerceptron,
    conditioning,
    tangent_kernel,
)

FEATURES, SAMPLES, WIDTH, DRAWS, SETS = 5, 300, 256, 8, 3
"""Of the tangent kernels: 300 Gaussian samples are the paper's; it prints no number of features a node."""
TARGETS = ("invariant", "not invariant")
NODES = (2, 5, 10, 20, 40)
KERNEL_REMARKS = (
    "Tangent kernels are those of a two-layer ReLU perceptron over all nodes, and of one over each node whose "
    f"outputs are added up; both layers are learnt, and kernels are averaged over {DRAWS} draws of {WIDTH} hidden "
    f"units and results over {SETS} sample sets. The paper prints neither n nor features a node. The invariant "
    "target has one slope for all nodes, the other a slope a node. Kernels and targets are centred: without that, "
    "the kernel's constant eigenvector hides all others. Kappa is that of the paper's theorem 2: the largest "
    "|Hx||x| / (x'Hx) over the course of training, x what is left of the target, H the kernel; its bound for all "
    "targets is the ratio of the eigenvalues. Time is in units of one over the largest eigenvalue.",
    "Paper 002, figure 2: the condition number of the graph network stays the same as n grows, that of the MLP "
    "rises, and for targets that are not invariant the graph network's is the worse. Found here: the first and "
    "the last; the speed of theorem 3, about n times that of the MLP while n is small; and a time to learn that "
    "grows for the MLP alone. Kappa of the MLP falls instead, as the number of inputs approaches that of the "
    "samples, which are then nearly orthogonal; it rises only at the start of training. It fell or stayed with "
    "1, 2, 5 and 10 features a node and with linear and quadratic targets alike.",
)


def measure_kernels(lab: Lab, nodes: int) -> dict[tuple[str, str], Conditioning]:
    """Mean conditioning by network and target, over random sample sets and targets."""
    count, sets, draws, width = (20, 1, 1, 8) if lab.quick else (SAMPLES, SETS, DRAWS, WIDTH)
    found: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for position in range(sets):
        torch.manual_seed(lab.seed + position)
        samples = torch.randn(count, nodes, FEATURES, dtype=torch.float64)
        kernels = {
            "GNN": [tangent_kernel(TwoLayerGraphNetwork(FEATURES, width), samples) for _ in range(draws)],
            "MLP": [tangent_kernel(TwoLayerPerceptron(nodes * FEATURES, width), samples) for _ in range(draws)],
        }
        slopes = torch.randn(1, FEATURES, dtype=torch.float64), torch.randn(nodes, FEATURES, dtype=torch.float64)
        targets = {name: (samples * slope).sum(dim=(1, 2)) for name, slope in zip(TARGETS, slopes, strict=True)}
        for network, drawn in kernels.items():
            for name, target in targets.items():
                measured = conditioning(np.mean(drawn, axis=0), target.numpy())
                found.setdefault((name, network), []).append(astuple(measured))
    return {key: Conditioning(*np.mean(values, axis=0)) for key, values in found.items()}


def kernel_table(kernels: dict[int, dict[tuple[str, str], Conditioning]]) -> Table:
    """One row a target, a number of nodes and a network."""
    rows = tuple(
        (
            target,
            str(nodes),
            network,
            f"{found.target:.2f}",
            f"{found.start:.2f}",
            f"{found.worst:,.0f}",
            f"{found.time:,.1f}",
            f"{found.rate / by_network[target, 'MLP'].rate:.1f}",
        )
        for target in TARGETS
        for nodes, by_network in kernels.items()
        for network in ("GNN", "MLP")
        for found in (by_network[target, network],)
    )
    return Table(
        f"Tangent kernels of two-layer networks over n nodes: {SAMPLES} Gaussian samples of n x {FEATURES} "
        "numbers, a linear target",
        (
            "target",
            "n",
            "network",
            "kappa of the target",
            "kappa at the start",
            "largest over smallest eigenvalue",
            "time to a tenth of the target",
            "first speed over the MLP's, at equal step size",
        ),
        rows,
    )
