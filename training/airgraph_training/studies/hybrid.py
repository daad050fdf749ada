"""Hybrid precoding, partially connected: networks, SDR-AltMin, the closed form, and what AUTO serves."""

from __future__ import annotations

from collections.abc import Callable
from time import process_time
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from airgraph_models.classical.hybrid_alternation import chain_digital
from airgraph_models.gnn.hybrid_networks import ROUNDS, HybridGNN, HybridMLP
from airgraph_training.channels.clustered import ComplexArray
from airgraph_training.evaluation import Exported
from airgraph_training.studies import hybrid_systems as systems
from airgraph_training.studies.hybrid_fitting import (
    RECEIVE,
    STREAMS,
    TRANSMIT,
    HybridFit,
    Links,
    fit_hybrid,
    tensors,
)
from airgraph_training.studies.hybrid_fitting import loss as training_loss
from airgraph_training.studies.lab import TEST_SEED, Lab
from airgraph_training.studies.sdr_altmin import SemidefiniteDigital
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHAINS = (2, 3, 4, 6, 9, 12, 18)
SAMPLES, TESTS, EXTRAS, CHECKED, TIMED = 10_000, 2000, 200, 10, 60
EPOCHS = {"GNN": 5, "MLP": 30}
RATES = {"GNN": 3e-3, "MLP": 1e-3}
SDR, ONE, FIXED = "SDR-AltMin", "alternation, one start, 10 iterations", "alternation, fixed starts"
GNN, MLP = "unrolled GNN, (25)", "MLP"
SERVED, AUTO = "the served network alone", "AUTO (network and alternation)"
FULL = "phase extraction, fully connected"
SDP = "SDR-AltMin, semidefinite"

Both = Callable[[int, ComplexArray], list[ComplexArray]]


