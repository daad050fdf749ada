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

from airgraph_models.problems import FAMILIES, Beamforming, CellFree, HybridPrecoding, PowerControl, Precoding
from airgraph_models.problems.layouts import LAYOUTS
from airgraph_models.zoo.card import ANY_NUMBER, CARD_FILE, SCHEMA_VERSION, parse_card, sha256
from airgraph_training.channels import PUBLISHED_FIELD, drop_pairs, rayleigh
from airgraph_training.channels.cell_free import PILOT_LENGTH
from airgraph_training.data import RECEIVE, SampleGroup
from airgraph_training.evaluation import Figure
from airgraph_training.export import (
    ONNX_FILE,
    TORCHSCRIPT_FILE,
    check_agreement,
    onnx_session,
    run_onnx,
    to_onnx,
    to_torchscript,
)
from airgraph_training.recipes import Recipe
from airgraph_training.run import Domain, TrainedRun

LIBRARIES = ("torch", "lightning", "numpy", "onnx", "onnxruntime")
GOLDEN_PAIRS, GOLDEN_SEED, GOLDEN_NOISE, GOLDEN_TOLERANCE = 6, 6, 0.1, 1e-5
NODES = {
    "power_control": (2, 2000),
    "beamforming": (2, 2000),
    "precoding": (1, 64),
    "cell_free": (1, 64),
    "hybrid_precoding": (1, 1024),
}
"""Sizes to serve: the updates are local and shared by all nodes, so size itself is no limit (paper 001, table III);
the links of a node are, and have a range of their own. In precoding all users are linked: twice those of the training
set at most."""
LOSSES = {
    "cell_free": "mean of -log(smooth lower envelope of the smallest rate), unsupervised",
    "hybrid_precoding": "mean of -log(alignment of the hybrid precoder with the digital one), unsupervised",
}
ANY_ANTENNAS = (Precoding.problem, HybridPrecoding.problem)
GOLDEN_ANTENNAS = 8
GOLDEN_STREAMS = 2
GOLDEN_ACCESS_POINTS = 10


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
    quick = " --quick" if record.quick else ""
    return {
        "schema_version": SCHEMA_VERSION,
        "name": recipe.model,
        "version": recipe.version,
        "problem": recipe.problem,
        "default": recipe.default,
        "description": recipe.description,
        "paper": dict(recipe.architecture.paper),
        "antennas": ANY_NUMBER if recipe.problem in ANY_ANTENNAS else max(1, recipe.antennas),
        "architecture": {
            "network": recipe.architecture.title,
            "layout": recipe.architecture.layout,
            **asdict(recipe.architecture),
            "parameters": sum(p.numel() for p in network.parameters()),
        },
        "training": {
            "command": f"airgraph-train fit {recipe.name} --seed {record.seed} --epochs {record.epochs}{quick}",
            **({"goes_on_from": recipe.goes_on_from} if recipe.goes_on_from else {}),
            "seed": record.seed,
            "machine": f"CPU, {record.threads} thread(s)",
            "samples": recipe.samples,
            "samples_drawn": "anew for every epoch" if recipe.fresh else "once",
            "distribution": [_distribution(group) for group in recipe.training],
            "loss": LOSSES.get(recipe.problem, "mean of -log(weighted sum rate), unsupervised"),
            "optimiser": f"Adam, peak learning rate {recipe.learning_rate:g}, cosine decay, averaged weights",
            "epochs": record.epochs,
            "chosen_epoch": run.epoch,
            "validation_ratio_to_wmmse": round(run.validation, 5),
            "libraries": {name: version(name) for name in LIBRARIES},
        },
        **({"feature_statistics": statistics} if (statistics := network.feature_statistics()) else {}),
        "quality": [figure.document() for figure in figures],
        "largest_difference_between_formats": difference,
        "domain": {
            "nodes": list(NODES[recipe.problem]),
            **_domain(record.domain, recipe),
        },
        "sha256": {name: sha256(files / name) for name in (ONNX_FILE, TORCHSCRIPT_FILE)},
        "golden": golden(recipe, files / ONNX_FILE),
    }


def _domain(observed: Domain, recipe: Recipe) -> dict[str, list[float]]:
    """The observed ranges; links a node up to the most that the network was measured with."""
    domain = {name: list(bounds) for name, bounds in observed.items()}
    if "links_per_node" not in domain:
        return domain
    stretched = [group.pairs - 1.0 for group in recipe.stretch]
    domain["links_per_node"][1] = max(domain["links_per_node"][1], *stretched, 0.0)
    return domain


def _distribution(group: SampleGroup) -> dict[str, Any]:
    return {
        "name": group.name,
        "samples": group.count,
        "pairs": group.pairs,
        **({"access_points": group.access_points} if group.access_points else {}),
        **({"antennas": group.antennas} if group.antennas else {}),
        **({"streams": group.streams} if group.streams else {}),
        "channels": _channels(group),
        "weighted_share": group.weighted,
    }


