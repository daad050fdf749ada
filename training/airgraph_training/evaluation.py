"""Quality of an exported network, through ONNX Runtime, beside WMMSE and the closed form; denominators named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from airgraph_models.problems import FAMILIES, Beamforming, PowerControl
from airgraph_models.problems.links import Links
from airgraph_models.problems.row_table import build_row_table
from airgraph_training.data import Instance, SampleGroup, prepare
from airgraph_training.export import onnx_session, run_onnx, to_onnx
from airgraph_training.loading import WMMSE_ITERATIONS, wmmse_objectives
from airgraph_training.run import TrainedRun

TEST_SEED = 2_000_003
"""Seed of the held-out samples, apart from every training and validation seed."""
REFERENCE_FILES = {"power_control": "d2d_gaussian.npz", "beamforming": "miso_interference.npz"}
REACH = 500.0


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


def network_objectives(
    session: ort.InferenceSession, problem: str, seen: list[Instance], whole: list[Instance]
) -> np.ndarray:
    """Objective of the network's projected answer on each instance.

    Args:
        session: The exported network.
        problem: Problem family.
        seen: Instances as the network sees them.
        whole: The same with every link, by which the answer is judged.
    """
    family = FAMILIES[problem]
    objectives = []
    for visible, complete in zip(seen, whole, strict=True):
        view = family.view(visible)
        allocation = family.project(complete, view.read(run_onnx(session, build_row_table([view.graph]))))
        objectives.append(family.objective(complete, allocation))
    return np.array(objectives)


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


def reference_figures(session: ort.InferenceSession, problem: str, directory: Path) -> Iterator[Figure]:
    """Figures on the frozen reference instances in ``directory``."""
    stored = np.load(directory / REFERENCE_FILES[problem])
    if problem == "power_control":
        for pairs in (5, 10, 20, 30, 50):
            gain = np.abs(stored[f"K{pairs}_H"].astype(np.complex128)) ** 2
            noise = float(stored["sigma2"]) if "sigma2" in stored else 0.1
            instances: list[Instance] = [PowerControl.create(g, noise_power=noise) for g in gain]
            objectives = network_objectives(session, problem, instances, instances)
            name = f"d2d_gaussian.npz, K = {pairs}: i.i.d. Rayleigh, 10 dB"
            denominator = "WMMSE, 100 iterations from full power (stored)"
            yield _figure(problem, name, objectives, instances, denominator, stored[f"K{pairs}_wmmse_rate"])
        return
    for pairs in (10, 50):
        channels = stored[f"K{pairs}_H"].astype(np.complex128)
        whole: list[Instance] = [Beamforming.create(channel) for channel in channels]
        near: list[Instance] = [
            _within_reach(channel, distance)
            for channel, distance in zip(channels, stored[f"K{pairs}_dist"], strict=True)
        ]
        for seen, text in ((whole, "all links"), (near, "the network sees links within 500 m")):
            objectives = network_objectives(session, problem, seen, whole)
            name = f"miso_interference.npz, K = {pairs}: {text}"
            yield _figure(problem, name, objectives, whole, "WMMSE (stored)", stored[f"K{pairs}_wmmse_rate"])


def _within_reach(channel: np.ndarray, distance: np.ndarray) -> Beamforming:
    near = distance <= REACH
    receiver, transmitter = np.nonzero(near)
    pairs = channel.shape[0]
    return Beamforming.create(channel[near], links=Links.create(receiver, transmitter, pairs, pairs))


def held_out_figures(
    session: ort.InferenceSession, problem: str, antennas: int, groups: tuple[SampleGroup, ...]
) -> Iterator[Figure]:
    """Figures on samples of the groups' kinds, drawn by `TEST_SEED`; groups of limited reach are left out."""
    complete = [group for group in groups if group.reach is None]
    streams = np.random.default_rng(TEST_SEED).spawn(len(complete))
    for group, rng in zip(complete, streams, strict=True):
        drawn = prepare(group, antennas, rng)
        objectives = network_objectives(session, problem, drawn.instances, drawn.instances)
        denominator = f"WMMSE, {WMMSE_ITERATIONS} iterations from one start"
        reference = wmmse_objectives(problem, drawn)
        yield _figure(problem, f"held out: {group.name}", objectives, drawn.instances, denominator, reference)


def figures(run: TrainedRun, reference: Path | None) -> list[Figure]:
    """Every figure of a run for its card: held-out samples and, where there is a folder of them, the reference."""
    recipe = run.record.full_recipe()
    session = onnx_session(to_onnx(run.network))
    groups = (*recipe.validation, *recipe.stretch)
    measured = list(held_out_figures(session, recipe.problem, recipe.antennas, groups))
    if reference is not None:
        measured += reference_figures(session, recipe.problem, reference)
    return measured
