"""WCGCN that sees the links within reach, trained on the objective of all links (paper 001, section V-B)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, NamedTuple

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.strongest import best_proportion, strongest
from airgraph_models.gnn.wcgcn import WCGCN, WCGCNArchitecture
from airgraph_models.problems.power_control_features import power_control_graph
from airgraph_models.problems.row_table import LinkGraph, build_row_table
from airgraph_training.data import Batch
from airgraph_training.losses import power_control_objective
from airgraph_training.schedule import warm_cosine
from airgraph_training.studies.dense_fitting import FINAL_SHARE, WARM_UP_STEPS, Fit
from airgraph_training.studies.fields import REACH, Field, FieldInstances
from airgraph_training.studies.lab import WMMSE_ITERATIONS, FloatArray, Lab
from airgraph_training.studies.shipped_network import shipped_network

SIZES = WCGCNArchitecture(node_features=2, link_features=2, antennas=0, message=(32, 32), update=16)
"""Widths of paper 001, section V-B: {5, 32, 32} and {35, 16, 1}."""
BATCH, LEARNING_RATE = 8, 1e-2
"""At the same number of samples seen, batches of 8 at 1e-2 end higher than batches of 32 or 64 at 3e-3."""
PROPORTIONS = tuple(np.arange(1, 51) / 50)
"""What Strongest chooses from."""
ONE = "WMMSE from full power"
LEARNED = f"WCGCN, links within {REACH:g} m"
SHIPPED = f"shipped network, links within {REACH:g} m"
LOCAL = f"WMMSE, links within {REACH:g} m"
RANDOM = "WMMSE from one random start"


class Seen(NamedTuple):
    """A training sample: the graph of the seen links, and all links for the loss."""

    graph: LinkGraph
    snr: Tensor
    weights: Tensor


class FieldSamples(Dataset[Seen]):
    """A training set."""

    def __init__(self, field: Field, fit: Fit) -> None:
        """Draws the instances that ``fit`` draws from the field's population."""
        rng = np.random.default_rng((fit.seed, fit.pairs))
        drawn = FieldInstances.draw(field, rng, fit.pairs, fit.samples)
        self.graphs = drawn.graphs()
        self._snr = torch.from_numpy(drawn.whole.snr).float()
        self._weights = torch.from_numpy(drawn.whole.weights[:, 0]).float()

    def __len__(self) -> int:
        """Samples."""
        return len(self.graphs)

    def __getitem__(self, index: int) -> Seen:
        """One sample."""
        return Seen(self.graphs[index], self._snr[index], self._weights[index])


def union(samples: list[Seen]) -> Batch:
    """The disjoint union of a batch."""
    inputs = build_row_table([sample.graph for sample in samples]).inputs().values()
    snr, weights = (torch.stack(part) for part in ([s.snr for s in samples], [s.weights for s in samples]))
    return Batch(tuple(map(torch.from_numpy, inputs)), snr, weights)


class FieldModule(lightning.LightningModule):
    """Minus the mean weighted sum rate of a batch, over K."""

    def __init__(self, network: WCGCN, fit: Fit, steps: int) -> None:
        """``steps`` is the length of the learning-rate schedule."""
        super().__init__()
        self.network = network
        self._fit = fit
        self._steps = steps

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """The loss of one batch."""
        share = self.network(*batch.inputs).reshape(*batch.weights.shape, 1)
        return -power_control_objective(share, batch.channel.unsqueeze(-1), batch.weights).mean() / self._fit.pairs

    def configure_optimizers(self) -> Any:
        """Adam, with a linear warm-up and a cosine decay over the whole run."""
        optimizer = torch.optim.Adam(self.network.parameters(), lr=self._fit.learning_rate)
        return warm_cosine(optimizer, self._steps, WARM_UP_STEPS, FINAL_SHARE)


def fit_field(network: WCGCN, field: Field, fit: Fit) -> None:
    """Trains ``network`` in place."""
    samples = FieldSamples(field, fit)
    node = np.concatenate([graph.node for graph in samples.graphs])
    link = np.concatenate([graph.link for graph in samples.graphs])
    network.standardise(torch.from_numpy(node), torch.from_numpy(link))
    order = torch.Generator().manual_seed(fit.seed)
    loader = DataLoader(samples, fit.batch, shuffle=True, generator=order, drop_last=True, collate_fn=union)
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=fit.epochs,
        gradient_clip_val=1.0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    network.train()
    trainer.fit(FieldModule(network, fit, fit.epochs * len(loader)), loader)


