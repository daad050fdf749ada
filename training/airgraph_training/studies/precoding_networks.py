"""Paper 004's precoding networks, at the sizes that it prints."""

from __future__ import annotations

from dataclasses import asdict

from airgraph_models.gnn.model_gnn import ModelGNN, ModelGNNArchitecture
from airgraph_models.gnn.structured_gnn import StructuredGNN, StructuredGNNArchitecture
from airgraph_models.gnn.unfolded_precoding import UnfoldedPrecoding, UnfoldedPrecodingArchitecture
from airgraph_models.gnn.vanilla_gnn import VanillaGNN, VanillaGNNArchitecture
from airgraph_models.gnn.vanilla_gnn_fc import VanillaGNNFC, VanillaGNNFCArchitecture
from airgraph_training.studies.precoding_fitting import PrecodingNetwork

NARROW, NARROWEST = (32, 64, 64, 32), (16, 32, 32, 16)
"""Widths of Vanilla-GNN for N = 8, K = 4 and for more, in place of the paper's (64, 512, 512, 64)."""


def vanilla(pooling: str, widths: tuple[int, ...] = NARROW, *, relu: bool = True) -> PrecodingNetwork:
    """A Vanilla-GNN; the narrow one by default."""
    sizes = VanillaGNNArchitecture(widths, pooling, relu)
    name = f"Vanilla-GNN, {pooling}{'' if relu else ', no ReLU'}"
    return PrecodingNetwork("vanilla-gnn", name, lambda: VanillaGNN(sizes), asdict(sizes))


WIDTHS = {"widths": ModelGNNArchitecture().widths}
MODEL_GNN = PrecodingNetwork("model-gnn", "Model-GNN", ModelGNN, WIDTHS)
MODEL_GNN_RANDOM = PrecodingNetwork(
    "model-gnn-random",
    "Model-GNN, random start",
    lambda: ModelGNN(ModelGNNArchitecture(newton_schulz=False)),
    WIDTHS,
)
VANILLA_GNN, VANILLA_GNN_SUM, VANILLA_GNN_MAX = (vanilla(pooling) for pooling in ("mean", "sum", "max"))


def vanilla_fc(width: int = 32, messages: int = 64, hidden: int = 64) -> PrecodingNetwork:
    """A Vanilla-GNN-FC."""
    sizes = VanillaGNNFCArchitecture(width, messages, hidden)
    return PrecodingNetwork("vanilla-gnn-fc", "Vanilla-GNN-FC", lambda: VanillaGNNFC(sizes), asdict(sizes))


VANILLA_GNN_FC, VANILLA_GNN_FC_LARGE = vanilla_fc(), vanilla_fc(16, 16, 16)
BNN = PrecodingNetwork("bnn", "BNN", StructuredGNN, asdict(StructuredGNNArchitecture()))
UNFOLDED = PrecodingNetwork("unfolding", "deep unfolding", UnfoldedPrecoding, asdict(UnfoldedPrecodingArchitecture()))
