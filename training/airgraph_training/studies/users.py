"""Precoding networks trained with few users and tested with many."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_fitting import PrecodingFit, PrecodingNetwork
from airgraph_training.studies.precoding_networks import BNN, MODEL_GNN, UNFOLDED, VANILLA_GNN, VANILLA_GNN_FC
from airgraph_training.studies.precoding_sets import DENOMINATOR, Downlinks, references
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ANTENNAS, MEAN_USERS, SNR_DB = 32, 4, 10.0
SAMPLES = 1_000
USERS = (2, 4, 6, 8, 10, 15, 20, 25, 30)
TESTS = 100

ENTRIES: tuple[tuple[PrecodingNetwork, int, float], ...] = (
    (MODEL_GNN, 30, 5e-3),
    (VANILLA_GNN, 10, 3e-3),
    (VANILLA_GNN_FC, 15, 3e-3),
    (BNN, 10, 3e-3),
    (UNFOLDED, 10, 1e-2),
)
"""Network, epochs and peak learning rate."""
BATCH = 25

Curves = dict[str, list[float]]


def _run(lab: Lab) -> Findings:
    users, tests = (USERS[:2], 4) if lab.quick else (USERS, TESTS)
    curves: Curves = {}
    modules = {}
    for network, epochs, rate in ENTRIES:
        fit = PrecodingFit(ANTENNAS, MEAN_USERS, SNR_DB, SAMPLES, epochs, lab.seed, BATCH, rate, exponential=True)
        modules[network.label] = network.trained(lab, replace(fit, samples=10, epochs=1) if lab.quick else fit)
    for count in users:
        instances = Downlinks.tests(count, ANTENNAS, SNR_DB, tests)
        found = references(lab, count, ANTENNAS, SNR_DB, tests)
        for name, module in modules.items():
            curves.setdefault(name, []).append(float(instances.network(module).mean()) / found.wmmse)
        for name, closed in found.closed.items():
            curves.setdefault(name, []).append(closed / found.wmmse)
    return Findings(
        tables=(
            Table(
                f"Mean sum rate in per cent of {DENOMINATOR}, N = {ANTENNAS}, {SNR_DB:g} dB, by the number of users",
                ("by", *(f"K = {count}" for count in users)),
                tuple((name, *(f"{100 * value:.2f}" for value in values)) for name, values in curves.items()),
            ),
        ),
        remarks=(
            f"Each network is trained once, with {SAMPLES:,} samples whose numbers of users follow an exponential "
            f"distribution of mean {MEAN_USERS}, rounded up: nine in ten have fewer than 10. Tested with "
            f"{TESTS} instances for each number of users; hardly any training sample has 20 or more.",
            "The paper's figure, printed without numbers, shows Model-GNN's ratio falling very slowly up to K = 30. "
            f"Here it is {100 * curves[MODEL_GNN.label][-1]:.1f} at K = {users[-1]}, where RZF, never trained, has "
            f"{100 * curves['RZF'][-1]:.1f}: as K nears N the Gram matrix nears singularity, and four layers have "
            "learned to invert the well-conditioned ones of few users.",
            "Vanilla-GNN and Vanilla-GNN-FC fall to MRT, whose curve is beside theirs. BNN, which the paper's figure "
            "leaves out, inverts the Gram matrix exactly at any size and only moves powers; so does deep unfolding, "
            "approximately.",
            "I.i.d. Rayleigh channels; batches of one number of users, seen through a random rotation of the antennas "
            "and random phases of the users. Epochs: "
            + ", ".join(f"{network.label} {epochs}" for network, epochs, _ in ENTRIES)
            + ".",
        ),
        draw=lambda axes: _draw(axes, curves, users),
    )


def _draw(axes: Axes, curves: Curves, users: tuple[int, ...]) -> None:
    for name, values in curves.items():
        style = "--" if name in ("RZF", "ZF", "MRT") else "-"
        axes.plot(users, [100 * value for value in values], style, marker="o", markersize=3, label=name)
    axes.set_xlabel(f"users K of the test; trained with {MEAN_USERS} on average")
    axes.set_ylabel("mean sum rate over WMMSE in per cent")
    axes.set_ylim(0, 104)
    axes.legend(loc="lower left", ncols=2)


USERS_STUDY = Study(
    name="users",
    title=f"More users than in training, N = {ANTENNAS}, {SNR_DB:g} dB",
    source="paper 004, figure 6",
    run=_run,
)
