"""The papers' power-control networks, at the sizes that the papers print."""

from __future__ import annotations

from dataclasses import asdict

from airgraph_models.gnn.ecgnn import ECGNN, ECGNNArchitecture
from airgraph_models.gnn.pcgnn import PCGNN, PCGNNArchitecture
from airgraph_models.gnn.power_mlp import PowerMLP, PowerMLPArchitecture
from airgraph_models.gnn.uwgnn import UWGNN, UWGNNArchitecture
from airgraph_models.gnn.uwmmse import UWMMSE, UWMMSEArchitecture
from airgraph_models.gnn.wcgcn import WCGCN, WCGCNArchitecture
from airgraph_models.gnn.wcgcn_dense import DenseWCGCN
from airgraph_training.studies.dense_fitting import DenseNetwork

WCGCN_SIZES = WCGCNArchitecture(node_features=2, link_features=2, antennas=0, message=(16, 32), update=16)
"""Widths of paper 001's published code, {5, 16, 32} and {35, 16, 1}."""

NETWORKS = (
    DenseNetwork("pcgnn", "PCGNN", lambda pairs: PCGNN(), lambda pairs: asdict(PCGNNArchitecture())),
    DenseNetwork("ecgnn", "ECGNN", lambda pairs: ECGNN(), lambda pairs: asdict(ECGNNArchitecture())),
    DenseNetwork("wcgcn", "WCGCN", lambda pairs: DenseWCGCN(WCGCN(WCGCN_SIZES)), lambda pairs: asdict(WCGCN_SIZES)),
    DenseNetwork("uwgnn", "UWGNN", lambda pairs: UWGNN(), lambda pairs: asdict(UWGNNArchitecture())),
    DenseNetwork("uwmmse", "UWMMSE", lambda pairs: UWMMSE(), lambda pairs: asdict(UWMMSEArchitecture())),
    DenseNetwork(
        "mlp",
        "MLP",
        lambda pairs: PowerMLP(PowerMLPArchitecture(pairs)),
        lambda pairs: asdict(PowerMLPArchitecture(pairs)),
    ),
)
