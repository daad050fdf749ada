"""Hybrid precoders of the frozen channels: loss of each answer beside the stored runs, and the time of each, one core.

The loss is ||F_opt - F_RF F_BB||^2 at 144 antennas and two streams. Time is processor time of one instance through the
transport-free core, batch 1, from arrays to the rounded answer: the smallest of some rounds over the instances.
"""

from time import process_time

import numpy as np

from airgraph_models.problems import HYBRID_PRECODING, HybridPrecoding
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.types import Policy, Task
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings
from reference_instances import FOLDER

CHAINS = (2, 3, 4, 6, 9, 12, 18)
POLICIES = (Policy.LEARNED, Policy.AUTO, Policy.CLASSICAL)
ROUNDS = 200
COLUMNS = (
    "N_RF",
    "SDR-AltMin (stored)",
    "best of 30 starts (stored)",
    "network alone",
    "AUTO",
    "AUTO, worst minus SDR-AltMin",
    "classical",
    "ms: alone, AUTO, classical",
)


def rows(decider, model):
    """One row a number of chains."""
    stored = np.load(FOLDER / "hybrid.npz")
    for chains in CHAINS:
        one, best = stored[f"R{chains}_lossF"], stored[f"R{chains}_best30_lossF"]
        losses, milliseconds = {}, {}
        for policy in POLICIES:
            rounds = []
            for _ in range(ROUNDS):
                # Created anew, so that nothing is kept from the round before.
                instances = [HybridPrecoding.create(f_opt, chains=chains) for f_opt in stored["Fopt"]]
                began = process_time()
                found = [decider.decide([Task(HYBRID_PRECODING, i, policy, model)])[0] for i in instances]
                rounds.append((process_time() - began) / len(instances) * 1e3)
            losses[policy] = np.array(
                [2 * one.streams * (1 - d.objective) for one, d in zip(instances, found, strict=True)]
            )
            milliseconds[policy] = min(rounds)
        auto = losses[Policy.AUTO]
        yield (
            str(chains),
            f"{one.mean():.5f}",
            f"{best.mean():.5f}",
            f"{losses[Policy.LEARNED].mean():.5f}",
            f"{auto.mean():.5f}",
            f"{(auto - one).max():.5f}",
            f"{losses[Policy.CLASSICAL].mean():.5f}",
            ", ".join(f"{milliseconds[policy]:.3f}" for policy in POLICIES),
        )


def measure():
    """One table: title, columns, rows."""
    settings = Settings()
    registry = Registry(settings, Metrics())
    registry.load()
    decider = Decider(settings, Metrics())
    model = registry.find("hybrid_precoding", None)[0]
    title = "Hybrid precoding, 144 antennas, two streams, clustered channels: mean loss, and processor time"
    return [(title, COLUMNS, list(rows(decider, model)))]