class _Networks:
    """The paper's networks for both ends of a link and every number of chains."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._samples = 200 if lab.quick else SAMPLES
        self._links: Links | None = None

    def _digital(self, antennas: int) -> ComplexArray:
        if self._links is None:
            self._links = Links.draw(np.random.default_rng(self._lab.seed), self._samples)
        return self._links.precoder if antennas == TRANSMIT else self._links.combiner

    def trained(self, kind: str, antennas: int, chains: int) -> nn.Module:
        """The network of a kind for so many antennas and chains."""
        epochs = 1 if self._lab.quick else EPOCHS[kind]
        fit = HybridFit(chains, self._samples, epochs, RATES[kind], self._lab.seed)
        torch.manual_seed(self._lab.seed)
        network = HybridGNN(chains) if kind == "GNN" else HybridMLP(chains, antennas // chains, STREAMS)
        name = f"hybrid-{kind.lower()}-{antennas}-{chains}"
        return self._lab.kept(
            name,
            [kind, antennas, fit.describe()],
            network,
            lambda: fit_hybrid(network, self._digital(antennas), fit),
            name,
        )

    def solve(self, kind: str, antennas: int, chains: int) -> systems.Solve:
        """Its answers."""
        return systems.by_network(self.trained(kind, antennas, chains), antennas, chains)


def _measure(networks: _Networks, served: Exported, links: Links, chains: int) -> dict[str, tuple[float, float]]:
    """Mean spectral efficiency and mean loss of the precoder by system."""
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


def _milliseconds(solve: systems.Solve, digital: ComplexArray, chains: int, rounds: int = 3) -> float:
    """CPU time of one precoder, the smallest mean of some rounds; the first call is not counted."""
    solve(digital[0], chains)
    means = []
    for _ in range(rounds):
        began = process_time()
        for one in digital:
            solve(one, chains)
        means.append((process_time() - began) / len(digital) * 1e3)
    return min(means)


def _times(networks: _Networks, served: Exported, links: Links, chains: int, counts: tuple[int, int]) -> list[float]:
    """Milliseconds by system, and the largest difference between the program's losses and the closed form's."""
    checked, timed = (links.precoder[:count] for count in counts)
    program = SemidefiniteDigital(chains, TRANSMIT // chains, STREAMS)
    halves = (program, chain_digital)
    solves = [systems.by_sdr(np.random.default_rng((TEST_SEED, chains, 1)), half) for half in halves]
    losses = [[systems.mean_loss(one[None], [solve(one, chains)]) for one in checked] for solve in solves]
    difference = float(np.abs(np.array(losses[0]) - np.array(losses[1])).max())
    rng = np.random.default_rng((TEST_SEED, chains, 2))
    kinds: tuple[systems.Solve, ...] = (
        systems.by_sdr(rng),
        systems.by_alternation,
        networks.solve("GNN", TRANSMIT, chains),
        networks.solve("MLP", TRANSMIT, chains),
        systems.by_served(served, polished=False),
        systems.by_served(served, polished=True),
    )
    slow = _milliseconds(systems.by_sdr(rng, program), checked, chains, rounds=1)
    return [slow, *(_milliseconds(kind, timed, chains) for kind in kinds), difference]


def _gain(networks: _Networks, digital: ComplexArray, chains: int) -> tuple[float, float, float]:
    """Mean loss of the unrolled network before and after its training; how far its weights moved from the identity."""
    block = tensors(digital, chains)
    trained = networks.trained("GNN", TRANSMIT, chains)
    with torch.inference_mode():
        losses = [float(training_loss(block, *network(block))) for network in (HybridGNN(chains), trained)]
    moved = trained.get_parameter("real").detach() - torch.eye(chains)
    return losses[0], losses[1], float(moved.abs().max())


def _run(lab: Lab) -> Findings:
    chains = CHAINS[:2] if lab.quick else CHAINS
    counts = (1, 2) if lab.quick else (CHECKED, TIMED)
    links = Links.draw(np.random.default_rng(TEST_SEED), 5 if lab.quick else TESTS)
    served, networks = Exported.of_zoo(systems.MODEL), _Networks(lab)
    measured = {r: _measure(networks, served, links, r) for r in chains}
    timed = {r: _times(networks, served, links, r, counts) for r in chains}
    trained = {r: _gain(networks, links.precoder, r) for r in chains}
    columns = ("system", *(f"N_RF = {r}" for r in chains))
    order = (SDR, GNN, MLP, ONE, FIXED, SERVED, AUTO)
    watts = {r: systems.power_watts(r) for r in chains}
    efficient = (
        *((name, *(f"{measured[r][name][0] / watts[r]:.4f}" for r in chains)) for name in order),
        (FULL, *(f"{measured[r][FULL][0] / systems.power_watts(r, 'full'):.4f}" for r in chains)),
    )
    ratios = tuple((name, *(f"{measured[r][name][0] / measured[r][SDR][0]:.4f}" for r in chains)) for name in order)
    losses = tuple((name, *(f"{measured[r][name][1]:.5f}" for r in chains)) for name in (*order, FULL))
    return Findings(
        tables=(
            Table("Energy efficiency at 10 dB, bit/s/Hz/W", columns, efficient),
            Table("Energy efficiency over that of SDR-AltMin", columns, ratios),
            Table("Mean loss ||F_opt - F_RF F_BB||^2 of the precoder", columns, losses),
            Table(
                "CPU time of one precoder on one thread, batch 1, ms",
                ("N_RF", SDP, SDR + ", closed form", FIXED, GNN, MLP, SERVED, AUTO, "semidefinite over " + GNN),
                tuple((str(r), *_time_cells(timed[r])) for r in chains),
            ),
            Table(
                "The unrolled GNN before and after training: mean loss, and the largest change of a weight",
                ("N_RF", "untrained", "trained", "change"),
                tuple((str(r), f"{a:.5f}", f"{b:.5f}", f"{c:.4f}") for r, (a, b, c) in trained.items()),
            ),
        ),
        remarks=_remarks(links, timed),
        draw=lambda axes: _draw(axes, chains, measured),
    )


def _time_cells(found: list[float]) -> tuple[str, ...]:
    times = found[:-1]
    return (*(f"{time:.3f}" for time in times), f"{times[0] / times[3]:.0f}")


def _remarks(links: Links, timed: dict[int, list[float]]) -> tuple[str, ...]:
    worst = max(found[-1] for found in timed.values())
    return (
        f"{TRANSMIT} transmit and {RECEIVE} receive antennas in square arrays, {STREAMS} streams, 5 clusters of 10 "
        f"paths with a spread of 10 degrees; {len(links.channel):,} test channels, {EXTRAS} of them for the fully "
        "connected row. The combiner is found as the precoder is. Energy efficiency is the spectral efficiency over "
        "10 W + N_RF 0.1 W + 144 (0.1 W + 0.01 W), with N_RF shifters an antenna where every chain drives all.",
        f"The networks of the paper are trained on {SAMPLES:,} samples, one a number of chains and end. SDR-AltMin "
        "starts from random phases and ends when the loss falls by less than 0.001; its quality is measured with the "
        "digital half in closed form. The semidefinite program, compiled once a size and solved by SCS through cvxpy, "
        f"gives the same loss to {worst:.1g} on the instances where it is timed.",
        f"The unrolled GNN of {ROUNDS} rounds starts from the phases of each block's strongest column and with weights "
        "of the identity, which is the alternation itself; its training hardly moves them. Chains share no antenna, so "
        "there is nothing for weights between them to do.",
        "The MLP knows neither that a column may be turned by any phase nor that antennas are alike, and its "
        "efficiency stays far below.",
        "What a network is worth here: against the program hundreds of times in speed, but so is the closed form. The "
        "served network is our own: learned starts, momentum and soft phases, for any number of chains and antennas. "
        "Alone it ends about as low as the alternation from all its fixed starts, in less time; AUTO goes on from its "
        "answer with the alternation.",
    )


def _draw(axes: Axes, chains: tuple[int, ...], measured: dict[int, dict[str, tuple[float, float]]]) -> None:
    for name, style in ((SDR, "-s"), (GNN, "-o"), (MLP, "--s"), (FIXED, ":^"), (AUTO, "-v")):
        values = [measured[r][name][0] / systems.power_watts(r) for r in chains]
        axes.plot(chains, values, style, label=name, markersize=5)
    axes.set_xlabel("radio-frequency chains")
    axes.set_ylabel("energy efficiency, bit/s/Hz/W")
    axes.legend(fontsize=8)


HYBRID_STUDY = Study(
    name="hybrid",
    title="Hybrid precoding, partially connected",
    source="paper 000, figure 4",
    run=_run,
)
