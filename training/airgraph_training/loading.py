"""Batches in an order that depends on the seed and the epoch only, so that a resumed run repeats an unbroken one."""

from __future__ import annotations

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import FAMILIES
from airgraph_training.data import Batch, Prepared, collate, prepare
from airgraph_training.recipes import Recipe

VALIDATION_SEED = 1_000_003
"""Added to the seed of a run: validation samples never meet training samples."""
WMMSE_ITERATIONS = 100

IndexArray = np.ndarray


def draw(recipe: Recipe, seed: int | tuple[int, int]) -> list[Prepared]:
    """The training set of a seed, or of a (seed, epoch) where every epoch draws anew."""
    streams = np.random.default_rng(seed).spawn(len(recipe.training))
    layout = recipe.architecture.layout
    return [
        prepare(group, recipe.antennas, rng, layout=layout) for group, rng in zip(recipe.training, streams, strict=True)
    ]


def wmmse_objectives(problem: str, prepared: Prepared) -> np.ndarray:
    """Objective of WMMSE, 100 iterations from the family's first start, for each instance."""
    family = FAMILIES[problem]
    starts = [family.starts(instance)[:1] for instance in prepared.instances]
    refined = family.refine(prepared.instances, starts, Stopping(WMMSE_ITERATIONS))
    return np.array([solution.objective for solution in refined])


class Steps(Dataset[list[Batch]]):
    """One epoch: every sample once, in unions of one group, a few unions a step."""

    def __init__(self, recipe: Recipe, prepared: list[Prepared], seed: int, epoch: int) -> None:
        """Shuffles by (seed, epoch)."""
        rng = np.random.default_rng((seed, epoch))
        unions: list[tuple[Prepared, IndexArray]] = []
        for part in prepared:
            order = rng.permutation(len(part.graphs))
            unions += [(part, chosen) for chosen in np.array_split(order, _unions(recipe, part))]
        self._unions = [unions[i] for i in rng.permutation(len(unions))]
        self._per_step = recipe.batches_per_step

    def __len__(self) -> int:
        """Steps of the epoch."""
        return -(-len(self._unions) // self._per_step)

    def __getitem__(self, step: int) -> list[Batch]:
        """The unions of one step."""
        if step >= len(self):
            raise IndexError(step)
        first = step * self._per_step
        return [collate(part, chosen) for part, chosen in self._unions[first : first + self._per_step]]


def _unions(recipe: Recipe, part: Prepared) -> int:
    links = sum(graph.links for graph in part.graphs) / recipe.links_per_batch
    nodes = sum(graph.nodes for graph in part.graphs) / recipe.nodes_per_batch
    return max(1, min(len(part.graphs), round(max(links, nodes))))


class Validation(Dataset[tuple[str, Batch, Tensor]]):
    """The validation groups, each one union with the WMMSE objective of its instances."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        """Draws, and solves with WMMSE once."""
        streams = np.random.default_rng(VALIDATION_SEED + seed).spawn(len(recipe.validation))
        self._items = []
        for group, rng in zip(recipe.validation, streams, strict=True):
            part = prepare(group, recipe.antennas, rng, layout=recipe.architecture.layout)
            reference = torch.from_numpy(wmmse_objectives(recipe.problem, part).astype(np.float32))
            self._items.append((group.name, collate(part, np.arange(len(part.graphs))), reference))

    def __len__(self) -> int:
        """Groups."""
        return len(self._items)

    def __getitem__(self, index: int) -> tuple[str, Batch, Tensor]:
        """Name, union and reference of one group."""
        if index >= len(self):
            raise IndexError(index)
        return self._items[index]


class RecipeData(lightning.LightningDataModule):
    """Training and validation sets of a recipe and a seed."""

    def __init__(self, recipe: Recipe, seed: int) -> None:
        """Draws both."""
        super().__init__()
        self._recipe = recipe
        self._seed = seed
        self.prepared = draw(recipe, seed)
        self._validation = Validation(recipe, seed)

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of one epoch."""
        return len(Steps(self._recipe, self.prepared, self._seed, 0))

    def train_dataloader(self) -> DataLoader[list[Batch]]:
        """The current epoch's steps; the trainer asks anew for every epoch."""
        epoch = self.trainer.current_epoch if self.trainer else 0
        if self._recipe.fresh and epoch:
            self.prepared = draw(self._recipe, (self._seed, epoch))
        return DataLoader(Steps(self._recipe, self.prepared, self._seed, epoch), batch_size=None)

    def val_dataloader(self) -> DataLoader[tuple[str, Batch, Tensor]]:
        """The validation groups."""
        return DataLoader(self._validation, batch_size=None)
