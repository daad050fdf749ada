"""Coordinated beams of several cells: networks beside WMMSE from several starts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch import Tensor, nn

from airgraph_models.classical.stopping import Stopping
from airgraph_models.gnn.coordinated_gnn import CoordinatedGNNArchitecture
from airgraph_models.gnn.coordinated_steps import CoordinatedSteps, CoordinatedStepsArchitecture
from airgraph_training.studies.coordinated_fitting import CoordinatedFit, CoordinatedNetwork
from airgraph_training.studies.coordinated_sets import CONVERGED, LEAKAGE, MRT, Cells, Layout
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LAYOUTS = (Layout(2, 16, 8), Layout(3, 16, 8), Layout(3, 8, 4))
SNR_DB = 10.0
SAMPLES, TESTS = 1_000, 100
LAYERS = 16
STEPS = (1, 2, 4, 8, LAYERS)
UNROLLED = CoordinatedNetwork("unrolled", "Unrolled Model-GNN", CoordinatedStepsArchitecture(LAYERS))
GATED = CoordinatedNetwork(
    "model-gnn-gates", "Model-GNN with gates", CoordinatedGNNArchitecture((16, 16, 16, 16, 8), gates=32)
)
MODEL_GNN = CoordinatedNetwork("model-gnn", "Model-GNN as printed", CoordinatedGNNArchitecture())
VANILLA_GNN = CoordinatedNetwork(
    "vanilla-gnn", "Vanilla-GNN", CoordinatedGNNArchitecture((32, 64, 64, 32), model=False)
)
NETWORKS = (UNROLLED, GATED, MODEL_GNN, VANILLA_GNN)


class Stage(NamedTuple):
    """One fit of a plan."""

    layout: Layout
    epochs: int
    peak: float
    """Learning rate."""
    batch: int = 20


SMALL = Stage(LAYOUTS[2], 25, 1e-2)
PLANS: dict[str, dict[Layout, tuple[Stage, ...]]] = {
    UNROLLED.label: {layout: (Stage(layout, 60, 5e-3, 50),) for layout in LAYOUTS},
    GATED.label: {
        LAYOUTS[0]: (SMALL, Stage(LAYOUTS[0], 6, 5e-3), Stage(LAYOUTS[0], 14, 1.5e-3)),
        LAYOUTS[1]: (SMALL, Stage(LAYOUTS[1], 5, 5e-3), Stage(LAYOUTS[1], 10, 1.5e-3)),
        LAYOUTS[2]: (SMALL, Stage(LAYOUTS[2], 15, 1.5e-3)),
    },
    MODEL_GNN.label: {
        layout: (Stage(layout, epochs, 1e-2),) for layout, epochs in zip(LAYOUTS, (3, 2, 8), strict=True)
    },
    VANILLA_GNN.label: {
        layout: (Stage(layout, epochs, 3e-3),) for layout, epochs in zip(LAYOUTS, (2, 2, 4), strict=True)
    },
}
"""The stages in which each network is trained for each layout."""
PRINTED = {"Model-GNN": (98.88, 97.33, 96.39), "Vanilla-GNN": (40.65, 36.67, 35.7)}
"""Per cent of WMMSE in paper 004's table V."""
TARGETS = (98.5, 97.0, 96.0)
"""Per cent of WMMSE asked of the best Model-GNN."""
DENOMINATOR = (
    f"WMMSE from {MRT} with equal powers until it gains under {CONVERGED.tolerance:g} an iteration, "
    f"{CONVERGED.iterations} at most"
)

Shares = dict[str, float]


def references(lab: Lab, layout: Layout, count: int) -> tuple[Shares, Shares]:
    """Mean sum rates of the starts and of WMMSE's ends from them, and of the best end; kept for the next visit."""

    def measure() -> list[Shares]:
        lab.report(f"WMMSE, (M, N, K) = {layout}")
        cells = Cells.tests(layout, SNR_DB, count)
        starts = cells.starts()
        solved = {name: cells.wmmse(start) for name, start in starts.items()}
        ends = {name: cells.rate(precoder) for name, precoder in solved.items()}
        best = np.max(list(ends.values()), axis=0)
        return [
            {name: float(cells.rate(start).mean()) for name, start in starts.items()},
            {
                **{name: float(rates.mean()) for name, rates in ends.items()},
                "best": float(best.mean()),
                "served": cells.served(solved[MRT]),
            },
        ]

    settings = {"layout": str(layout), "snr": SNR_DB, "count": count, "stop": [CONVERGED.iterations, 1e-7]}
    closed, ends = lab.remembered("coordinated", settings, measure)
    return closed, ends


