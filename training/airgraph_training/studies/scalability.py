"""Networks trained at one number of pairs and tested at others, i.i.d. Rayleigh channels at 10 dB."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

from airgraph_training.studies.d2d_scaling import SETTINGS
from airgraph_training.studies.dense_fitting import Fit
from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.generalisation import (
    FULL_POWER,
    Curves,
    Panel,
    add_ratios,
    ratio_table,
)
from airgraph_training.studies.lab import WMMSE_ITERATIONS, Lab
from airgraph_training.studies.populations import RAYLEIGH
from airgraph_training.studies.shipped_network import SHIPPED, SHIPPED_REMARK
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TRAINED_AT = 20
SIZES = (10, 20, 30, 40, 50, 75, 100)
QUICK_TRAINED_AT, QUICK_SIZES = 4, (3, 4, 6)
PAPER_EPOCHS = 30
"""Paper 003, section V-D, for the two networks that it compares."""
PAPER = {
    "UWGNN": ("good", "still exceeds the baseline", "still achieves the baseline"),
    "WCGCN": ("good", "no longer exceeds the baseline", "no longer achieves the baseline"),
}
"""Paper 003, section V-D, K = 10, 50 and 100: it prints figure 6 without numbers."""


def _run(lab: Lab) -> Findings:
    trained_at, sizes = (QUICK_TRAINED_AT, QUICK_SIZES) if lab.quick else (TRAINED_AT, SIZES)
    samples, epochs = (64, 1) if lab.quick else SETTINGS[TRAINED_AT]
    count = 5 if lab.quick else 500
    longer = 1 if lab.quick else PAPER_EPOCHS
    modules: dict[str, nn.Module] = {}
    for network in NETWORKS:
        taken = longer if network.label in PAPER else epochs
        modules[network.label] = lab.trained(network, Fit(trained_at, samples, taken, lab.seed))
    mlp = next(network.label for network in NETWORKS if network.name == "mlp")
    curves: Curves = {}
    # First the size of training, which all can take: it sets the order of the rows.
    for pairs in sorted(sizes, key=lambda size: size != trained_at):
        able = {label: module for label, module in modules.items() if label != mlp or pairs == trained_at}
        add_ratios(lab, curves, pairs, lab.test_set(RAYLEIGH, pairs, count), able)
    curves = {label: dict(sorted(curve.items())) for label, curve in curves.items()}
    panel = Panel(f"Trained at K = {trained_at}", "pairs K", curves, "")
    printed = tuple((label, *words) for label, words in PAPER.items())
    return Findings(
        tables=(
            ratio_table(panel),
            Table(
                "The same in the words of paper 003, figure 6; its baseline is the same WMMSE",
                ("system", "K = 10", "K = 50", "K = 100"),
                printed,
            ),
        ),
        remarks=(
            f"Every network is trained once, at K = {trained_at} on {samples:,} samples of i.i.d. Rayleigh channels at "
            f"10 dB, and is not trained again: {' and '.join(PAPER)} over {longer} epochs as in the paper, the others, "
            f"which it leaves out, over {epochs}. {count} test instances a size.",
            "An MLP has one input for each channel of K pairs and so cannot take another number of pairs.",
            SHIPPED_REMARK,
        ),
        draw=lambda axes: _draw(axes, curves),
    )


def _draw(axes: Axes, curves: Curves) -> None:
    for label, curve in curves.items():
        if label != FULL_POWER:
            style = "--o" if label.startswith("WMMSE") else "-o"
            colour = "black" if label == SHIPPED else None
            axes.plot(list(curve), list(curve.values()), style, color=colour, label=label, linewidth=1.8, markersize=5)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xlabel("pairs K in the test")
    axes.set_ylabel(f"mean sum rate over WMMSE-{WMMSE_ITERATIONS}")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


SCALABILITY = Study(
    name="scalability",
    title="Networks trained at one number of pairs, tested at others",
    source="paper 003, figure 6 (section V-D)",
    run=_run,
)
