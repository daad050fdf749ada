"""Sum rates of the precoding networks over antennas, users and SNR, and what an answer costs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from torch import nn

from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_fitting import PrecodingFit, PrecodingNetwork
from airgraph_training.studies.precoding_networks import (
    BNN,
    MODEL_GNN,
    NARROW,
    NARROWEST,
    UNFOLDED,
    VANILLA_GNN,
    VANILLA_GNN_FC,
    VANILLA_GNN_FC_LARGE,
    VANILLA_GNN_MAX,
    VANILLA_GNN_SUM,
    vanilla,
)
from airgraph_training.studies.precoding_sets import BEST, DENOMINATOR, Downlinks, References, references
from airgraph_training.studies.precoding_timing import SERVED, classical_milliseconds, network_milliseconds
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Size = tuple[int, int]

SIZES: tuple[Size, ...] = ((8, 4), (32, 16), (64, 16), (64, 32))
"""N and K."""
SNRS = (0.0, 10.0, 20.0)
SAMPLES, TESTS, TIMED = 1_000, 100, 10
TARGET, MARGIN = 0.975, 1e-3
VANILLAS = (VANILLA_GNN, VANILLA_GNN_SUM, VANILLA_GNN_MAX, VANILLA_GNN_FC)
NETWORKS = (MODEL_GNN, *VANILLAS, UNFOLDED, BNN)
NARROWED = {
    VANILLA_GNN.label: vanilla("mean", NARROWEST),
    VANILLA_GNN_SUM.label: vanilla("sum", NARROWEST),
    VANILLA_GNN_MAX.label: vanilla("max", NARROWEST),
    VANILLA_GNN_FC.label: VANILLA_GNN_FC_LARGE,
}
"""What stands for a network at the sizes after the first."""
PLANS: dict[str, dict[Size, tuple[int, int, float]]] = {
    MODEL_GNN.label: {
        (8, 4): (40, 50, 1e-2),
        (32, 16): (10, 50, 5e-3),
        (64, 16): (6, 25, 5e-3),
        (64, 32): (6, 25, 5e-3),
    },
    VANILLA_GNN.label: {
        (8, 4): (20, 50, 3e-3),
        (32, 16): (2, 25, 3e-3),
        (64, 16): (4, 25, 5e-3),
        (64, 32): (3, 25, 5e-3),
    },
    **{
        network.label: {
            (8, 4): (20, 50, 3e-3),
            (32, 16): (2, 25, 3e-3),
            (64, 16): (3, 25, 3e-3),
            (64, 32): (2, 25, 3e-3),
        }
        for network in VANILLAS[1:]
    },
    UNFOLDED.label: {
        (8, 4): (10, 50, 1e-2),
        (32, 16): (10, 25, 1e-2),
        (64, 16): (5, 25, 1e-2),
        (64, 32): (3, 25, 1e-2),
    },
    BNN.label: {(8, 4): (10, 50, 3e-3), (32, 16): (5, 50, 3e-3), (64, 16): (2, 50, 3e-3), (64, 32): (1, 50, 3e-3)},
}
"""Epochs, batch and peak learning rate of each network at each size."""
PAPER = {
    MODEL_GNN.label: ((97.76, 99.01, 99.74, 99.42), (97.74, 99.03, 99.65, 99.41), (97.49, 98.35, 99.75, 98.94)),
    VANILLA_GNN.label: ((90.42, 81.63, 69.71, 68.37), (67.7, 42.74, 42.05, 37.45), (38.81, 24.23, 28.16, 25.32)),
    UNFOLDED.label: ((96.37, 95.08, 92.67, 96.04), (97.69, 90.64, 87.97, 80.38), (98.11, 75.87, 83.66, 77.47)),
    BNN.label: ((98.74, 99.07, 95.55, 99.57), (99.92, 99.97, 99.99, 100.4), (100.1, 101.19, 100.08, 101.67)),
}
"""Per cent of WMMSE in paper 004's table II, by SNR and size."""


