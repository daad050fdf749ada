"""Hybrid precoding, partially connected: networks, SDR-AltMin, the closed form, and what AUTO serves."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import torch

from airgraph_models.gnn.hybrid_networks import ROUNDS, HybridGNN
from airgraph_training.channels.clustered import ComplexArray
from airgraph_training.evaluation import Exported
from airgraph_training.studies import hybrid_systems as systems
from airgraph_training.studies.hybrid_fitting import RECEIVE, STREAMS, TRANSMIT, Links, tensors
from airgraph_training.studies.hybrid_fitting import loss as training_loss
from airgraph_training.studies.hybrid_systems import AUTO, FIXED, GNN, MLP, ONE, SDR, SERVED
from airgraph_training.studies.hybrid_trained import CHAINS, SAMPLES, Networks
from airgraph_training.studies.lab import TEST_SEED, FloatArray, Lab
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TESTS, EXTRAS = 2000, 200
FULL = "phase extraction, fully connected"

Measured = dict[str, tuple[FloatArray, float]]
"""By system the spectral efficiency ``[n]`` and the mean loss of the precoder."""


def _measure(networks: Networks, served: Exported, links: Links, chains: int) -> Measured:
    rng = np.random.default_rng((TEST_SEED, chains))
    few = Links(links.channel[:EXTRAS], links.precoder[:EXTRAS], links.combiner[:EXTRAS])
    alike: dict[str, systems.Solve] = {
        SDR: systems.by_sdr(rng),
        ONE: systems.by_one_start,
        FIXED: systems.by_alternation,
        SERVED: systems.by_served(served, polished=False),
        AUTO: systems.by_served(served, polished=True),
        FULL: systems.by_phase_extraction,
    }
    ends = {name: (solve, solve) for name, solve in alike.items()}
    for name, kind in ((GNN, "GNN"), (MLP, "MLP")):
        ends[name] = (networks.solve(kind, TRANSMIT, chains), networks.solve(kind, RECEIVE, chains))
    found = {}
    for name, (transmit, receive) in ends.items():
        on = few if name == FULL else links
        precoders = [transmit(one, chains) for one in on.precoder]
        combiners = [receive(one, chains) for one in on.combiner]
        found[name] = systems.efficiency(on, precoders, combiners), systems.mean_loss(on.precoder, precoders)
    return found


def _gain(networks: Networks, digital: ComplexArray, chains: int) -> tuple[float, float, float]:
    """Mean loss of the unrolled network before and after its training; how far its weights moved from the identity."""
    block = tensors(digital, chains)
    trained = networks.trained("GNN", TRANSMIT, chains)
    with torch.inference_mode():
        losses = [float(training_loss(block, *network(block))) for network in (HybridGNN(chains), trained)]
    moved = trained.get_parameter("real").detach() - torch.eye(chains)
    return losses[0], losses[1], float(moved.abs().max())


def _run(lab: Lab) -> Findings:
    chains = CHAINS[:2] if lab.quick else CHAINS
    links = Links.draw(np.random.default_rng(TEST_SEED), 5 if lab.quick else TESTS)
    served, networks = Exported.of_zoo(systems.MODEL), Networks(lab)
    measured = {r: _measure(networks, served, links, r) for r in chains}
    trained = {r: _gain(networks, links.precoder, r) for r in chains}
    columns = ("system", *(f"N_RF = {r}" for r in chains))
    order = (SDR, GNN, MLP, ONE, FIXED, SERVED, AUTO)
    watts = {r: systems.power_watts(r) for r in chains}
    per_watt = {r: {name: measured[r][name][0] / watts[r] for name in order} for r in chains}
    efficient = (
        *((name, *(f"{per_watt[r][name].mean():.4f}" for r in chains)) for name in order),
        (FULL, *(f"{measured[r][FULL][0].mean() / systems.power_watts(r, 'full'):.4f}" for r in chains)),
    )
    ratios = tuple(
        (name, *(f"{per_watt[r][name].mean() / per_watt[r][SDR].mean():.4f}" for r in chains)) for name in order
    )
    steps = tuple(pairwise(chains))
    growth = tuple((name, *(_growth(per_watt[b][name] - per_watt[a][name]) for a, b in steps)) for name in order)
    losses = tuple((name, *(f"{measured[r][name][1]:.5f}" for r in chains)) for name in (*order, FULL))
    return Findings(
        tables=(
            Table("Energy efficiency at 10 dB, bit/s/Hz/W", columns, efficient),
            Table("Energy efficiency over that of SDR-AltMin", columns, ratios),
            Table(
                "Growth of the energy efficiency from one number of chains to the next, with its standard error",
                ("system", *(f"{a} to {b}" for a, b in steps)),
                growth,
            ),
            Table("Mean loss ||F_opt - F_RF F_BB||^2 of the precoder", columns, losses),
            Table(
                "The unrolled GNN before and after training: mean loss, and the largest change of a weight",
                ("N_RF", "untrained", "trained", "change"),
                tuple((str(r), f"{a:.5f}", f"{b:.5f}", f"{c:.4f}") for r, (a, b, c) in trained.items()),
            ),
        ),
        remarks=_remarks(links, trained, {r: (found[ONE], found[FIXED]) for r, found in measured.items()}),
        draw=lambda axes: _draw(axes, chains, per_watt),
    )


def _growth(change: FloatArray) -> str:
    return f"{change.mean():+.4f} ± {change.std() / len(change) ** 0.5:.4f}"


def _remarks(
    links: Links,
    trained: dict[int, tuple[float, float, float]],
    starts: dict[int, tuple[tuple[FloatArray, float], tuple[FloatArray, float]]],
) -> tuple[str, ...]:
    least = min(trained)
    (one, one_loss), (fixed, fixed_loss) = starts[least]
    moved = max(change for _, _, change in trained.values())
    gained = max(1 - after / before for before, after, _ in trained.values())
    return (
        f"{TRANSMIT} transmit and {RECEIVE} receive antennas in square arrays, {STREAMS} streams, 5 clusters of 10 "
        f"paths with a spread of 10 degrees; {len(links.channel):,} test channels, {EXTRAS} of them for the fully "
        "connected row. The combiner is found as the precoder is. Energy efficiency is the spectral efficiency over "
        "10 W + N_RF 0.1 W + 144 (0.1 W + 0.01 W), with N_RF shifters an antenna where every chain drives all.",
        f"The networks of the paper are trained on {SAMPLES:,} samples, one a number of chains and end. SDR-AltMin "
        "starts from random phases and ends when the loss falls by less than 0.001; its digital half is in closed "
        "form. How long each takes is measured in the study `hybrid-time`.",
        "Energy efficiency grows with the chains where the loss falls faster than the power of one more chain: from 9 "
        "to 12 chains it stays where it is, within the standard error, for every system of alternation alike.",
        f"The unrolled GNN of {ROUNDS} rounds starts from the phases of each block's strongest column and with weights "
        "of the identity, which is the alternation itself. Chains share no antenna, so weights between them have "
        f"nothing to do: training moves single ones by up to {moved:.2f} and lowers the loss by {100 * gained:.2f} per "
        "cent at most.",
        "The loss is not the efficiency. All systems lower the same loss, and where chains are few the "
        f"lowest is not the most efficient: at {least} chains the alternation from one start, the strongest column, "
        f"loses {one_loss:.4f} and reaches {one.mean() / fixed.mean():.3f} times the efficiency of the best of the "
        f"fixed starts, which loses {fixed_loss:.4f}. The network of the paper inherits that start.",
        "The MLP knows neither that a column may be turned by any phase nor that antennas are alike, and its "
        "efficiency stays far below.",
        "What a network is worth here: the served network is our own, with learned starts, momentum and soft phases, "
        "for any number of chains and antennas. Alone it ends about as low as the alternation from all its fixed "
        "starts; AUTO goes on from its answer with the alternation.",
    )


def _draw(axes: Axes, chains: tuple[int, ...], per_watt: dict[int, dict[str, FloatArray]]) -> None:
    # What alternates lies close together: seen from near in an inset.
    near = axes.inset_axes((0.45, 0.08, 0.53, 0.42))
    for name, style in ((SDR, "-s"), (GNN, "-o"), (MLP, "--s"), (FIXED, ":^"), (AUTO, "-v")):
        values = [per_watt[r][name].mean() for r in chains]
        (line,) = axes.plot(chains, values, style, label=name, markersize=5)
        if name != MLP:
            near.plot(chains, values, style, color=line.get_color(), markersize=4)
    axes.set_xlabel("radio-frequency chains")
    axes.set_ylabel("energy efficiency, bit/s/Hz/W")
    axes.set_ylim(bottom=0.1)
    axes.legend(fontsize=8, loc="lower left")


HYBRID_STUDY = Study(
    name="hybrid",
    title="Hybrid precoding, partially connected",
    source="paper 000, figure 4",
    run=_run,
)
