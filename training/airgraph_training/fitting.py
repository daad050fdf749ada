"""One training run: seeds, progress bar, resume, best checkpoint by validation."""

from __future__ import annotations

from pathlib import Path

import lightning
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, TQDMProgressBar

from airgraph_training.curve import ValidationCurve
from airgraph_training.loading import RecipeData
from airgraph_training.module import GraphNetworkModule
from airgraph_training.recipes import Recipe
from airgraph_training.run import BEST, LAST, RunRecord, load_run, write_record


def fit(
    recipe: Recipe,
    seed: int,
    out: Path,
    *,
    resume: bool = False,
    progress: bool = True,
    stop_after: int | None = None,
    start: Path | None = None,
) -> None:
    """Trains a recipe; leaves checkpoints, the validation curve and the run's record in ``out``.

    Args:
        recipe: What to train.
        seed: Fixes samples, initial weights and the order of the batches.
        out: Folder of the run.
        resume: Go on from the last checkpoint in ``out``; the result is that of an unbroken run.
        progress: Whether to show a progress bar.
        start: Run of the recipe that this one goes on from; by default the folder of its name beside ``out``.
        stop_after: Break off after this many epochs; the learning-rate schedule stays that of the whole run.

    Raises:
        FileNotFoundError: ``resume`` without a checkpoint in ``out``, or no run to go on from.
    """
    checkpoint = out / f"{LAST}.ckpt"
    if resume and not checkpoint.exists():
        raise FileNotFoundError(f"nothing to resume: {checkpoint} does not exist")
    out.mkdir(parents=True, exist_ok=True)
    lightning.seed_everything(seed, verbose=False)
    data = RecipeData(recipe, seed)
    record = RunRecord.of(recipe, seed, data.prepared, torch.get_num_threads())
    write_record(record, out)
    module = GraphNetworkModule(recipe, recipe.epochs * data.steps_per_epoch)
    module.standardise(data.prepared)
    if recipe.goes_on_from is not None:
        module.go_on_from(load_run(start or out.with_name(recipe.goes_on_from)).network)
    best = ModelCheckpoint(out, BEST, monitor="ratio/mean", mode="max", save_last=True, enable_version_counter=False)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=recipe.epochs if stop_after is None else stop_after,
        gradient_clip_val=recipe.gradient_norm,
        reload_dataloaders_every_n_epochs=1,
        callbacks=[best, ValidationCurve(out), *([TQDMProgressBar()] if progress else [])],
        enable_progress_bar=progress,
        enable_model_summary=False,
        logger=False,
        num_sanity_val_steps=0,
    )
    # The checkpoint is this run's own, so unpickling it is safe.
    trainer.fit(module, datamodule=data, ckpt_path=checkpoint if resume else None, weights_only=False)
