"""Energy efficiency with more users than in training: the factor of the number of users."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from airgraph_training.studies.efficiency_fitting import MOST_VIEWS, EfficiencyFit, efficiency_networks
from airgraph_training.studies.efficiency_sets import NUMERICAL, UNIT_DB, Efficiency, reference
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_fitting import PrecodingFit
from airgraph_training.studies.precoding_networks import VANILLA_GNN
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ANTENNAS, MEAN_USERS, MINIMUM_RATE = 32, 4, 2.0
SAMPLES, BATCH, TESTS = 2_000, 25, 40
USERS = (2, 4, 6, 8, 10, 15, 20, 25, 30)
PLANS = ((25, 5e-3), (3, 3e-3), (3, 5e-3))
"""Epochs and peak learning rate of Model-GNN, Vanilla-GNN and BNN."""
EER, CSR = "EER", "CSR"

Curves = dict[str, list[float]]


def _run(lab: Lab) -> Findings:
    users, tests = (USERS[:2], 4) if lab.quick else (USERS, TESTS)
    modules = {}
    for network, (epochs, rate) in zip(efficiency_networks(VANILLA_GNN), PLANS, strict=True):
        draws = PrecodingFit(ANTENNAS, MEAN_USERS, UNIT_DB, SAMPLES, epochs, lab.seed, BATCH, rate, exponential=True)
        fit = EfficiencyFit(replace(draws, samples=10, epochs=1) if lab.quick else draws, MINIMUM_RATE)
        modules[network.label.split(",")[0]] = network.trained(lab, [fit])
    curves: dict[str, Curves] = {EER: {}, CSR: {}}
    powers: Curves = {}
    for count in users:
        instances = Efficiency.tests(count, ANTENNAS, MINIMUM_RATE, tests)
        known = reference(lab, count, ANTENNAS, MINIMUM_RATE, tests)
        powers.setdefault("EE-numerical", []).append(known.power)
        for label, module in modules.items():
            precoder = instances.network(module)
            share = float(instances.efficiency(precoder).mean()) / known.efficiency
            curves[EER].setdefault(label, []).append(100 * share)
            curves[CSR].setdefault(label, []).append(100 * instances.met(precoder))
            powers.setdefault(label, []).append(float((abs(precoder) ** 2).sum(axis=(1, 2)).mean()))
    columns = ("by", *(f"K = {count}" for count in users))
    titles = {
        EER: f"Mean energy efficiency in per cent of {NUMERICAL}",
        CSR: f"Users in per cent who get {MINIMUM_RATE:g} bit/s/Hz",
    }
    return Findings(
        tables=(
            *(Table(f"{titles[what]}, N = {ANTENNAS}", columns, _rows(by, "{:.2f}")) for what, by in curves.items()),
            Table("Mean radiated power, W", columns, _rows(powers, "{:.1f}")),
        ),
        remarks=_remarks(curves, users),
        draw=lambda axes: _draw(axes, curves, users),
    )


def _rows(curves: Curves, form: str) -> tuple[tuple[str, ...], ...]:
    return tuple((label, *(form.format(value) for value in values)) for label, values in curves.items())


def _remarks(curves: dict[str, Curves], users: tuple[int, ...]) -> tuple[str, ...]:
    model, last = curves[EER]["Model-GNN"], users[-1]
    return (
        f"Each network is trained once, with {SAMPLES:,} samples (the paper: 10,000) whose numbers of users follow an "
        f"exponential distribution of mean {MEAN_USERS}, rounded up: fewer than one in a hundred have 20 or more. "
        "Batches are of one number of users and weigh the same whatever their size, and a pass shows rare numbers of "
        f"users up to {MOST_VIEWS} times, in other rotations. A perceptron of the number of users is trained along, "
        "whose output multiplies the precoder.",
        "The paper's figure, printed without numbers, shows Model-GNN's two ratios falling slowly or not at all up to "
        f"K = 30. Here its energy efficiency is {model[0]:.1f} at K = {users[0]} and {model[-1]:.1f} at K = {last}, "
        f"and the users satisfied are {curves[CSR]['Model-GNN'][-1]:.1f} there. BNN, which inverts the Gram matrix "
        f"exactly at any size and only chooses powers, has {curves[EER]['BNN'][-1]:.1f} and "
        f"{curves[CSR]['BNN'][-1]:.1f}: what Model-GNN lacks are not powers but directions, as in the study users. As "
        "K nears N the Gram matrix nears singularity, and five layers have learned to invert those of few users.",
        "Units, budget and denominators are those of the study ee-table. The paper's ratios above 100 at few users "
        "come of a numerical solution that its own authors call suboptimal; ours is the best of several starts.",
        f"{TESTS} test instances for each number of users. Epochs: "
        + ", ".join(f"{label} {epochs}" for label, (epochs, _) in zip(curves[EER], PLANS, strict=True))
        + ".",
    )


def _draw(axes: Axes, curves: dict[str, Curves], users: tuple[int, ...]) -> None:
    for number, label in enumerate(curves[EER]):
        for what, style in ((EER, "-o"), (CSR, "--^")):
            axes.plot(users, curves[what][label], style, color=f"C{number}", markersize=4, label=f"{label}, {what}")
    axes.set_xlabel(f"users K of the test; trained with {MEAN_USERS} on average")
    axes.set_ylabel("per cent")
    axes.set_ylim(0, 104)
    axes.legend(loc="lower left", ncols=3, fontsize=8)


EE_USERS = Study(
    name="ee-users",
    title=f"Energy efficiency with more users than in training, N = {ANTENNAS}, {MINIMUM_RATE:g} bit/s/Hz",
    source="paper 004, figure 7",
    run=_run,
)
