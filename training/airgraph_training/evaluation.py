"""Quality of an exported network, through ONNX Runtime, beside WMMSE and the closed form; denominators named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from airgraph_models.problems import FAMILIES, Beamforming, CellFree, HybridPrecoding, PowerControl, Precoding
from airgraph_models.problems.layouts import LAYOUTS
from airgraph_models.problems.links import Links
from airgraph_models.zoo.card import read_card
from airgraph_training.data import Instance, SampleGroup, prepare
from airgraph_training.export import ONNX_FILE, onnx_session, run_onnx, to_onnx
from airgraph_training.loading import WMMSE_ITERATIONS, wmmse_objectives
from airgraph_training.run import TrainedRun

TEST_SEED = 2_000_003
"""Seed of the held-out samples, apart from every training and validation seed."""
REFERENCE_FILES = {
    "power_control": "d2d_gaussian.npz",
    "beamforming": "miso_interference.npz",
    "precoding": "mu_miso.npz",
    "cell_free": "cell_free.npz",
    "hybrid_precoding": "hybrid.npz",
}
REACH = 500.0
CLASSICAL_NAMES = {
    "cell_free": "normalised fixed point",
    "hybrid_precoding": "alternation, combinations of columns beside the start",
}
"""What `airgraph_training.loading.wmmse_objectives` runs, where it is not WMMSE."""


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        instances: What was solved.
        count: How many instances.
        denominator: What the objective is divided by.
        mean_of_ratios: Mean over the instances of objective over denominator.
        ratio_of_means: Mean objective over mean denominator.
        baseline_ratio: Ratio of means of the closed-form baseline, over the same denominator.
    """

    instances: str
    count: int
    denominator: str
    mean_of_ratios: float
    ratio_of_means: float
    baseline_ratio: float

    def document(self) -> dict[str, Any]:
        """For the model card."""
        return {k: round(v, 5) if isinstance(v, float) else v for k, v in asdict(self).items()}


@dataclass(frozen=True)
class Exported:
    """An exported network, ready to answer on the CPU.

    Attributes:
        session: Runs it.
        layout: Which inputs it reads.
        problem: Problem family.
    """

    session: ort.InferenceSession
    layout: str
    problem: str

    @classmethod
    def of_zoo(cls, directory: Path) -> Exported:
        """The network of a zoo directory, checked against its card."""
        card = read_card(directory)
        card.verify(directory, ONNX_FILE)
        return cls(onnx_session(directory / ONNX_FILE), card.layout, card.problem)

    def answers(self, seen: Sequence[Any]) -> list[npt.NDArray[Any]]:
        """Its answer to each instance, not projected; all in one run."""
        views = [FAMILIES[self.problem].view(instance, self.layout) for instance in seen]
        joined = LAYOUTS[self.layout]([view.graph for view in views])
        rows = np.split(run_onnx(self.session, joined), np.cumsum(joined.sizes)[:-1])
        return [view.read(row) for view, row in zip(views, rows, strict=True)]

    def objectives(self, seen: Sequence[Any], whole: Sequence[Any]) -> np.ndarray:
        """Objective of its projected answer on each instance, one at a time.

        Args:
            seen: Instances as the network sees them.
            whole: The same with every link, by which the answer is judged.
        """
        family = FAMILIES[self.problem]
        return np.array(
            [
                family.objective(complete, family.project(complete, self.answers([visible])[0]))
                for visible, complete in zip(seen, whole, strict=True)
            ]
        )


def _figure(
    problem: str, name: str, objectives: np.ndarray, whole: list[Instance], denominator: str, reference: np.ndarray
) -> Figure:
    family = FAMILIES[problem]
    baseline = np.array([family.objective(instance, family.baseline(instance)) for instance in whole])
    return Figure(
        instances=name,
        count=len(whole),
        denominator=denominator,
        mean_of_ratios=float((objectives / reference).mean()),
        ratio_of_means=float(objectives.mean() / reference.mean()),
        baseline_ratio=float(baseline.mean() / reference.mean()),
    )


