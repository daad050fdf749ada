"""What the studies of networks away from their training case share: who takes part, the ratios, tables and panels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from torch import nn

from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.gnn.uwgnn import UWGNN, UWGNNArchitecture
from airgraph_training.studies.dense_fitting import DenseNetwork, Fit
from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.lab import WMMSE_ITERATIONS, Instances, Lab
from airgraph_training.studies.shipped_network import SHIPPED, shipped_rates
from airgraph_training.studies.study import Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEW = 3
"""WMMSE iterations; UWGNN and WCGCN have as many layers."""
FULL_POWER = "full power"
"""In the tables only: it lies far below the others."""
DENOMINATOR = f"mean sum rate over that of WMMSE, {WMMSE_ITERATIONS} iterations from full power"

LOG_UWGNN = DenseNetwork(
    "uwgnn",
    "UWGNN, log channels",
    lambda pairs: UWGNN(UWGNNArchitecture(transform="log")),
    lambda pairs: asdict(UWGNNArchitecture(transform="log")),
)
"""UWGNN reads amplitudes, as in its paper, and WCGCN here the logarithm of the SNR: this tells the network from what it
reads where levels change by much."""

LOG_REMARK = (
    "WCGCN reads the logarithm of the SNR here, as AirGraph serves it; UWGNN and the others read amplitudes, as in "
    "their papers. Levels that move by 10 dB leave the amplitudes that a network was trained on, but hardly the "
    f"logarithms: hence the row {LOG_UWGNN.label!r}, the same network on WCGCN's inputs."
)

Modules = Mapping[str, nn.Module]
Curves = dict[str, dict[float, float]]
"""Ratio by system and test case."""


@dataclass(frozen=True)
class Panel:
    """Every system over one kind of change.

    Attributes:
        title: Of the table and of the panel.
        change: What the test cases differ in, with units.
        curves: Measured.
        note: Under the panel; short.
    """

    title: str
    change: str
    curves: Curves
    note: str


def trained_networks(lab: Lab, fit: Fit, networks: Iterable[DenseNetwork] = NETWORKS) -> dict[str, nn.Module]:
    """Networks by label, trained once."""
    return {network.label: lab.trained(network, fit) for network in networks}


def add_ratios(lab: Lab, curves: Curves, case: float, instances: Instances, modules: Modules) -> None:
    """Measures every system on ``instances`` into ``curves``: the networks, a few WMMSE iterations, what is shipped."""
    one = lab.wmmse(instances).mean()
    ones = instances.ones
    few = scalar_wmmse(Crosstalk.dense(instances.snr), instances.weights, ones, ones, ones, Stopping(FEW))
    rates = {label: lab.network_rate(module, instances) for label, module in modules.items()}
    rates[f"WMMSE, {FEW} iterations"] = instances.rate(few.power[:, 0])
    rates[FULL_POWER] = instances.rate(ones[:, 0])
    rates[SHIPPED] = shipped_rates(instances)
    for label, rate in rates.items():
        curves.setdefault(label, {})[case] = float(rate.mean() / one)


def ratio_table(panel: Panel) -> Table:
    """A row a system, a column a test case; "cannot" where a system takes no such instance."""
    cases = list(next(iter(panel.curves.values())))
    rows = tuple(
        (label, *(f"{curve[case]:.3f}" if case in curve else "cannot" for case in cases))
        for label, curve in panel.curves.items()
    )
    return Table(f"{panel.title}: {DENOMINATOR}", (panel.change, *(f"{case:g}" for case in cases)), rows)


def smallest_table(panels: list[Panel], paper: Mapping[str, str]) -> Table:
    """The smallest ratio of each panel, beside what the paper says in words: a row a system of ``paper``."""
    rows = tuple(
        (label, *(f"{min(panel.curves[label].values()):.3f}" for panel in panels), words)
        for label, words in paper.items()
    )
    titles = tuple(panel.title for panel in panels)
    return Table(
        "Smallest ratio over the test cases, beside the words of paper 003", ("system", *titles, "paper"), rows
    )


def draw_panels(axes: Axes, panels: list[Panel]) -> None:
    """All panels side by side on one pair of axes, the test cases at even distances."""
    colours = {label: "black" if label == SHIPPED else f"C{index}" for index, label in enumerate(panels[0].curves)}
    start, ticks, names = 0, [], []
    for panel in panels:
        cases = list(next(iter(panel.curves.values())))
        place = {case: start + index for index, case in enumerate(cases)}
        for label, curve in panel.curves.items():
            if label != FULL_POWER:
                style = "--" if label.startswith("WMMSE") else "-"
                axes.plot(
                    [place[case] for case in curve],
                    list(curve.values()),
                    f"{style}o",
                    color=colours[label],
                    label=label if start == 0 else None,
                    linewidth=1.6,
                    markersize=3.5,
                )
        ticks += list(place.values())
        names += [f"{case:g}" for case in cases]
        axes.text(
            start + (len(cases) - 1) / 2,
            -0.08,
            panel.note,
            ha="center",
            va="top",
            fontsize=8,
            transform=axes.get_xaxis_transform(),
        )
        start += len(cases) + 1
        if panel is not panels[-1]:
            axes.axvline(start - 1, color="lightgrey", linewidth=0.8)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xticks(ticks, names, fontsize=8)
    axes.set_ylabel(f"mean sum rate over WMMSE-{WMMSE_ITERATIONS}")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))
