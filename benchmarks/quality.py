"""Objective of each answer over the stored WMMSE of the same instance, and the time of each, one thread.

The instances are the frozen ones of tests/data/reference; the network is the shipped one, the same for all
sizes. Time is that of one instance through the transport-free core, batch 1, from arrays to the rounded answer.
"""

from time import perf_counter

import numpy as np

from airgraph_models.problems import BEAMFORMING, POWER_CONTROL
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.types import Policy, Task
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings
from reference_instances import BEAMFORMING_SIZES, POWER_CONTROL_SIZES, beamforming, power_control

POLICIES = (Policy.LEARNED, Policy.AUTO, Policy.CLASSICAL)
ROUNDS = 5
COLUMNS = (
    "K",
    "network alone",
    "AUTO",
    "AUTO, worst over closed form",
    "classical",
    "best known",
    "ms: alone, AUTO, classical",
)


def rows(family, sizes, load, decider, model):
    """One row a size."""
    for size in sizes:
        instances, stored, best = load(size)
        ratios, milliseconds = {}, {}
        for policy in POLICIES:
            objectives, seconds = [], []
            for instance in instances:
                task = Task(family, instance, policy, model)
                for _ in range(ROUNDS):
                    began = perf_counter()
                    decision = decider.decide([task])[0]
                    seconds.append(perf_counter() - began)
                objectives.append(decision.objective)
                if policy is Policy.AUTO:
                    ratios.setdefault("guard", []).append(decision.objective / decision.baseline_objective)
            ratios[policy] = np.mean(np.array(objectives) / stored)
            milliseconds[policy] = np.median(seconds) * 1e3
        yield (
            str(size),
            f"{ratios[Policy.LEARNED]:.4f}",
            f"{ratios[Policy.AUTO]:.4f}",
            f"{min(ratios['guard']):.2f}",
            f"{ratios[Policy.CLASSICAL]:.4f}",
            f"{np.mean(best / stored):.4f}",
            ", ".join(f"{milliseconds[policy]:.2f}" for policy in POLICIES),
        )


def measure():
    """Two tables: title, columns, rows."""
    settings = Settings()
    registry = Registry(settings, Metrics())
    registry.load()
    decider = Decider(settings, Metrics())
    powers = registry.find("power_control", None)[0]
    beams = registry.find("beamforming", None)[0]
    return [
        (
            "Power control, i.i.d. Rayleigh, 10 dB: mean ratio to WMMSE of 100 iterations from full power (stored)",
            COLUMNS,
            list(rows(POWER_CONTROL, POWER_CONTROL_SIZES, power_control, decider, powers)),
        ),
        (
            "Beamforming, two antennas, path-loss fields: mean ratio to WMMSE stopped at 1e-3 bit (stored)",
            COLUMNS,
            list(rows(BEAMFORMING, BEAMFORMING_SIZES, beamforming, decider, beams)),
        ),
    ]
