"""Parameters and multiply-accumulates of UWGNN and WCGCN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAPER = {"uwgnn": (1.181, 1.906), "wcgcn": (1.797, 2.466)}
"""G multiply-accumulates and K parameters in paper 003, table II."""
PAPER_PAIRS = 10


def multiply_accumulates(module: nn.Module, pairs: int) -> int:
    """Multiply-accumulates of the matrix products of one instance."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        module.eval()(torch.ones(1, pairs, pairs), torch.ones(1, pairs))
    return int(counter.get_total_flops() // 2)


def _run(lab: Lab) -> Findings:
    sizes = (4, 6) if lab.quick else (10, 20, 50, 100)
    parameters: dict[str, int] = {}
    work: dict[str, dict[int, int]] = {}
    for network in NETWORKS:
        module = network.make(PAPER_PAIRS)
        parameters[network.name] = sum(p.numel() for p in module.parameters())
        work[network.name] = {pairs: multiply_accumulates(network.make(pairs), pairs) for pairs in sizes}
    labels = {network.name: network.label for network in NETWORKS}
    rows = tuple(
        (labels[name], f"{parameters[name]:,}", *(f"{work[name][pairs]:,}" for pairs in sizes), *_paper(name))
        for name in work
    )
    ratio = work["wcgcn"][sizes[0]] / work["uwgnn"][sizes[0]]
    return Findings(
        tables=(
            Table(
                "Parameters, and multiply-accumulates of the matrix products of one instance",
                ("network", "parameters", *(f"K = {pairs}" for pairs in sizes), "paper: K parameters", "paper: G MACs"),
                rows,
            ),
        ),
        remarks=(
            "The paper's 1.906 K and 2.466 K are exactly twice the parameters of the widths that it states (953 and "
            "1,233); a counter that meets shared modules under two names would do that.",
            "The paper's totals of multiply-accumulates are those of an unstated number of graphs; the ratio of WCGCN "
            f"to UWGNN is {PAPER['wcgcn'][0] / PAPER['uwgnn'][0]:.2f} there and {ratio:.2f} here at K = {sizes[0]}.",
            f"The MLP's parameters are those for K = {PAPER_PAIRS}.",
        ),
        draw=lambda axes: _draw(axes, work, labels),
    )


def _paper(name: str) -> tuple[str, str]:
    macs, parameters = PAPER.get(name, (None, None))
    return ("" if parameters is None else f"{parameters}", "" if macs is None else f"{macs}")


def _draw(axes: Axes, work: dict[str, dict[int, int]], labels: dict[str, str]) -> None:
    for name, by_size in work.items():
        axes.loglog(list(by_size), list(by_size.values()), "-o", label=labels[name])
    axes.set_xlabel("pairs K")
    axes.set_ylabel("multiply-accumulates of one instance")
    axes.legend()


COMPLEXITY = Study(
    name="complexity",
    title="Parameters and arithmetic of the power-control networks",
    source="paper 003, table II",
    run=_run,
)