def table_fit(lab: Lab, network: PrecodingNetwork, size: Size, snr_db: float) -> PrecodingFit:
    """How the table's networks are trained."""
    epochs, batch, rate = PLANS[network.label][size]
    fit = PrecodingFit(*size, snr_db, SAMPLES, epochs, lab.seed, batch, rate)
    return replace(fit, samples=32, epochs=1, batch=16) if lab.quick else fit


def table_network(lab: Lab, network: PrecodingNetwork, size: Size, snr_db: float) -> nn.Module:
    """A trained network of the table; some have narrower layers at the larger sizes."""
    sized = network if size == SIZES[0] else NARROWED.get(network.label, network)
    return sized.trained(lab, table_fit(lab, network, size, snr_db))


def _run(lab: Lab) -> Findings:
    sizes, snrs, tests, timed = (SIZES[:1], SNRS[1:2], 8, 2) if lab.quick else (SIZES, SNRS, TESTS, TIMED)
    reached: dict[tuple[float, Size], dict[str, float]] = {}
    known: dict[tuple[float, Size], References] = {}
    times: dict[Size, dict[str, float]] = {}
    for snr_db in snrs:
        for size in sizes:
            antennas, users = size
            instances = Downlinks.tests(users, antennas, snr_db, tests)
            found = references(lab, users, antennas, snr_db, tests)
            known[snr_db, size] = found
            cell = {name: found.closed[name] / found.wmmse for name in ("RZF", "MRT")}
            few = Downlinks(instances.channel[:timed])
            seconds = 0.01 if lab.quick else 0.3
            for network in NETWORKS:
                module = table_network(lab, network, size, snr_db)
                cell[network.label] = float(instances.network(module).mean()) / found.wmmse
                if snr_db == snrs[0]:
                    times.setdefault(size, {})[network.label] = network_milliseconds(module, few, seconds)
            if snr_db == snrs[0]:
                times[size].update(classical_milliseconds(few, seconds))
            reached[snr_db, size] = cell
    labels = [network.label for network in NETWORKS]
    return Findings(
        tables=(
            Table(
                f"Mean sum rate in per cent of {DENOMINATOR}; in brackets what the paper prints, of its own WMMSE",
                ("SNR in dB", "(N, K)", *labels, "RZF, equal power", "MRT", BEST),
                tuple(_row(key, cell, known[key]) for key, cell in reached.items()),
            ),
            Table(
                f"CPU time of one answer in ms, one thread, batch of one, at {snrs[0]:g} dB: networks in ONNX "
                "Runtime, classical algorithms in numpy (WMMSE from RZF until an iteration gains under "
                f"{SERVED.tolerance:g})",
                ("(N, K)", *next(iter(times.values()))),
                tuple((f"({n}, {k})", *(f"{value:.3g}" for value in by.values())) for (n, k), by in times.items()),
            ),
        ),
        remarks=_remarks(reached),
        draw=lambda axes: _draw(axes, reached),
    )


def _row(key: tuple[float, Size], cell: dict[str, float], found: References) -> tuple[str, ...]:
    snr_db, size = key
    row, column = SNRS.index(snr_db), SIZES.index(size)
    printed = [
        f"{100 * cell[n.label]:.2f}" + (f" ({PAPER[n.label][row][column]:.2f})" if n.label in PAPER else "")
        for n in NETWORKS
    ]
    closed = [f"{100 * cell[name]:.2f}" for name in ("RZF", "MRT")]
    return (f"{snr_db:g}", f"({size[0]}, {size[1]})", *printed, *closed, f"{100 * found.best / found.wmmse:.2f}")


