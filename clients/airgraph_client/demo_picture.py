"""The demonstration's picture: the network under AUTO, and what each method reaches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from airgraph_client.demo_comparison import Method
from airgraph_client.demo_network import SIDE, FloatArray, Network
from airgraph_client.units import linear_to_db, watt_to_dbm

INK = "#1f2733"
MUTED = "#8b95a3"
INTERFERENCE = "#d1495b"
ACCENT = "#1b6ca8"
BAR = "#c3ccd6"
POWER_COLOURS: Colormap = LinearSegmentedColormap.from_list("power", ["#bfe3f2", "#3f9bc9", "#1b6ca8", "#0b2d4f"])
SILENT = 1e-3
"""Fraction of the budget below which a transmitter counts as silent."""
DRAWN_INTERFERERS = 70
"""Interfering links in the picture, strongest first."""

STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}


def save_picture(network: Network, methods: list[Method], out: Path) -> None:
    """Draws the last method's powers on the map, and all methods' rates beside it.

    Args:
        network: The network.
        methods: What was compared, AUTO last.
        out: File to write; its suffix names the format.
    """
    auto = methods[-1]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(13.6, 8.0), layout="constrained")
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(2, 2, width_ratios=[1.75, 1], height_ratios=[1, 1.25])
        draw_network(figure.add_subplot(grid[:, 0]), network, auto.power)
        draw_sum_rates(figure.add_subplot(grid[0, 1]), methods)
        draw_rates(figure.add_subplot(grid[1, 1]), methods)
        figure.suptitle(_headline(network, methods), fontsize=14, fontweight="bold", x=0.01, ha="left")
        figure.legend(handles=_legend(), loc="outside lower left", ncols=5, frameon=False)
        figure.savefig(out, dpi=160, facecolor="white")


def draw_network(axes: Axes, network: Network, power: FloatArray) -> None:
    """Pairs, powers and the interference that is left between the active ones."""
    active = power > SILENT * network.max_power
    _draw_interference(axes, network, power, active)
    pairs = np.stack([network.transmitters, network.receivers], axis=1)
    axes.add_collection(LineCollection(list(pairs[~active]), colors=MUTED, linewidths=0.9, linestyles=":"))
    axes.add_collection(LineCollection(list(pairs[active]), colors=INK, linewidths=1.8))
    _scatter(axes, network.receivers[active], s=26, marker="s", c="white", edgecolors=INK, lw=1.1, zorder=4)
    _scatter(axes, network.receivers[~active], s=20, marker="s", c="white", edgecolors=MUTED, lw=0.8)
    _scatter(axes, network.transmitters[~active], s=70, c="white", edgecolors=MUTED, lw=1.2)
    colours = _scatter(
        axes,
        network.transmitters[active],
        s=105,
        c=power[active] / network.max_power,
        cmap=POWER_COLOURS,
        norm=Normalize(0, 1),
        edgecolors=INK,
        lw=0.8,
        zorder=5,
    )
    _draw_power_scale(axes, colours, network)
    axes.set(xlim=(-20, SIDE + 20), ylim=(-20, SIDE + 20), xlabel="metres", ylabel="metres")
    axes.set_aspect("equal", anchor="N")
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(
        f"{active.sum()} of {network.size} transmitters on; interference left between them in red",
        loc="left",
        fontsize=11,
    )


def draw_sum_rates(axes: Axes, methods: list[Method]) -> None:
    """One bar a method, with the time of a call."""
    sums = [method.sum_rate for method in methods]
    bars = axes.barh(
        [method.name for method in methods], sums, height=0.62, color=[*[BAR] * (len(methods) - 1), ACCENT]
    )
    for bar, method in zip(bars, methods, strict=True):
        time = "" if method.round_trip is None else f"   {method.round_trip * 1e3:.1f} ms"
        axes.annotate(
            f"{method.sum_rate:.1f}{time}",
            (bar.get_width(), bar.get_y() + bar.get_height() / 2),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontweight="bold" if method is methods[-1] else "normal",
        )
    axes.invert_yaxis()
    axes.set_xlim(0, max(sums) * 1.32)
    axes.set_title("Sum rate, bit/s/Hz, and round trip of a call", loc="left", fontsize=11)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.tick_params(left=False, bottom=False, labelbottom=False)


def draw_rates(axes: Axes, methods: list[Method]) -> None:
    """Rates of the receivers, best first, under full power and under AUTO."""
    first, last = methods[0], methods[-1]
    rank = np.arange(1, last.rates.size + 1)
    before, after = np.sort(first.rates)[::-1], np.sort(last.rates)[::-1]
    axes.fill_between(rank, before, after, where=list(after >= before), color=ACCENT, alpha=0.13, lw=0)
    axes.plot(rank, after, color=ACCENT, lw=2.4)
    axes.plot(rank, before, color=MUTED, lw=1.8, ls="--")
    # Labels stand where the curves are apart.
    place = int(rank.size * 0.3)
    for name, height, offset, side, colour in (
        (last.name, after[place], (8, 4), "left", ACCENT),
        (first.name, before[place], (-6, -14), "right", MUTED),
    ):
        axes.annotate(
            name,
            (rank[place], height),
            xytext=offset,
            textcoords="offset points",
            ha=side,
            color=colour,
            weight="bold",
        )
    axes.set(xlim=(1, rank[-1]), ylim=(0, None), xlabel="receivers, best first", ylabel="bit/s/Hz")
    axes.set_title("Rate of each receiver", loc="left", fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_interference(axes: Axes, network: Network, power: FloatArray, active: np.ndarray) -> None:
    """Lines from interferer to receiver among active pairs, wider with the ratio to noise in dB."""
    ratio = network.interference_to_noise(power) * np.outer(active, active)
    strongest = np.argsort(ratio, axis=None)[::-1][:DRAWN_INTERFERERS]
    receiver, transmitter = np.unravel_index(strongest, ratio.shape)
    heard = ratio[receiver, transmitter] > 1
    receiver, transmitter = receiver[heard], transmitter[heard]
    if not receiver.size:
        return
    level = np.asarray(linear_to_db(ratio[receiver, transmitter]))
    strength = (level - level.min()) / max(float(np.ptp(level)), 1e-9)
    segments = np.stack([network.transmitters[transmitter], network.receivers[receiver]], axis=1)
    axes.add_collection(
        LineCollection(
            list(segments), colors=INTERFERENCE, linewidths=0.5 + 3.0 * strength, alpha=0.12 + 0.55 * strength
        )
    )


def _scatter(axes: Axes, positions: FloatArray, **style: Any) -> PathCollection:
    return axes.scatter(positions[:, 0], positions[:, 1], **{"zorder": 3, **style})


def _draw_power_scale(axes: Axes, colours: ScalarMappable, network: Network) -> None:
    figure = axes.get_figure()
    if figure is None:
        return
    scale = figure.colorbar(colours, ax=axes, shrink=0.45, aspect=26, pad=0.005)
    scale.outline.set_visible(False)
    scale.set_label(f"transmit power, fraction of {float(watt_to_dbm(network.max_power)):.0f} dBm")


def _legend() -> list[Line2D]:
    def point(marker: str, face: str, edge: str, size: float, label: str) -> Line2D:
        return Line2D([], [], ls="", marker=marker, mfc=face, mec=edge, ms=size, label=label)

    return [
        point("o", ACCENT, INK, 9, "transmitter"),
        point("o", "white", MUTED, 8, "silent"),
        point("s", "white", INK, 5, "receiver"),
        Line2D([], [], color=INK, lw=1.8, label="direct link"),
        Line2D([], [], color=INTERFERENCE, lw=2, alpha=0.6, label="interference"),
    ]


def _headline(network: Network, methods: list[Method]) -> str:
    auto, full = methods[-1], methods[0]
    time = "" if auto.round_trip is None else f", answered in {auto.round_trip * 1e3:.1f} ms"
    return (
        f"{network.size} pairs on a square kilometre: "
        f"{auto.sum_rate / full.sum_rate:.2f} times the sum rate of full power{time}"
    )
