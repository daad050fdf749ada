"""Writes a trained run into the zoo: the exported networks and the card that describes them."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from airgraph_models.problems import FAMILIES, Beamforming, PowerControl
from airgraph_models.problems.row_table import build_row_table
from airgraph_models.zoo.card import CARD_FILE, SCHEMA_VERSION, parse_card, sha256
from airgraph_training.channels import PUBLISHED_FIELD, drop_pairs, rayleigh
from airgraph_training.data import SampleGroup
from airgraph_training.evaluation import Figure
from airgraph_training.export import check_agreement, onnx_session, run_onnx, to_onnx, to_torchscript
from airgraph_training.recipes import Recipe
from airgraph_training.run import Domain, TrainedRun

ONNX_FILE, TORCHSCRIPT_FILE = "model.onnx", "model.pt"
LIBRARIES = ("torch", "lightning", "numpy", "onnx", "onnxruntime")
GOLDEN_PAIRS, GOLDEN_SEED, GOLDEN_NOISE, GOLDEN_TOLERANCE = 6, 6, 0.1, 1e-5
NODES = (2, 2000)
"""Sizes to serve: the updates are local and shared by all nodes, so size itself is no limit (paper 001, table III);
the links of a node are, and have a range of their own."""
PAPER = {
    "authors": "Y. Shen, Y. Shi, J. Zhang, K. B. Letaief",
    "title": "Graph Neural Networks for Scalable Radio Resource Management: "
    "Architecture Design and Theoretical Analysis",
    "venue": "IEEE Journal on Selected Areas in Communications, 2021",
    "equation": "(11)",
}


def write_model(run: TrainedRun, zoo: Path, figures: Sequence[Figure]) -> Path:
    """Exports a run to ``zoo/<problem>/<model>/<version>/``, whole or not at all.

    Raises:
        ExportError: Eager, ONNX and TorchScript disagree.
    """
    recipe = run.record.full_recipe()
    target = zoo / recipe.problem / recipe.model / recipe.version
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx_model, script = to_onnx(run.network), to_torchscript(run.network)
    difference = check_agreement(run.network, onnx_model, script)
    partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=target.parent))
    try:
        (partial / ONNX_FILE).write_bytes(onnx_model)
        (partial / TORCHSCRIPT_FILE).write_bytes(script)
        document = card_document(run, partial, figures, difference)
        parse_card(document)
        (partial / CARD_FILE).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        partial.chmod(0o755)
        _replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _replace(new: Path, target: Path) -> None:
    if not target.exists():
        new.rename(target)
        return
    # A folder that is not empty cannot be renamed over: the old one steps aside for the moment between.
    aside = new.with_name(f".old-{new.name}")
    target.rename(aside)
    new.rename(target)
    shutil.rmtree(aside)


def card_document(run: TrainedRun, files: Path, figures: Sequence[Figure], difference: float) -> dict[str, Any]:
    """The card of the exported files in ``files``."""
    record, recipe = run.record, run.record.full_recipe()
    network = run.network
    statistics = {
        name: [round(float(v), 7) for v in getattr(network, name)]
        for name in ("node_mean", "node_std", "link_mean", "link_std")
    }
    quick = " --quick" if record.quick else ""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": recipe.model,
        "version": recipe.version,
        "problem": recipe.problem,
        "description": recipe.description,
        "paper": PAPER,
        "antennas": max(1, recipe.antennas),
        "architecture": {
            "network": "WCGCN, max aggregation, one set of weights for all layers",
            "layout": "row_table",
            **asdict(record.architecture),
            "parameters": sum(p.numel() for p in network.parameters()),
        },
        "training": {
            "command": f"airgraph-train fit {recipe.name} --seed {record.seed} --epochs {record.epochs}{quick}",
            "seed": record.seed,
            "machine": f"CPU, {record.threads} thread(s)",
            "samples": recipe.samples,
            "distribution": [_distribution(group) for group in recipe.training],
            "loss": "mean of -log(weighted sum rate), unsupervised",
            "optimiser": f"Adam, peak learning rate {recipe.learning_rate:g}, cosine decay, averaged weights",
            "epochs": record.epochs,
            "chosen_epoch": run.epoch,
            "validation_ratio_to_wmmse": round(run.validation, 5),
            "libraries": {name: version(name) for name in LIBRARIES},
        },
        "feature_statistics": statistics,
        "quality": [figure.document() for figure in figures],
        "largest_difference_between_formats": difference,
        "domain": {"nodes": list(NODES), **_domain(record.domain, recipe)},
        "sha256": {name: sha256(files / name) for name in (ONNX_FILE, TORCHSCRIPT_FILE)},
        "golden": golden(recipe, files / ONNX_FILE),
    }


def _domain(observed: Domain, recipe: Recipe) -> dict[str, list[float]]:
    """The observed ranges; links a node up to the most that the network was measured with."""
    domain = {name: list(bounds) for name, bounds in observed.items()}
    stretched = [group.pairs - 1.0 for group in recipe.stretch]
    domain["links_per_node"][1] = max(domain["links_per_node"][1], *stretched, 0.0)
    return domain


def _distribution(group: SampleGroup) -> dict[str, Any]:
    if group.path_loss is None:
        kind = "i.i.d. Rayleigh, {:g} to {:g} dB".format(*group.snr_db)
    else:
        kind = f"{group.path_loss.name} in a square of {group.side:g} m"
        if group.reach is not None:
            kind += f", links within {group.reach:g} m"
    return {
        "name": group.name,
        "samples": group.count,
        "pairs": group.pairs,
        "channels": kind,
        "weighted_share": group.weighted,
    }


def golden(recipe: Recipe, onnx_file: Path) -> dict[str, Any]:
    """A small instance and the network's output for it, in plain lists."""
    rng = np.random.default_rng(GOLDEN_SEED)
    weights = np.round(rng.uniform(0.2, 1.0, GOLDEN_PAIRS), 3)
    given: dict[str, Any] = {"weights": weights.tolist(), "noise_power": GOLDEN_NOISE, "max_power": 1.0}
    instance: PowerControl | Beamforming
    if recipe.antennas == 0:
        gain = np.round(np.abs(rayleigh(rng, GOLDEN_PAIRS, GOLDEN_PAIRS)) ** 2, 4)
        given["gain"] = gain.tolist()
        instance = PowerControl.create(gain, weights=weights, noise_power=GOLDEN_NOISE)
    else:
        drop = drop_pairs(rng, GOLDEN_PAIRS, 350.0, PUBLISHED_FIELD, recipe.antennas)
        channel = np.round(drop.channel * np.sqrt(GOLDEN_NOISE), 4)
        given.update(channel_real=channel.real.tolist(), channel_imag=channel.imag.tolist())
        instance = Beamforming.create(channel, weights=weights, noise_power=GOLDEN_NOISE)
    table = build_row_table([FAMILIES[recipe.problem].view(instance).graph])
    output = run_onnx(onnx_session(onnx_file), table)
    return {"instance": given, "output": output.astype(float).tolist(), "tolerance": GOLDEN_TOLERANCE}
