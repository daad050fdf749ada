"""What a training run leaves behind: its record, and its best network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from airgraph_models.gnn.graph_network import GraphNetwork
from airgraph_training.data import Prepared
from airgraph_training.recipes import RECIPES, Recipe

RECORD = "run.json"
BEST, LAST = "best", "last"
WIDENED = 0.1
"""Each observed range of an input statistic is widened by this share on both sides."""

Domain = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class RunRecord:
    """A run in its own words.

    Attributes:
        recipe: Name of the recipe.
        quick: Whether it was shrunk for a trial.
        epochs: Epochs of the schedule.
        seed: Of the samples, the weights and the order.
        threads: Threads that torch computed with.
        domain: Range of each input statistic over the training set.
    """

    recipe: str
    quick: bool
    epochs: int
    seed: int
    threads: int
    domain: Domain

    @classmethod
    def of(cls, recipe: Recipe, seed: int, prepared: list[Prepared], threads: int) -> RunRecord:
        """The record of a run on the samples ``prepared``."""
        quick = recipe.samples != RECIPES[recipe.name].samples
        domain = training_domain(prepared)
        return cls(recipe.name, quick, recipe.epochs, seed, threads, domain)

    def full_recipe(self) -> Recipe:
        """The recipe as it was run."""
        recipe = RECIPES[self.recipe]
        return replace(recipe.quick() if self.quick else recipe, epochs=self.epochs)


@dataclass(frozen=True)
class TrainedRun:
    """A run with its best network.

    Attributes:
        record: What was run.
        network: Averaged weights of the best checkpoint by validation, in evaluation mode.
        epoch: Of that checkpoint, from one.
        validation: Mean over the validation groups of the ratio to WMMSE there.
    """

    record: RunRecord
    network: GraphNetwork
    epoch: int
    validation: float


def training_domain(prepared: list[Prepared]) -> Domain:
    """Range of each per-instance statistic over the training set, widened by `WIDENED` of itself, never below 0."""
    return dict(_ranges([statistics for part in prepared for statistics in part.statistics]))


def _ranges(observed: list[dict[str, float]]) -> Iterator[tuple[str, tuple[float, float]]]:
    for name in observed[0]:
        values = np.array([statistics[name] for statistics in observed])
        low, high = float(values.min()), float(values.max())
        margin = WIDENED * (high - low)
        yield name, (round(max(0.0, low - margin), 4), round(high + margin, 4))


def write_record(record: RunRecord, out: Path) -> None:
    """Writes ``run.json``."""
    (out / RECORD).write_text(json.dumps(asdict(record), indent=2) + "\n", encoding="utf-8")


def load_run(out: Path) -> TrainedRun:
    """The record and best network of a run.

    Raises:
        FileNotFoundError: ``out`` holds no finished epoch of a run.
    """
    document = json.loads((out / RECORD).read_text(encoding="utf-8"))
    domain = {name: (low, high) for name, (low, high) in document.pop("domain").items()}
    record = RunRecord(domain=domain, **document)
    checkpoint = torch.load(out / f"{BEST}.ckpt", map_location="cpu", weights_only=False)
    prefix = "average.module."
    weights = {k.removeprefix(prefix): v for k, v in checkpoint["state_dict"].items() if k.startswith(prefix)}
    network = record.full_recipe().architecture.build()
    network.load_state_dict(weights)
    kept = next(v for k, v in checkpoint["callbacks"].items() if k.startswith("ModelCheckpoint"))
    return TrainedRun(record, network.eval(), int(checkpoint["epoch"]) + 1, float(kept["best_model_score"]))