def _remarks(reached: dict[tuple[float, Size], dict[str, float]]) -> tuple[str, ...]:
    lowest = min(cell[MODEL_GNN.label] for cell in reached.values())
    ahead = {
        network.label: [
            f"{size} at {snr:g} dB"
            for (snr, size), cell in reached.items()
            if cell[network.label] > cell["RZF"] + MARGIN
        ]
        for network in NETWORKS
    }
    gains = "; ".join(f"{label} at {', '.join(where) if where else 'no setting'}" for label, where in ahead.items())
    plans = "; ".join(
        f"{label}: " + ", ".join(f"{epochs} at {size}" for size, (epochs, _, _) in by_size.items())
        for label, by_size in PLANS.items()
    )
    return (
        f"Model-GNN's lowest entry is {100 * lowest:.2f}; asked for are {100 * TARGET:g} everywhere with {SAMPLES:,} "
        "samples.",
        "Regularised zero forcing is a closed form that costs well under a millisecond and, on i.i.d. Rayleigh "
        f"channels with N at least 2K, leaves little to learn. Ahead of it by more than "
        f"{100 * MARGIN:g} points here are: {gains}. The paper does not show it.",
        "BNN is regularised zero forcing whose powers are learned: before any training it equals RZF with equal power.",
        f"I.i.d. Rayleigh channels; {SAMPLES:,} training samples, each batch seen through a random rotation of the "
        "antennas and random phases of the users, which change no sum rate; the same test fading at every SNR, "
        f"{TESTS} instances as in the paper; one training each where the paper averages five. Adam with a cosine to a "
        f"hundredth of its peak rate. Epochs: {plans}.",
        f"Vanilla-GNN has the widths {NARROW} at N = 8 and {NARROWEST} with few epochs at the larger sizes, not the "
        "paper's (64, 512, 512, 64), which would take fifty times as long; Vanilla-GNN-FC has 32 features and "
        "perceptrons of 64 at N = 8, 16 of both at the larger sizes. Their columns show that they stay near MRT, or "
        "below it where few epochs do not take them there, and that sum pooling hardly trains at the larger sizes; not "
        "what they could reach at any price. The paper's table has one Vanilla-GNN, of which it does not say how it "
        "pools: its figures stand beside the mean.",
        "Paper ratios above 100 come of a WMMSE that had not converged. Its times are of another machine and of other "
        "code, so they are not repeated; its WMMSE took 0.9 to 289 s on a CPU. Ours starts from RZF, which at 20 dB it "
        "hardly improves: the table shows 0 dB, where it has the most to do.",
    )


def _draw(axes: Axes, reached: dict[tuple[float, Size], dict[str, float]]) -> None:
    ticks = [f"({n}, {k})\n{snr:g} dB" for snr, (n, k) in reached]
    labels = (*(network.label for network in NETWORKS), "RZF", "MRT")
    for place, (label, marker) in enumerate(zip(labels, "os<>*^Dxv", strict=True)):
        values = [100 * cell[label] for cell in reached.values()]
        # Side by side: near 100, and near MRT, they would hide each other.
        beside = [number + 0.09 * (place - (len(labels) - 1) / 2) for number in range(len(ticks))]
        axes.plot(beside, values, marker=marker, markersize=4, linestyle="none", label=label)
        if label in PAPER and len(values) == len(SNRS) * len(SIZES):
            printed = [value for row in PAPER[label] for value in row]
            axes.plot(range(len(ticks)), printed, color=axes.lines[-1].get_color(), linewidth=0.8, alpha=0.6)
    axes.axhline(100 * TARGET, color="black", linewidth=0.6, linestyle=":")
    axes.set_xticks(range(len(ticks)), ticks, fontsize=6)
    axes.set_xlabel("(antennas N, users K) and SNR; lines: paper 004")
    axes.set_ylabel("mean sum rate over WMMSE in per cent")
    axes.set_ylim(0, 108)
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


SE_TABLE = Study(
    name="se-table",
    title="Precoding networks over antennas, users and SNR",
    source="paper 004, table II",
    run=_run,
)
