"""How wide UWGNN has to be: its messages and its variables."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from torch import nn

from airgraph_models.gnn.uwgnn import UWGNN, UWGNNArchitecture
from airgraph_training.studies.dense_fitting import DenseNetwork, Fit
from airgraph_training.studies.lab import WMMSE_ITERATIONS, Lab
from airgraph_training.studies.populations import RAYLEIGH
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]

PAIRS, SAMPLES, EPOCHS, SEEDS, TESTS = 10, 4_000, 12, 3, 1_000
QUICK = (4, 64, 1, 2, 20)
PAPER = UWGNNArchitecture()
MESSAGES, VARIABLES = (1, 2, 4, 8, 16, 32), (1, 2, 4, 8, 16)
"""Swept one at a time about the paper's own 16 and 4."""


def sized_uwgnn(architecture: UWGNNArchitecture) -> DenseNetwork:
    """A UWGNN of the given sizes as studies know it."""

    def make(pairs: int) -> nn.Module:
        return UWGNN(architecture)

    def sizes(pairs: int) -> dict[str, Any]:
        return asdict(architecture)

    return DenseNetwork("uwgnn", f"UWGNN {architecture.message}, {architecture.variable}", make, sizes)


def _run(lab: Lab) -> Findings:
    pairs, samples, epochs, seeds, tests = QUICK if lab.quick else (PAIRS, SAMPLES, EPOCHS, SEEDS, TESTS)
    instances = lab.test_set(RAYLEIGH, pairs, tests)
    one = lab.wmmse(instances).mean()
    fits = [Fit(pairs, samples, epochs, lab.seed + seed) for seed in range(seeds)]

    def ratios(architecture: UWGNNArchitecture) -> FloatArray:
        modules = [lab.trained(sized_uwgnn(architecture), fit) for fit in fits]
        return np.array([lab.network_rate(module, instances).mean() / one for module in modules])

    swept = {
        "messages (figure 3a)": [UWGNNArchitecture(message=width) for width in MESSAGES],
        "variables (figure 3b)": [UWGNNArchitecture(variable=width) for width in VARIABLES],
    }
    if lab.quick:
        swept = {name: architectures[:2] for name, architectures in swept.items()}
    measured = {name: [(sizes, ratios(sizes)) for sizes in architectures] for name, architectures in swept.items()}
    rows = tuple(
        (
            name,
            str(sizes.message),
            str(sizes.variable),
            f"{sum(values.numel() for values in UWGNN(sizes).parameters()):,}",
            f"{found.mean():.4f}",
            " / ".join(f"{ratio:.3f}" for ratio in found),
        )
        for name, both in measured.items()
        for sizes, found in both
    )
    return Findings(
        tables=(
            Table(
                f"Mean test sum rate over that of WMMSE, {WMMSE_ITERATIONS} iterations from full power",
                ("swept", "width of messages", "width of variables", "parameters", f"mean of {seeds} seeds", "by seed"),
                rows,
            ),
        ),
        remarks=(
            f"K = {pairs}, i.i.d. Rayleigh channels at 10 dB; each network is trained on {samples:,} samples x "
            f"{epochs} epochs with {seeds} seeds, the paper's on 10,000 samples with 20 seeds; {tests:,} test "
            "instances.",
            "Messages are the outputs of MLP1 and MLP4, variables u and w those of MLP2 and MLP3; the hidden width "
            f"stays at {PAPER.hidden}. The paper settles on widths of {PAPER.message} and {PAPER.variable}.",
        ),
        draw=lambda axes: _draw(axes, measured),
    )


def _draw(axes: Axes, measured: dict[str, list[tuple[UWGNNArchitecture, FloatArray]]]) -> None:
    for (name, both), style in zip(measured.items(), ("-o", "--s"), strict=True):
        widths = [sizes.message if "messages" in name else sizes.variable for sizes, _ in both]
        means = np.array([found.mean() for _, found in both])
        spread = [means - [found.min() for _, found in both], np.array([found.max() for _, found in both]) - means]
        axes.errorbar(widths, means, yerr=spread, fmt=style, capsize=3, label=f"width of the {name}")
    axes.axhline(1.0, color="black", linewidth=0.8, label="WMMSE")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_xlabel("width (outputs of an MLP); bars span the seeds")
    axes.set_ylabel("mean test sum rate over WMMSE")
    axes.legend(loc="lower right")


UWGNN_WIDTH = Study(
    name="uwgnn-width",
    title="Widths of the unrolled graph network",
    source="paper 003, figure 3",
    run=_run,
)
