"""Networks trained on fully connected pairs, tested where interfering links are missing, and the other way."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from airgraph_models.gnn.power_mlp import PowerMLP, PowerMLPArchitecture
from airgraph_training.studies.d2d_scaling import SETTINGS
from airgraph_training.studies.dense_fitting import DenseNetwork, Fit
from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.generalisation import (
    Curves,
    Panel,
    add_ratios,
    draw_panels,
    ratio_table,
    smallest_table,
    trained_networks,
)
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.populations import RAYLEIGH, thinned_population
from airgraph_training.studies.shipped_network import SHIPPED_REMARK
from airgraph_training.studies.study import Findings, Study

SNR_DB = 10.0
PAIRS, QUICK_PAIRS = 10, 3
SAMPLES, EPOCHS = 10_000, 12
"""Of the networks that no other study trains."""

WEIGHTED = (
    *(network for network in NETWORKS if network.name != "mlp"),
    DenseNetwork(
        "mlp",
        "MLP",
        lambda pairs: PowerMLP(PowerMLPArchitecture(pairs, weighted=True)),
        lambda pairs: asdict(PowerMLPArchitecture(pairs, weighted=True)),
    ),
)
"""The networks, with an MLP that reads the rate weights as the others do."""


PAPER = {
    "UWGNN": "dense to sparse over 85%, weighted better; sparse to dense close to WMMSE",
    "WCGCN": "degrades more",
}
"""Section V-F; it prints figure 7 without numbers."""


@dataclass(frozen=True)
class Case:
    """One panel of the figure.

    Attributes:
        letter: In the figure.
        trained: Share of lost links in training.
        tested: Shares of lost links in the tests, in the order of the figure.
        weighted: Rate weights uniform in 0..1, in training and in the tests, instead of one.
    """

    letter: str
    trained: float
    tested: tuple[float, ...]
    weighted: bool

    @property
    def title(self) -> str:
        """For the table."""
        way = "dense to sparse" if self.trained == 0 else "sparse to dense"
        return f"({self.letter}) {way}, {'weighted' if self.weighted else 'unweighted'}"


TO_SPARSE, TO_DENSE = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9), (0.6, 0.4, 0.2, 0.0)
CASES = (
    Case("a", TO_SPARSE[0], TO_SPARSE, weighted=False),
    Case("b", TO_SPARSE[0], TO_SPARSE, weighted=True),
    Case("c", TO_DENSE[0], TO_DENSE, weighted=False),
    Case("d", TO_DENSE[0], TO_DENSE, weighted=True),
)


def _panel(lab: Lab, case: Case) -> Panel:
    pairs, count = (QUICK_PAIRS, 5) if lab.quick else (PAIRS, 500)
    tested = case.tested[:2] if lab.quick else case.tested
    modules = trained_networks(lab, _fit(lab, case), WEIGHTED if case.weighted else NETWORKS)
    curves: Curves = {}
    for lost in tested:
        population = thinned_population(SNR_DB, lost, weighted=case.weighted)
        add_ratios(lab, curves, lost, lab.test_set(population, pairs, count), modules)
    return Panel(case.title, "share of links lost", curves, case.title.replace(", ", ",\n") + ":\nshare of links lost")


def _fit(lab: Lab, case: Case) -> Fit:
    if lab.quick:
        return Fit(QUICK_PAIRS, 64, 1, lab.seed, thinned_population(SNR_DB, case.trained, weighted=case.weighted))
    if case.trained == 0 and not case.weighted:
        # The networks of the other studies, trained on the same law.
        return Fit(PAIRS, *SETTINGS[PAIRS], lab.seed, RAYLEIGH)
    return Fit(PAIRS, SAMPLES, EPOCHS, lab.seed, thinned_population(SNR_DB, case.trained, weighted=case.weighted))


def _run(lab: Lab) -> Findings:
    # In quick form one unweighted case and one weighted one, one each way.
    panels = [_panel(lab, case) for case in (CASES[::3] if lab.quick else CASES)]
    samples, epochs = SETTINGS[PAIRS]
    return Findings(
        tables=(*(ratio_table(panel) for panel in panels), smallest_table(panels, PAPER)),
        remarks=(
            f"Rayleigh channels at {SNR_DB:g} dB, K = {PAIRS}; each network is trained once, on the first column of "
            f"its table: (a) on {samples:,} samples x {epochs} epochs, the others on {SAMPLES:,} x {EPOCHS}. "
            "500 test instances a case, from the same random numbers: a sparser test only takes more links away.",
            "A lost link has a channel of zero, as in (24) of paper 003, for the network, for WMMSE and in the sum "
            "rate; a link from a transmitter to its own receiver is never lost.",
            "The paper calls its threshold the probability of losing a connection and compares it with standard "
            "Gaussian numbers. We take the share itself, so that 0 is the fully connected network that its text starts "
            "from and ends at; its thresholds from 0.6 to 0 on Gaussian numbers would lose 73% to 50% of the links, "
            "and the way from sparse to dense would end half way.",
            "Rate weights in (b) and (d) are uniform in 0..1, in training too; the paper leaves their law open.",
            SHIPPED_REMARK,
        ),
        draw=lambda axes: draw_panels(axes, panels),
    )


TOPOLOGY = Study(
    name="topology",
    title="Networks tested where more or fewer links interfere than in training",
    source="paper 003, figure 7 (section V-F)",
    run=_run,
)
