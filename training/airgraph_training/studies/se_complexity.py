"""Training samples and CPU time that a precoding network needs to reach 95 % of WMMSE."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_fitting import PrecodingFit, PrecodingNetwork, fit_precoding
from airgraph_training.studies.precoding_networks import BNN, MODEL_GNN, MODEL_GNN_RANDOM, UNFOLDED, VANILLA_GNN
from airgraph_training.studies.precoding_sets import DENOMINATOR, Downlinks, references
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SNR_DB, LEVEL, TESTS = 10.0, 0.95, 100
SIZES = ((8, 4), (32, 16))
SAMPLES = (1, 10, 100, 1_000)
STEPS = {(8, 4): 400, (32, 16): 240}
"""Most gradient steps of one training."""
BATCH = 25
RATES = ((MODEL_GNN, 5e-3), (MODEL_GNN_RANDOM, 1e-2), (VANILLA_GNN, 3e-3), (BNN, 3e-3), (UNFOLDED, 1e-2))
PAPER = {
    MODEL_GNN.label: {(8, 4): ("100", "62 s"), (32, 16): ("100", "4 min 35 s")},
    VANILLA_GNN.label: {(8, 4): ("40,000", "43 min 16 s on a GPU"), (32, 16): (">100,000", ">6 h 22 min on a GPU")},
    BNN.label: {(8, 4): ("10", "11 s on a GPU"), (32, 16): ("10", "21 s on a GPU")},
    UNFOLDED.label: {(8, 4): ("10", "4 min 43 s"), (32, 16): ("10", "70 min 21 s")},
}
"""Samples and training time of paper 004's table III; CPU where it prints both."""


def training_until(lab: Lab, network: PrecodingNetwork, fit: PrecodingFit, tests: int) -> dict[str, Any]:
    """CPU seconds of training until `LEVEL`, or none, and the best share reached; tests in between do not count.

    Kept for the next visit.
    """

    def measure() -> dict[str, Any]:
        instances = Downlinks.tests(fit.users, fit.antennas, fit.snr_db, tests)
        goal = references(lab, fit.users, fit.antennas, fit.snr_db, tests).wmmse
        module = network.build(fit)
        lab.report(f"training {network.label}, {fit.samples:,} samples, N = {fit.antennas}, until {LEVEL:g}")
        spent, best, begin = 0.0, 0.0, time.process_time()

        def after(epoch: int, trained: nn.Module) -> bool:
            nonlocal spent, best, begin
            spent += time.process_time() - begin
            best = max(best, float(instances.network(trained).mean()) / goal)
            begin = time.process_time()
            return best >= LEVEL

        fit_precoding(module, fit, after)
        return {"seconds": spent if best >= LEVEL else None, "best": best}

    settings = {"network": [network.name, network.sizes], "fit": fit.describe(), "level": LEVEL, "tests": tests}
    found: dict[str, Any] = lab.remembered(f"until-{network.name}-{fit.antennas}", settings, measure)
    return found


def untrained_share(lab: Lab, network: PrecodingNetwork, size: tuple[int, int], tests: int) -> float:
    """Share of WMMSE before any training, with the unit of the channels known."""
    antennas, users = size
    instances = Downlinks.tests(users, antennas, SNR_DB, tests)
    module = network.build(PrecodingFit(antennas, users, SNR_DB, samples=1, epochs=1, seed=lab.seed))
    return float(instances.network(module).mean()) / references(lab, users, antennas, SNR_DB, tests).wmmse


def _run(lab: Lab) -> Findings:
    sizes, samples, tests = (SIZES[:1], (10,), 8) if lab.quick else (SIZES, SAMPLES, TESTS)
    rows = []
    shares: dict[str, list[float]] = {}
    for size in sizes:
        for network, rate in RATES:
            before = untrained_share(lab, network, size, tests)
            found = []
            for count in samples:
                steps = 4 if lab.quick else STEPS[size]
                # An epoch is one pass; a set smaller than a batch is a batch.
                epochs = max(1, round(steps / np.ceil(count / BATCH)))
                fit = PrecodingFit(*size, SNR_DB, count, epochs, lab.seed, BATCH, rate)
                found.append(training_until(lab, network, fit, tests))
                if found[-1]["seconds"] is not None:
                    break
            shares[f"{network.label}, {size}"] = [each["best"] for each in found]
            seconds = found[-1]["seconds"]
            needed = f"{samples[len(found) - 1]:,}" if seconds is not None else f"more than {samples[-1]:,}"
            told = f"{seconds:.1f}" if seconds is not None else f"not reached, {100 * found[-1]['best']:.1f} %"
            rows.append(
                (
                    network.label,
                    str(size),
                    f"{100 * before:.1f}",
                    needed,
                    told,
                    *PAPER.get(network.label, {}).get(size, ("", "")),
                )
            )
    return Findings(
        tables=(
            Table(
                f"What it takes to reach {100 * LEVEL:g} % of {DENOMINATOR}, {SNR_DB:g} dB",
                (
                    "network",
                    "(N, K)",
                    "before training, %",
                    "fewest samples",
                    "CPU seconds of training with them",
                    "paper: samples",
                    "paper: time",
                ),
                tuple(rows),
            ),
        ),
        remarks=(
            f"Sample counts tried: {', '.join(f'{count:,}' for count in samples)}, in this order until one reaches the "
            f"level on {TESTS} test instances, looked at after every pass over the samples, within "
            + " or ".join(f"{steps} gradient steps of up to {BATCH} samples at {size}" for size, steps in STEPS.items())
            + ".",
            "A rotation of the antennas and phases of the users, drawn anew for every batch, let a sample teach more "
            "than once, and Model-GNN and deep unfolding begin as Newton-Schulz iterations: both are "
            "near or past the level before any training, and so is BNN, which begins as RZF. What training alone takes "
            "shows Model-GNN from random weights.",
            "The paper's times are of a 14-core CPU or a GPU, as marked; ours of one core.",
            "Vanilla-GNN with the narrower widths of se-table; up to the samples that fit here it does not come near "
            "the level, and the paper's 40,000 or more are not repeated.",
        ),
        draw=lambda axes: _draw(axes, shares, samples),
    )


def _draw(axes: Axes, shares: dict[str, list[float]], samples: tuple[int, ...]) -> None:
    for name, values in shares.items():
        style = "-" if str(SIZES[0]) in name else "--"
        axes.plot(samples[: len(values)], [100 * v for v in values], style, marker="o", label=name)
    axes.axhline(100 * LEVEL, color="black", linewidth=0.6, linestyle=":")
    axes.set_xscale("log")
    axes.set_xlabel("training samples; a curve ends where the level is reached")
    axes.set_ylabel("best mean sum rate over WMMSE in per cent")
    axes.set_ylim(0, 104)
    axes.legend(fontsize="small", loc="lower left", ncols=2)


SE_COMPLEXITY = Study(
    name="se-complexity",
    title=f"Samples to {100 * LEVEL:g} % of WMMSE, {SNR_DB:g} dB",
    source="paper 004, table III",
    run=_run,
)
