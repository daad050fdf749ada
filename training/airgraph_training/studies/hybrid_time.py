"""How long a partially connected hybrid precoder takes: the semidefinite program, the closed form, the networks."""

from __future__ import annotations

from time import process_time
from typing import TYPE_CHECKING

import numpy as np

from airgraph_models.classical.hybrid_alternation import chain_digital
from airgraph_training.channels.clustered import ComplexArray
from airgraph_training.evaluation import Exported
from airgraph_training.studies import hybrid_systems as systems
from airgraph_training.studies.hybrid_fitting import STREAMS, TRANSMIT, Links
from airgraph_training.studies.hybrid_systems import AUTO, FIXED, GNN, MLP, ONE, SDR, SERVED
from airgraph_training.studies.hybrid_trained import CHAINS, SAMPLES, Networks
from airgraph_training.studies.lab import TEST_SEED, Lab
from airgraph_training.studies.sdr_altmin import SemidefiniteDigital
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHECKED, TIMED, ROUNDS = 10, 60, 5
SDP, CLOSED = SDR + ", semidefinite", SDR + ", closed form"
ORDER = (SDP, CLOSED, ONE, FIXED, GNN, MLP, SERVED, AUTO)


def _once(solve: systems.Solve, digital: ComplexArray, chains: int) -> float:
    """CPU time of one precoder, mean, ms."""
    began = process_time()
    for one in digital:
        solve(one, chains)
    return (process_time() - began) / len(digital) * 1e3


def _times(
    networks: Networks, served: Exported, digital: ComplexArray, chains: int, checked: int
) -> tuple[dict[str, float], float]:
    """Milliseconds by system, and the largest difference between the program's losses and the closed form's."""
    program = SemidefiniteDigital(chains, TRANSMIT // chains, STREAMS)
    halves = (program, chain_digital)
    solves = [systems.by_sdr(np.random.default_rng((TEST_SEED, chains, 1)), half) for half in halves]
    losses = [[systems.mean_loss(one[None], [solve(one, chains)]) for one in digital[:checked]] for solve in solves]
    rng = np.random.default_rng((TEST_SEED, chains, 2))
    kinds: dict[str, systems.Solve] = {
        CLOSED: systems.by_sdr(rng),
        ONE: systems.by_one_start,
        FIXED: systems.by_alternation,
        GNN: networks.solve("GNN", TRANSMIT, chains),
        MLP: networks.solve("MLP", TRANSMIT, chains),
        SERVED: systems.by_served(served, polished=False),
        AUTO: systems.by_served(served, polished=True),
    }
    for solve in kinds.values():
        solve(digital[0], chains)
    # In turns, so that a busy moment of the machine is not one system's.
    rounds = [{name: _once(solve, digital, chains) for name, solve in kinds.items()} for _ in range(ROUNDS)]
    found = {name: min(times[name] for times in rounds) for name in kinds}
    found[SDP] = _once(systems.by_sdr(rng, program), digital[:checked], chains)
    return found, float(np.abs(np.array(losses[0]) - np.array(losses[1])).max())


def _run(lab: Lab) -> Findings:
    chains = CHAINS[:2] if lab.quick else CHAINS
    checked, timed = (1, 2) if lab.quick else (CHECKED, TIMED)
    digital = Links.draw(np.random.default_rng((TEST_SEED, 1)), timed).precoder
    served, networks = Exported.of_zoo(systems.MODEL), Networks(lab)
    measured = {r: _times(networks, served, digital, r, checked) for r in chains}
    columns = ("system", *(f"N_RF = {r}" for r in chains))
    times = tuple((name, *(f"{measured[r][0][name]:.3f}" for r in chains)) for name in ORDER)
    faster = tuple(
        (name, *(f"{measured[r][0][SDP] / measured[r][0][name]:,.0f}" for r in chains)) for name in ORDER[1:]
    )
    worst = max(difference for _, difference in measured.values())
    return Findings(
        tables=(
            Table("CPU time of one precoder on one thread, batch 1, ms", columns, times),
            Table("How many times as fast as SDR-AltMin with the semidefinite program", columns, faster),
        ),
        remarks=(
            f"From a digital precoder of {TRANSMIT} antennas and {STREAMS} streams to both halves. {timed} precoders, "
            f"the smallest mean of {ROUNDS} rounds; the program, compiled once a size and solved by SCS through cvxpy, "
            f"on {checked} of them, once. SDR-AltMin starts from random phases and ends when the loss falls by less "
            "than 0.001; with the digital half in closed form it gives the same loss as with the program, to "
            f"{worst:.1g}. The networks of the paper are those of the study `hybrid`, {SAMPLES:,} samples each, run by "
            "ONNX Runtime.",
            "Against the program all are a hundred to thousands of times as fast, and so is SDR-AltMin itself once the "
            "closed form takes the program's place. In speed a network is worth nothing here: the alternation from one "
            "start in closed form does what the unrolled GNN does, ten iterations, in less time. The many learned "
            "starts of the served network buy a lower loss than that, not time.",
        ),
        draw=lambda axes: _draw(axes, chains, {r: found for r, (found, _) in measured.items()}),
    )


def _draw(axes: Axes, chains: tuple[int, ...], measured: dict[int, dict[str, float]]) -> None:
    styles = ("-s", "--s", ":x", ":^", "-o", "--d", "-v", "-*")
    for name, style in zip(ORDER, styles, strict=True):
        axes.plot(chains, [measured[r][name] for r in chains], style, label=name, markersize=5)
    axes.set_yscale("log")
    axes.set_xlabel("radio-frequency chains")
    axes.set_ylabel("CPU time of one precoder, ms")
    axes.legend(fontsize=8, ncols=2, loc="center right")


HYBRID_TIME = Study(
    name="hybrid-time",
    title="Hybrid precoding, partially connected: computation time",
    source="paper 000, VI-C",
    run=_run,
)
