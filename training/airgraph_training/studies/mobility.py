"""Networks trained before anyone moves, tested while the receivers walk away."""

from __future__ import annotations

import numpy as np

from airgraph_training.channels.drops import place_pairs
from airgraph_training.channels.mobility import REACH, distances, moved_gain, random_walk
from airgraph_training.studies.d2d_scaling import SETTINGS
from airgraph_training.studies.dense_fitting import Fit
from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.generalisation import (
    LOG_REMARK,
    LOG_UWGNN,
    Curves,
    Modules,
    Panel,
    add_ratios,
    draw_panels,
    ratio_table,
    smallest_table,
    trained_networks,
)
from airgraph_training.studies.lab import TEST_SEED, Instances, Lab
from airgraph_training.studies.populations import RAYLEIGH
from airgraph_training.studies.shipped_network import SHIPPED_REMARK
from airgraph_training.studies.study import Findings, Study

PAPER = {
    "UWGNN": "more than 95% at 50 m/s, then better than WCGCN",
    LOG_UWGNN.label: "",
    "WCGCN": "more than 95% at 50 m/s, then degrades",
}
"""Section V-G; it prints figure 9 without numbers."""
PAIRS, QUICK_PAIRS = 10, 4
SIDE, NEAREST, FARTHEST = 1000.0, 30.0, 90.0
SPEEDS = (50.0, 100.0, 200.0)
SECONDS = 10
SHOWN = (0, 1, 2, 4, 6, 8, 10)


def walks(pairs: int, count: int, speed: float, seconds: int) -> list[Instances]:
    """``count`` walking networks, second by second; the same networks and directions for every speed."""
    rng = np.random.default_rng((TEST_SEED, pairs))
    tracks = []
    for _ in range(count):
        layout = place_pairs(rng, pairs, SIDE, NEAREST, FARTHEST)
        still = RAYLEIGH.draw(rng, pairs).snr
        distance = distances(random_walk(rng, layout.receiver, speed, seconds), layout.transmitter)
        tracks.append(moved_gain(still, distance[0], distance))
    return [Instances(snr, np.ones((count, 1, pairs))) for snr in np.stack(tracks, axis=1)]


def _panel(lab: Lab, modules: Modules, letter: str, speed: float) -> Panel:
    pairs, count = (QUICK_PAIRS, 5) if lab.quick else (PAIRS, 500)
    shown = SHOWN[:2] if lab.quick else SHOWN
    curves: Curves = {}
    moments = walks(pairs, count, speed, shown[-1])
    for second in shown:
        add_ratios(lab, curves, second, moments[second], modules)
    return Panel(f"({letter}) {speed:g} m/s", "seconds", curves, f"({letter}) {speed:g} m/s:\nseconds")


def _run(lab: Lab) -> Findings:
    fit = Fit(QUICK_PAIRS, 64, 1, lab.seed) if lab.quick else Fit(PAIRS, *SETTINGS[PAIRS], lab.seed)
    modules = trained_networks(lab, fit, (*NETWORKS, LOG_UWGNN))
    panels = [_panel(lab, modules, letter, speed) for letter, speed in zip("abc", SPEEDS, strict=True)]
    return Findings(
        tables=(*(ratio_table(panel) for panel in panels), smallest_table(panels, PAPER)),
        remarks=(
            f"K = {fit.pairs} transmitters uniform in a square of {SIDE:g} m, receivers {NEAREST:g} to {FARTHEST:g} m "
            "from their own; every second each receiver takes a Gaussian step of the speed's deviation along either "
            f"axis, amplitudes follow the inverse of the distance, and beyond {REACH:g} m nothing is heard (docstring "
            "of `airgraph_training.channels.mobility`). Before the first step all channels are Rayleigh at 10 dB, near "
            "or far, as in the rest of the paper's section V.",
            f"Every network is trained once, on {fit.samples:,} samples x {fit.epochs} epochs of the channels before "
            "the first step, and is not trained again. 500 walks, the same for all speeds.",
            LOG_REMARK,
            "The paper leaves open how many seconds pass and how a channel follows the distance. After ten seconds at "
            "200 m/s a receiver is as far from its own transmitter as from the others, often out of its reach: "
            "no network trained on the first second's channels has seen that.",
            SHIPPED_REMARK,
        ),
        draw=lambda axes: draw_panels(axes, panels),
    )


MOBILITY = Study(
    name="mobility",
    title="Networks trained before the receivers move, tested while they move",
    source="paper 003, figure 9 (section V-G)",
    run=_run,
)