def _channels(group: SampleGroup) -> str:
    if group.streams:
        kind = "i.i.d. Rayleigh" if group.rich else "clustered, 5 clusters of 10 paths, planar arrays"
        return f"{kind}, {RECEIVE} receive antennas; `pairs` are radio-frequency chains"
    if group.antennas:
        return _downlink(group)
    if group.access_points:
        return "cell-free, three-slope path loss in a square of 0.5 km, power changed by {:g} to {:g} dB".format(
            *group.power_db
        )
    return _fading(group) if group.path_loss is None else _drop(group)


def _downlink(group: SampleGroup) -> str:
    level = "{:g} to {:g} dB".format(*group.snr_db)
    if group.drops is not None:
        kept = "{:g} to {:g}".format(*group.spread_db)
        return f"3GPP UMi, {group.drops}, {level}, {kept}% of the users' spread in dB"
    apart = ", users within {:g} to {:g} dB".format(*group.spread_db) if group.spread_db[1] else ""
    return f"i.i.d. Rayleigh, {level}{apart}"


def _fading(group: SampleGroup) -> str:
    kind = "i.i.d. Rayleigh, {:g} to {:g} dB".format(*group.snr_db)
    if group.rice_db is not None:
        kind = "Rician, factor {:g} to {:g} dB, at {:g} to {:g} dB".format(*group.rice_db, *group.snr_db)
    if group.present != (1.0, 1.0):
        kind += ", {:g} to {:g} of the interfering links".format(*group.present)
    return kind


def _drop(group: SampleGroup) -> str:
    assert group.path_loss is not None
    kind = f"{group.path_loss.name} in a square of {group.side:g} m"
    if group.density != (1.0, 1.0):
        kind += ", {:g} to {:g} times as dense".format(*group.density)
    if group.power_db != (0.0, 0.0):
        kind += ", power changed by {:g} to {:g} dB".format(*group.power_db)
    if group.reach is not None:
        kind += f", links within {group.reach:g} m"
    return kind


def golden(recipe: Recipe, onnx_file: Path) -> dict[str, Any]:
    """A small instance and the network's output for it, in plain lists."""
    rng = np.random.default_rng(GOLDEN_SEED)
    weights = np.round(rng.uniform(0.2, 1.0, GOLDEN_PAIRS), 3)
    if recipe.problem == CellFree.problem:
        return _golden_cell_free(recipe, rng, onnx_file)
    if recipe.problem == HybridPrecoding.problem:
        return _golden_hybrid(recipe, rng, onnx_file)
    given: dict[str, Any] = {"weights": weights.tolist(), "noise_power": GOLDEN_NOISE, "max_power": 1.0}
    instance: PowerControl | Beamforming | Precoding
    if recipe.problem == Precoding.problem:
        channel = np.round(rayleigh(rng, GOLDEN_PAIRS, GOLDEN_ANTENNAS), 4)
        given.update(channel_real=channel.real.tolist(), channel_imag=channel.imag.tolist())
        instance = Precoding.create(channel, weights=weights, noise_power=GOLDEN_NOISE)
    elif recipe.antennas == 0:
        gain = np.round(np.abs(rayleigh(rng, GOLDEN_PAIRS, GOLDEN_PAIRS)) ** 2, 4)
        given["gain"] = gain.tolist()
        instance = PowerControl.create(gain, weights=weights, noise_power=GOLDEN_NOISE)
    else:
        drop = drop_pairs(rng, GOLDEN_PAIRS, 350.0, PUBLISHED_FIELD, recipe.antennas)
        channel = np.round(drop.channel * np.sqrt(GOLDEN_NOISE), 4)
        given.update(channel_real=channel.real.tolist(), channel_imag=channel.imag.tolist())
        instance = Beamforming.create(channel, weights=weights, noise_power=GOLDEN_NOISE)
    return _golden_document(recipe, instance, given, onnx_file)


def _golden_cell_free(recipe: Recipe, rng: np.random.Generator, onnx_file: Path) -> dict[str, Any]:
    fading = np.round(rng.uniform(0.1, 4.0, (GOLDEN_ACCESS_POINTS, GOLDEN_PAIRS)) ** 2, 4)
    instance = CellFree.create(fading, snr=10.0, pilot_length=PILOT_LENGTH)
    given = {"fading": fading.tolist(), "snr": 10.0, "pilot_length": PILOT_LENGTH}
    return _golden_document(recipe, instance, given, onnx_file)


def _golden_hybrid(recipe: Recipe, rng: np.random.Generator, onnx_file: Path) -> dict[str, Any]:
    f_opt = np.round(rayleigh(rng, GOLDEN_ANTENNAS * GOLDEN_STREAMS, GOLDEN_STREAMS), 4)
    instance = HybridPrecoding.create(f_opt, chains=GOLDEN_STREAMS)
    given = {"f_opt_real": f_opt.real.tolist(), "f_opt_imag": f_opt.imag.tolist(), "rf_chains": GOLDEN_STREAMS}
    return _golden_document(recipe, instance, given, onnx_file)


def _golden_document(recipe: Recipe, instance: Any, given: dict[str, Any], onnx_file: Path) -> dict[str, Any]:
    layout = recipe.architecture.layout
    joined = LAYOUTS[layout]([FAMILIES[recipe.problem].view(instance, layout).graph])
    output = run_onnx(onnx_session(onnx_file), joined)
    return {"instance": given, "output": output.astype(float).tolist(), "tolerance": GOLDEN_TOLERANCE}