def network_fits(lab: Lab, network: CoordinatedNetwork, layout: Layout) -> list[CoordinatedFit]:
    """How a network of the study is trained for a layout."""
    if lab.quick:
        return [CoordinatedFit(layout, SNR_DB, 16, 1, lab.seed)]
    return [
        CoordinatedFit(place, SNR_DB, SAMPLES, epochs, lab.seed, batch, peak)
        for place, epochs, peak, batch in PLANS[network.label][layout]
    ]


def _run(lab: Lab) -> Findings:
    layouts, tests = ((Layout(2, 4, 2),), 4) if lab.quick else (LAYOUTS, TESTS)
    networks: dict[Layout, Shares] = {}
    known: dict[Layout, tuple[Shares, Shares]] = {}
    unrolled: dict[Layout, nn.Module] = {}
    sets = {layout: Cells.tests(layout, SNR_DB, tests) for layout in layouts}
    for layout, cells in sets.items():
        known[layout] = references(lab, layout, tests)
        modules = {network.label: network.trained(lab, network_fits(lab, network, layout)) for network in NETWORKS}
        whole = known[layout][1][MRT]
        networks[layout] = {label: float(cells.network(module).mean()) / whole for label, module in modules.items()}
        unrolled[layout] = modules[UNROLLED.label]
    starts = list(known[layouts[0]][0])
    return Findings(
        tables=(
            Table(
                f"Mean sum rate of all cells in per cent of {DENOMINATOR}; what the paper prints is of its own WMMSE",
                (
                    "(M, N, K)",
                    *networks[layouts[0]],
                    "asked",
                    *(f"paper 004: {name}" for name in PRINTED),
                    LEAKAGE,
                    f"WMMSE, the best of {len(starts)} starts",
                ),
                tuple(_row(layout, networks[layout], known[layout]) for layout in layouts),
            ),
            Table(
                f"WMMSE by its start, in per cent of that from {MRT}; in brackets the start itself",
                ("(M, N, K)", *starts),
                tuple(
                    (
                        str(layout),
                        *(f"{100 * ends[s] / ends[MRT]:.2f} ({100 * closed[s] / ends[MRT]:.2f})" for s in starts),
                    )
                    for layout, (closed, ends) in known.items()
                ),
            ),
            Table(
                f"In per cent of the same, {UNROLLED.label} after so many layers; in brackets WMMSE from {MRT} after "
                "so many iterations, each of which inverts a matrix a transmitter",
                ("(M, N, K)", *map(str, STEPS)),
                tuple(
                    (str(layout), *_climb(sets[layout], module, known[layout][1][MRT]))
                    for layout, module in unrolled.items()
                ),
            ),
            Table(
                f"In per cent of the same, {UNROLLED.label} trained at one (M, N, K) and asked at another",
                ("trained at", *(f"asked at {layout}" for layout in layouts)),
                tuple(
                    (
                        str(layout),
                        *(
                            f"{100 * cells.network(module).mean() / known[at][1][MRT]:.2f}"
                            for at, cells in sets.items()
                        ),
                    )
                    for layout, module in unrolled.items()
                ),
            ),
        ),
        remarks=_remarks(networks, known),
        draw=lambda axes: _draw(axes, networks, known),
    )


def _climb(cells: Cells, module: nn.Module, whole: float) -> list[str]:
    """What the unrolled network and WMMSE have after some layers and iterations, in per cent of a sum rate."""
    if not isinstance(module, CoordinatedSteps):
        raise TypeError(f"{type(module).__name__} has no steps that could be seen one by one")

    def after(channel: Tensor, layers: int) -> Tensor:
        return module.after_each_layer(channel)[layers - 1]

    start = cells.starts()[MRT]
    found = []
    for steps in STEPS:
        learned = cells.network(partial(after, layers=steps))
        solved = cells.rate(cells.wmmse(start, Stopping(steps)))
        found.append(f"{100 * float(learned.mean()) / whole:.2f} ({100 * float(solved.mean()) / whole:.2f})")
    return found


def _row(layout: Layout, shares: Shares, known: tuple[Shares, Shares]) -> tuple[str, ...]:
    closed, ends = known
    place = LAYOUTS.index(layout) if layout in LAYOUTS else 0
    reached = [f"{100 * share:.2f}" for share in shares.values()]
    printed = [f"{values[place]:.2f}" for values in PRINTED.values()]
    others = [f"{100 * value / ends[MRT]:.2f}" for value in (closed[LEAKAGE], ends["best"])]
    return (str(layout), *reached, f"{TARGETS[place]:g}", *printed, *others)


