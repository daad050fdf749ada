"""Every power-control system against the number of pairs, i.i.d. Rayleigh channels at 10 dB."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from airgraph_models.classical.fplinq import fplinq, fplinq_scheduling
from airgraph_models.classical.random_power import random_power
from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.strongest import best_proportion, strongest
from airgraph_training.studies.dense_fitting import Fit
from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.lab import WMMSE_ITERATIONS, FloatArray, Instances, Lab
from airgraph_training.studies.populations import RAYLEIGH
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STARTS = 100
PAPER = {
    "UWGNN": {10: 1.028, 30: 1.030, 50: 1.023},
    "WCGCN": {10: 1.023, 30: 1.021, 50: 1.017},
    "UWMMSE": {10: 1.053, 30: 0.922, 50: 0.905},
    "MLP": {10: 0.948, 30: 0.715, 50: 0.605},
    "best of 100 WMMSE": {10: 1.058, 30: 1.027, 50: 1.025},
}
"""Paper 003, table I, over one WMMSE from a random start."""
SETTINGS = {10: (10_000, 25), 20: (10_000, 16), 30: (10_000, 10), 50: (8_000, 8)}
"""Samples and epochs by K, for about equal time at each size from 30 on."""
QUICK = {4: (64, 1), 6: (64, 1)}
BEYOND, QUICK_BEYOND = 100, 8
"""Tested with the networks trained at the largest size: all but the MLP take any number of pairs."""


def classical_rates(lab: Lab, instances: Instances, starts: int) -> dict[str, FloatArray]:
    """Sum rate ``[n]`` of each classical system."""
    crosstalk, ones, weights = Crosstalk.dense(instances.snr), instances.ones, instances.weights
    stopping = Stopping(WMMSE_ITERATIONS)
    share = best_proportion(crosstalk, weights, ones, ones)
    powers = {
        "FPLinQ": fplinq(crosstalk, weights, ones, ones, ones, stopping).power,
        "FPLinQ, binary": fplinq_scheduling(crosstalk, weights, ones, ones, ones, stopping).power,
        "Strongest": strongest(crosstalk, ones, share),
        "maximum power": ones,
        "random power": random_power(ones, 1, np.random.default_rng(lab.seed)),
    }
    rates = {name: instances.rate(power[:, 0]) for name, power in powers.items()}
    return {f"best of {starts} WMMSE": lab.best_of(scalar_wmmse, instances, starts), **rates}


def _run(lab: Lab) -> Findings:
    settings, beyond = (QUICK, QUICK_BEYOND) if lab.quick else (SETTINGS, BEYOND)
    sizes = (*settings, beyond)
    tests = {pairs: (5 if lab.quick else 500 if pairs <= 50 else 100) for pairs in sizes}
    starts = 3 if lab.quick else STARTS
    ratios: dict[str, dict[int, float]] = {}
    over_best: dict[str, dict[int, float]] = {}
    for pairs in sizes:
        instances = lab.test_set(RAYLEIGH, pairs, tests[pairs])
        one = lab.wmmse(instances)
        rates = classical_rates(lab, instances, starts)
        best = rates[f"best of {starts} WMMSE"]
        trained_at = min(pairs, max(settings))
        fit = Fit(trained_at, *settings[trained_at], lab.seed)
        for network in NETWORKS:
            if network.name != "mlp" or pairs == trained_at:
                rates[network.label] = lab.network_rate(lab.trained(network, fit), instances)
        for name, rate in rates.items():
            ratios.setdefault(name, {})[pairs] = float(rate.mean() / one.mean())
            over_best.setdefault(name, {})[pairs] = float(rate.mean() / best.mean())
    columns = ("system", *(f"K = {pairs}" for pairs in sizes), "paper 003, K = 10, 30, 50")
    rows = tuple((name, *_cells(by_size, sizes), _paper(name)) for name, by_size in ratios.items())
    best_rows = tuple((name, *_cells(by_size, sizes)) for name, by_size in over_best.items())
    return Findings(
        tables=(
            Table(f"Mean sum rate over that of WMMSE, {WMMSE_ITERATIONS} iterations from full power", columns, rows),
            Table(f"Mean sum rate over that of the best of {starts} random starts of WMMSE", columns[:-1], best_rows),
        ),
        remarks=(
            f"Each network is trained at the size it is tested at, on {_spans(settings)}; K = {beyond} is tested with "
            f"the networks trained at K = {max(settings)}. Test instances by K: "
            f"{' / '.join(str(n) for n in tests.values())}.",
            "The paper's WMMSE starts at random; from full power it ends a little higher on average.",
            "UWMMSE runs WMMSE's own equations with learned parameters; the paper prints 105% for it at K = 10.",
        ),
        draw=lambda axes: _draw(axes, ratios),
    )


def _cells(by_size: dict[int, float], sizes: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"{by_size[pairs]:.3f}" if pairs in by_size else "cannot" for pairs in sizes)


def _paper(name: str) -> str:
    return ", ".join(f"{ratio:.3f}" for ratio in PAPER.get(name, {}).values())


def _spans(settings: dict[int, tuple[int, int]]) -> str:
    return ", ".join(f"{samples:,} samples x {epochs} epochs (K = {k})" for k, (samples, epochs) in settings.items())


def _draw(axes: Axes, ratios: dict[str, dict[int, float]]) -> None:
    learned = {network.label for network in NETWORKS}
    for name, by_size in ratios.items():
        style = "-o" if name in learned else "--"
        axes.plot(list(by_size), list(by_size.values()), style, label=name, linewidth=1.8, markersize=5)
    axes.axhline(1.0, color="black", linewidth=0.8)
    axes.set_xlabel("pairs K")
    axes.set_ylabel("mean sum rate over one WMMSE")
    axes.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


D2D_SCALING = Study(
    name="d2d-scaling",
    title="Power control against the number of pairs",
    source="paper 003, table I; paper 000, figure 3(b); paper 001, table I",
    run=_run,
)
