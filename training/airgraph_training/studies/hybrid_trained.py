"""The networks of paper 000 for hybrid precoding, trained for both ends of a link and every number of chains."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from airgraph_models.gnn.hybrid_networks import HybridGNN, HybridMLP
from airgraph_training.channels.clustered import ComplexArray
from airgraph_training.studies import hybrid_systems as systems
from airgraph_training.studies.hybrid_fitting import STREAMS, TRANSMIT, HybridFit, Links, fit_hybrid
from airgraph_training.studies.lab import Lab

CHAINS = (2, 3, 4, 6, 9, 12, 18)
SAMPLES = 10_000
EPOCHS = {"GNN": 5, "MLP": 30}
RATES = {"GNN": 3e-3, "MLP": 1e-3}


class Networks:
    """One a kind, end and number of chains, trained when it is first asked for."""

    def __init__(self, lab: Lab) -> None:
        """Keeps networks and training links with the lab."""
        self._lab = lab
        self._samples = 200 if lab.quick else SAMPLES
        self._links: Links | None = None

    def _digital(self, antennas: int) -> ComplexArray:
        if self._links is None:
            self._links = Links.draw(np.random.default_rng(self._lab.seed), self._samples)
        return self._links.precoder if antennas == TRANSMIT else self._links.combiner

    def trained(self, kind: str, antennas: int, chains: int) -> nn.Module:
        """The network of a kind for so many antennas and chains."""
        epochs = 1 if self._lab.quick else EPOCHS[kind]
        fit = HybridFit(chains, self._samples, epochs, RATES[kind], self._lab.seed)
        torch.manual_seed(self._lab.seed)
        network = HybridGNN(chains) if kind == "GNN" else HybridMLP(chains, antennas // chains, STREAMS)
        name = f"hybrid-{kind.lower()}-{antennas}-{chains}"
        return self._lab.kept(
            name,
            [kind, antennas, fit.describe()],
            network,
            lambda: fit_hybrid(network, self._digital(antennas), fit),
            name,
        )

    def solve(self, kind: str, antennas: int, chains: int) -> systems.Solve:
        """Its answers."""
        return systems.by_network(self.trained(kind, antennas, chains), antennas, chains)