def _remarks(networks: dict[Layout, Shares], known: dict[Layout, tuple[Shares, Shares]]) -> tuple[str, ...]:
    best = "; ".join(
        f"{network.label}: "
        + ", ".join(
            f"{100 * shares[network.label] * known[layout][1][MRT] / known[layout][1]['best']:.2f} at {layout}"
            for layout, shares in networks.items()
        )
        for network in (UNROLLED, GATED)
    )
    epochs = "; ".join(
        f"{label}: "
        + ", ".join(
            " then ".join(f"{stage.epochs} at {stage.layout}" for stage in stages) for stages in by_layout.values()
        )
        for label, by_layout in PLANS.items()
    )
    served = "; ".join(
        f"{ends['served']:.1f} of {where.cells * where.users} at {where}" for where, (_, ends) in known.items()
    )
    widths = ", ".join(
        f"{network.label} {network.architecture.widths}"
        for network in NETWORKS
        if isinstance(network.architecture, CoordinatedGNNArchitecture)
    )
    return (
        "WMMSE is a local method, and with this much interference its start matters. In per cent of the best of all "
        f"its starts: {best}.",
        "The paper leaves open how strong the channels between cells are. Here all are i.i.d. Rayleigh of one mean "
        "gain, within a cell and between cells; that MRT and Vanilla-GNN then come out near the paper's Vanilla-GNN "
        "speaks for this reading. The users of all cells are at least as many as a transmitter's antennas, and WMMSE "
        f"leaves users unserved: on average it serves {served}.",
        "That is what the network as printed cannot follow: whom to leave out is a matter of all transmitters, and its "
        "edges learn of other transmitters only through plain sums over their antennas, which carry nothing where "
        "antennas have random phases; nor may features of one norm fade. Gates tell every transmitter, in each layer, "
        "what each user would hear of its own beam and of all others. How the paper reaches its figures without them "
        "remains open.",
        f"{UNROLLED.label} keeps of Model-GNN that a layer is a first-order step towards the inverse in the optimal "
        "structure. Which inverse that is follows from the beams so far, as in WMMSE, and gates of the users say how "
        "far to depart from it, among them one that lets a user fade. Its features stand on pairs of users where the "
        "paper's stand on pairs of antenna and user: it is a network of our own around the paper's idea. Its "
        f"{LAYERS} layers solve and invert nothing.",
        f"Without a solver, {LEAKAGE} is the best of the closed forms: each transmitter inverts the channels to the "
        "users of all cells, not only its own. The paper shows none.",
        "All networks share weights over permutations of cells, of a transmitter's antennas and of a cell's users. "
        f"Hidden widths: {widths}; the paper has (32, 32, 8) and, for Vanilla-GNN, which here is the first without "
        "step 1 and with ReLUs, (64, 512, 512, 64).",
        f"{SAMPLES:,} training samples as in the paper, each batch seen through a random rotation of every "
        "transmitter's antennas and random phases of the users, which change no sum rate. The unrolled network is "
        "blind to those; its loss has the mean over all layers beside the last. The network with gates goes on from "
        "the smallest layout to the larger ones, whose samples cost several times as much. "
        f"{TESTS} test instances; one training each where the paper averages five. Epochs: {epochs}.",
    )


def _draw(axes: Axes, networks: dict[Layout, Shares], known: dict[Layout, tuple[Shares, Shares]]) -> None:
    ticks = [f"M = {layout.cells}\nN = {layout.antennas}, K = {layout.users}" for layout in networks]
    bars: dict[str, list[float]] = {}
    for layout, shares in networks.items():
        closed, ends = known[layout]
        for name, share in shares.items():
            bars.setdefault(name, []).append(100 * share)
        bars.setdefault(LEAKAGE, []).append(100 * closed[LEAKAGE] / ends[MRT])
        bars.setdefault("WMMSE, the best of its starts", []).append(100 * ends["best"] / ends[MRT])
    width = 0.8 / len(bars)
    for place, (name, values) in enumerate(bars.items()):
        left = np.arange(len(values)) + width * (place - (len(bars) - 1) / 2)
        drawn = axes.bar(left, values, width, label=name)
        axes.bar_label(drawn, fmt="%.1f", fontsize=7, label_type="center", color="white")
        printed = PRINTED.get(name.split(" as")[0])
        if printed and len(values) == len(LAYOUTS):
            axes.plot(left, printed, "k_", markersize=14, label="paper 004" if name == MODEL_GNN.label else None)
    axes.set_xticks(range(len(ticks)), ticks)
    axes.set_ylim(0, 128)
    axes.set_ylabel(f"mean sum rate in per cent of WMMSE from {MRT}")
    axes.legend(loc="upper center", ncols=3, fontsize=8)


COORDINATED = Study(
    name="coordinated",
    title=f"Coordinated beams of M cells, {SNR_DB:g} dB",
    source="paper 004, table V",
    run=_run,
)
