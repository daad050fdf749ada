"""Networks trained on Rayleigh fading, tested where its variance or a line of sight has changed."""

from __future__ import annotations

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
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.populations import rician_population
from airgraph_training.studies.shipped_network import SHIPPED_REMARK
from airgraph_training.studies.study import Findings, Study

SNR_DB = 10.0
PAIRS, QUICK_PAIRS = 10, 4
PAPER = {"UWGNN": "roughly 90%", LOG_UWGNN.label: "", "WCGCN": "less than UWGNN where the change is large"}
"""Section V-E; it prints figure 5 without numbers."""
VARIANCES = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 10.0)
MEANS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)


def _curves(lab: Lab, modules: Modules, laws: dict[float, tuple[float, float]]) -> Curves:
    """Ratios over the test cases ``laws``: (mean, variance) of the channel's entries."""
    pairs, count = (QUICK_PAIRS, 5) if lab.quick else (PAIRS, 500)
    curves: Curves = {}
    for case, (mean, variance) in laws.items():
        population = rician_population(SNR_DB, mean**2 / variance, mean**2 + variance)
        add_ratios(lab, curves, case, lab.test_set(population, pairs, count), modules)
    return curves


def _run(lab: Lab) -> Findings:
    variances, means = (VARIANCES[2:5], MEANS[:3]) if lab.quick else (VARIANCES, MEANS)
    pairs = QUICK_PAIRS if lab.quick else PAIRS
    samples, epochs = (64, 1) if lab.quick else SETTINGS[PAIRS]
    modules = trained_networks(lab, Fit(pairs, samples, epochs, lab.seed), (*NETWORKS, LOG_UWGNN))
    panels = [
        Panel(
            "(a) Rayleigh, the variance changes",
            "variance",
            _curves(lab, modules, {variance: (0.0, variance) for variance in variances}),
            "(a) Rayleigh:\nvariance",
        ),
        Panel(
            "(b) Rician of mean one, the variance changes",
            "variance",
            _curves(lab, modules, {variance: (1.0, variance) for variance in variances}),
            "(b) Rician of mean one:\nvariance",
        ),
        Panel(
            "(c) Rician of variance one, the line of sight changes",
            "mean",
            _curves(lab, modules, {mean: (mean, 1.0) for mean in means}),
            "(c) Rician of variance one:\nmean",
        ),
    ]
    return Findings(
        tables=(*(ratio_table(panel) for panel in panels), smallest_table(panels, PAPER)),
        remarks=(
            f"Every network is trained once, on {samples:,} samples x {epochs} epochs of Rayleigh channels of mean 0 "
            f"and variance 1 at {SNR_DB:g} dB, K = {pairs}, and tested with the same noise on Rician channels "
            "(docstring of `airgraph_training.channels.rician`): mean m and variance v make a K-factor of m^2 / v and "
            "a mean power of m^2 + v. 500 test instances a case, from the same random numbers for all cases.",
            LOG_REMARK,
            "Where ECGNN, UWGNN or UWMMSE fall to nearly nothing, under a line of sight of 3, the amplitudes lie so "
            "many of the training set's deviations away that their sigmoids saturate: in nearly every network they "
            "switch all pairs off.",
            "The paper leaves the range of all three changes open; ours are the columns of the tables.",
            SHIPPED_REMARK,
        ),
        draw=lambda axes: draw_panels(axes, panels),
    )


DISTRIBUTION = Study(
    name="distribution",
    title="Networks trained on Rayleigh fading, tested on other fading",
    source="paper 003, figure 5 (section V-E)",
    run=_run,
)
