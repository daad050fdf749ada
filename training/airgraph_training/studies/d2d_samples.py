"""How many training samples a graph network and an MLP need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airgraph_models.classical.fplinq import fplinq
from airgraph_training.studies.dense_fitting import Fit
from airgraph_training.studies.dense_networks import NETWORKS
from airgraph_training.studies.lab import FloatArray, Instances, Lab
from airgraph_training.studies.populations import RAYLEIGH
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STARTS = 100
STEPS = {"pcgnn": 800, "mlp": 4000}
SAMPLES = {"pcgnn": (20, 40, 200), "mlp": (2_000, 4_000, 16_000, 64_000)}
PAPER = {10: (2_000, 4_000), 20: (16_000, 64_000)}
"""MLP samples that match PCGNN with 20 and with 40 in paper 000, figure 3(a)."""

Curve = dict[int, float]


def _fit(name: str, pairs: int, samples: int, quick: bool, seed: int) -> Fit:
    """The same number of steps whatever the number of samples; a batch of all of them where they are few."""
    batch = min(64, samples)
    steps = 4 if quick else STEPS[name]
    return Fit(pairs, samples, max(1, steps // (samples // batch)), seed, batch=batch, learning_rate=2e-3)


def _curve(lab: Lab, name: str, pairs: int, instances: Instances, best: FloatArray) -> Curve:
    network = next(network for network in NETWORKS if network.name == name)
    sizes = SAMPLES[name][:2] if lab.quick else SAMPLES[name]
    curve = {}
    for samples in sizes:
        module = lab.trained(network, _fit(name, pairs, samples, lab.quick, lab.seed))
        curve[samples] = float(lab.network_rate(module, instances).mean() / best.mean())
    return curve


def _enough(curve: Curve, target: float) -> str:
    reached = [samples for samples, ratio in curve.items() if ratio >= target]
    return f"{min(reached):,}" if reached else f"more than {max(curve):,}"


def _run(lab: Lab) -> Findings:
    sizes = (4,) if lab.quick else (10, 20)
    starts, count = (3, 5) if lab.quick else (STARTS, 300)
    curves: dict[int, dict[str, Curve]] = {}
    for pairs in sizes:
        instances = lab.test_set(RAYLEIGH, pairs, count)
        best = lab.best_of(fplinq, instances, starts)
        curves[pairs] = {name: _curve(lab, name, pairs, instances, best) for name in SAMPLES}
    rows = tuple(
        (f"K = {pairs}", name.upper(), f"{samples:,}", f"{ratio:.3f}")
        for pairs, both in curves.items()
        for name, curve in both.items()
        for samples, ratio in curve.items()
    )
    matched = tuple(
        (f"K = {pairs}", f"{samples}", f"{ratio:.3f}", _enough(both["mlp"], ratio), _paper(pairs, position))
        for pairs, both in curves.items()
        for position, (samples, ratio) in enumerate(list(both["pcgnn"].items())[:2])
    )
    return Findings(
        tables=(
            Table(
                f"Mean sum rate over that of the best of {starts} random starts of FPLinQ",
                ("pairs", "network", "training samples", "ratio"),
                rows,
            ),
            Table(
                "Samples that the MLP needs to match PCGNN",
                ("pairs", "PCGNN samples", "PCGNN ratio", "MLP samples", "MLP samples in paper 000"),
                matched,
            ),
        ),
        remarks=(
            "i.i.d. Rayleigh channels at 10 dB; every PCGNN is trained for "
            f"{STEPS['pcgnn']:,} steps and every MLP for {STEPS['mlp']:,}, whatever the number of samples; "
            f"{count} test instances.",
        ),
        draw=lambda axes: _draw(axes, curves),
    )


def _paper(pairs: int, position: int) -> str:
    return f"{PAPER[pairs][position]:,}" if pairs in PAPER else ""


def _draw(axes: Axes, curves: dict[int, dict[str, Curve]]) -> None:
    for (pairs, both), style in zip(curves.items(), ("-o", "--s"), strict=False):
        for name, colour in (("pcgnn", "tab:blue"), ("mlp", "tab:orange")):
            curve = both[name]
            axes.semilogx(list(curve), list(curve.values()), style, color=colour, label=f"{name.upper()}, K = {pairs}")
    axes.set_xlabel("training samples")
    axes.set_ylabel("mean sum rate over best FPLinQ")
    axes.legend()


D2D_SAMPLES = Study(
    name="d2d-samples",
    title="Training samples that a graph network and an MLP need",
    source="paper 000, figure 3(a); paper 003, figure 10",
    run=_run,
)