def field_fit(field: Field, seed: int, quick: bool) -> Fit:
    """The paper's 10,000 samples of 50 pairs."""
    if quick:
        return Fit(6, 64, 1, seed, field.population, batch=BATCH)
    return Fit(50, 10_000, 3, seed, field.population, batch=BATCH, learning_rate=LEARNING_RATE)


def field_network(lab: Lab, field: Field) -> WCGCN:
    """The network of a field, trained now or by an earlier visit."""
    fit = field_fit(field, lab.seed, lab.quick)
    torch.manual_seed(fit.seed)
    network = WCGCN(SIZES)
    settings = [asdict(SIZES), REACH, fit.describe()]
    told = f"WCGCN with local links, K = {fit.pairs}, {fit.population.name}"
    lab.kept(f"wcgcn-local-{fit.pairs}", settings, network, lambda: fit_field(network, field, fit), told)
    return network


def field_rates(lab: Lab, network: WCGCN, instances: FieldInstances, starts: int) -> dict[str, FloatArray]:
    """Weighted sum rate ``[n]`` over all links of every system; that of WMMSE from full power comes first."""
    whole, seen = instances.whole, instances.seen
    crosstalk, ones = Crosstalk.dense(whole.snr), whole.ones
    stopping = Stopping(WMMSE_ITERATIONS)
    share = best_proportion(crosstalk, whole.weights, ones, ones, PROPORTIONS)
    local = scalar_wmmse(Crosstalk.dense(seen.snr), whole.weights, ones, ones, ones, stopping).power
    learned, shipped = _network_powers(network, instances)
    return {
        ONE: lab.wmmse(whole),
        best_of_name(starts): lab.best_of(scalar_wmmse, whole, starts),
        RANDOM: lab.best_of(scalar_wmmse, whole, 1),
        LOCAL: whole.rate(local[:, 0]),
        LEARNED: whole.rate(learned),
        SHIPPED: whole.rate(shipped),
        "Strongest": whole.rate(strongest(crosstalk, ones, share)[:, 0]),
        "maximum power": whole.rate(ones[:, 0]),
    }


def ratios(rates: dict[str, FloatArray], denominator: str) -> dict[str, float]:
    """Mean weighted sum rate of every system over that of one of them."""
    return {name: float(rate.mean() / rates[denominator].mean()) for name, rate in rates.items()}


def best_of_name(starts: int) -> str:
    """Row of the best of so many starts."""
    return f"best of {starts} WMMSE"


def field_remarks(fit: Fit) -> tuple[str, ...]:
    """What the pages of these studies have in common."""
    return (
        f"WCGCN sees the links within {REACH:g} m only, in training and in tests; the objective counts all links, "
        f"and every WMMSE knows all of them but the one that is named otherwise. {fit.samples:,} samples x "
        f"{fit.epochs} epochs, weights uniform in 0..1, widths {{5, 32, 32}} and {{35, 16, 1}}, three layers.",
        "Channels follow the law of the paper's published code for fields: power falls as d^-1.88, 3.15 dB of "
        "shadowing, Rayleigh fading.",
        "WMMSE runs 100 iterations. The papers' one WMMSE starts at random; ours of the first table at full power.",
        "Strongest switches on the share of the pairs, chosen on the test instances in its favour, with the largest "
        "direct gains. The shipped network was trained on a mixture of channels with all links, weights of one mostly.",
    )


def _network_powers(network: WCGCN, instances: FieldInstances) -> tuple[FloatArray, FloatArray]:
    """Powers ``[n, K]`` of the network and of the shipped one, from the seen links."""
    learned, shipped = [], []
    for problem in instances.problems():
        table = build_row_table([power_control_graph(problem)])
        with torch.inference_mode():
            learned.append(network(*map(torch.from_numpy, table.inputs().values())).numpy()[:, 0])
        shipped.append(shipped_network().answers([problem])[0])
    return np.stack(learned).astype(float), np.stack(shipped).astype(float)