def reference_figures(network: Exported, directory: Path) -> Iterator[Figure]:
    """Figures on the frozen reference instances in ``directory``."""
    problem = network.problem
    stored = np.load(directory / REFERENCE_FILES[problem])
    if problem == "power_control":
        for pairs in (5, 10, 20, 30, 50):
            gain = np.abs(stored[f"K{pairs}_H"].astype(np.complex128)) ** 2
            noise = float(stored["sigma2"]) if "sigma2" in stored else 0.1
            instances: list[Instance] = [PowerControl.create(g, noise_power=noise) for g in gain]
            objectives = network.objectives(instances, instances)
            name = f"d2d_gaussian.npz, K = {pairs}: i.i.d. Rayleigh, 10 dB"
            denominator = "WMMSE, 100 iterations from full power (stored)"
            yield _figure(problem, name, objectives, instances, denominator, stored[f"K{pairs}_wmmse_rate"])
        return
    if problem == "precoding":
        yield from _downlink_figures(network, stored)
        return
    if problem == "cell_free":
        yield from _cell_free_figures(network, stored)
        return
    if problem == "hybrid_precoding":
        yield from _hybrid_figures(network, stored)
        return
    for pairs in (10, 50):
        channels = stored[f"K{pairs}_H"].astype(np.complex128)
        whole: list[Instance] = [Beamforming.create(channel) for channel in channels]
        near: list[Instance] = [
            _within_reach(channel, distance)
            for channel, distance in zip(channels, stored[f"K{pairs}_dist"], strict=True)
        ]
        for seen, text in ((whole, "all links"), (near, "the network sees links within 500 m")):
            objectives = network.objectives(seen, whole)
            name = f"miso_interference.npz, K = {pairs}: {text}"
            yield _figure(problem, name, objectives, whole, "WMMSE (stored)", stored[f"K{pairs}_wmmse_rate"])


def _downlink_figures(network: Exported, stored: Mapping[str, np.ndarray]) -> Iterator[Figure]:
    for antennas, users in ((8, 4), (32, 16), (64, 16), (64, 32)):
        channels = stored[f"N{antennas}K{users}_channel"].astype(np.complex128)
        for level in (0, 10, 20):
            whole: list[Instance] = [Precoding.create(h, noise_power=10 ** (-level / 10)) for h in channels]
            name = f"mu_miso.npz, N = {antennas}, K = {users}, {level} dB: i.i.d. Rayleigh"
            best = stored[f"N{antennas}K{users}_S{level}_best_rate"]
            objectives = network.objectives(whole, whole)
            yield _figure(network.problem, name, objectives, whole, "best of many WMMSE starts (stored)", best)


def _cell_free_figures(network: Exported, stored: Mapping[str, np.ndarray]) -> Iterator[Figure]:
    snr, length = float(stored["snr"]), int(stored["pilot_length"])
    for users in (6, 8, 10):
        drops = stored[f"K{users}_fading"]
        whole: list[Instance] = [CellFree.create(fading, snr=snr, pilot_length=length) for fading in drops]
        objectives = network.objectives(whole, whole)
        name = f"cell_free.npz, M = 30, K = {users}: orthogonal pilots"
        yield _figure(network.problem, name, objectives, whole, "the optimum (stored)", stored[f"K{users}_opt_rate"])


def _hybrid_figures(network: Exported, stored: Mapping[str, np.ndarray]) -> Iterator[Figure]:
    for chains in (2, 3, 4, 6, 9, 12, 18):
        whole: list[Instance] = [HybridPrecoding.create(f_opt, chains=chains) for f_opt in stored["Fopt"]]
        best = 1.0 - stored[f"R{chains}_best30_lossF"] / (2 * float(stored["Ns"]))
        objectives = network.objectives(whole, whole)
        name = f"hybrid.npz, {chains} chains: alignment, clustered channels"
        yield _figure(network.problem, name, objectives, whole, "best of 30 SDR-AltMin starts (stored)", best)


def _within_reach(channel: np.ndarray, distance: np.ndarray) -> Beamforming:
    near = distance <= REACH
    receiver, transmitter = np.nonzero(near)
    pairs = channel.shape[0]
    return Beamforming.create(channel[near], links=Links.create(receiver, transmitter, pairs, pairs))


def held_out_figures(network: Exported, antennas: int, groups: tuple[SampleGroup, ...]) -> Iterator[Figure]:
    """Figures on samples of the groups' kinds, drawn by `TEST_SEED`; groups of limited reach are left out."""
    problem = network.problem
    complete = [group for group in groups if group.reach is None]
    streams = np.random.default_rng(TEST_SEED).spawn(len(complete))
    for group, rng in zip(complete, streams, strict=True):
        drawn = prepare(group, antennas, rng)
        objectives = network.objectives(drawn.instances, drawn.instances)
        solver = CLASSICAL_NAMES.get(problem, "WMMSE")
        denominator = f"{solver}, {WMMSE_ITERATIONS} iterations from one start"
        reference = wmmse_objectives(problem, drawn)
        yield _figure(problem, f"held out: {group.name}", objectives, drawn.instances, denominator, reference)


def figures(run: TrainedRun, reference: Path | None) -> list[Figure]:
    """Every figure of a run for its card: held-out samples and, where there is a folder of them, the reference."""
    recipe = run.record.full_recipe()
    network = Exported(onnx_session(to_onnx(run.network)), recipe.architecture.layout, recipe.problem)
    groups = (*recipe.validation, *recipe.stretch)
    measured = list(held_out_figures(network, recipe.antennas, groups))
    if reference is not None:
        measured += reference_figures(network, reference)
    return measured
