"""Cell-free power control: AUTO through the transport-free core beside the bisection by itself, one core, one run.

Time is processor time of one instance, batch 1: the smallest mean of some rounds, in which the systems take turns.
AUTO's is from the checked instance to the rounded answer with its provenance, the guard's comparison and all rates;
the bisection's is that of its powers alone. Each lays out the couplings for itself.
"""

from time import process_time

import numpy as np

from airgraph_models.classical.max_min_power import bisection, spectral_optimum
from airgraph_models.problems import CELL_FREE, CellFree
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.types import Policy, Task
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings
from airgraph_training.channels.cell_free import CELL_FREE_SNR, PILOT_LENGTH, drop_cell_free

CELLS = ((30, 6), (30, 8), (30, 10), (50, 6), (50, 8), (50, 10), (100, 20))
SHARED = (50, 32)
"""More users than pilots: each has one at random."""
INSTANCES, ROUNDS, ACCURACY = 60, 25, 1e-6
COLUMNS = (
    "access points, users",
    "AUTO over the optimum, worst",
    "network alone over the optimum, mean",
    "ms: bisection to 1e-6",
    "ms: AUTO",
    "ms: network alone",
    "bisection over AUTO",
)


def drops(points, users):
    """Arguments of random networks."""
    rng = np.random.default_rng((points, users))
    for _ in range(INSTANCES):
        pilots = rng.integers(0, PILOT_LENGTH, users) if (points, users) == SHARED else None
        given = {"snr": CELL_FREE_SNR, "pilot_length": PILOT_LENGTH, "pilots": pilots}
        yield drop_cell_free(rng, points, users), given


def measured(solves, given):
    """Milliseconds of one instance and the last answers, by system."""
    times, answers = {name: [] for name in solves}, {}
    for _ in range(ROUNDS):
        for name, solve in solves.items():
            # Created anew, so that nothing is kept from the round before.
            instances = [CellFree.create(fading, **options) for fading, options in given]
            began = process_time()
            answers[name] = [solve(instance) for instance in instances]
            times[name].append((process_time() - began) / len(instances) * 1e3)
    return {name: min(rounds) for name, rounds in times.items()}, answers


def row(decider, model, points, users):
    """One row a size."""
    given = list(drops(points, users))

    def decided(policy):
        return lambda instance: decider.decide([Task(CELL_FREE, instance, policy, model)])[0]

    solves = {
        "bisection": lambda one: bisection(one.coupling.matrix, one.coupling.noise, ACCURACY),
        Policy.AUTO: decided(Policy.AUTO),
        Policy.LEARNED: decided(Policy.LEARNED),
    }
    times, answers = measured(solves, given)
    couplings = [CellFree.create(fading, **options).coupling for fading, options in given]
    optimum = np.array([np.log2(1 + spectral_optimum(c.matrix, c.noise).sinr) for c in couplings])
    rates = {policy: np.array([d.objective for d in answers[policy]]) for policy in (Policy.AUTO, Policy.LEARNED)}
    return (
        f"{points}, {users}" + (", shared pilots" if (points, users) == SHARED else ""),
        f"{(rates[Policy.AUTO] / optimum).min():.5f}",
        f"{rates[Policy.LEARNED].mean() / optimum.mean():.4f}",
        *(f"{times[name]:.3f}" for name in solves),
        f"{times['bisection'] / times[Policy.AUTO]:.2f}",
    )


def measure():
    """One table: title, columns, rows."""
    settings = Settings()
    registry = Registry(settings, Metrics())
    registry.load()
    decider = Decider(settings, Metrics())
    model = registry.find("cell_free", None)[0]
    title = f"Cell-free power control, {INSTANCES} random networks a size: AUTO, and the bisection by itself"
    return [(title, COLUMNS, [row(decider, model, *size) for size in (*CELLS, SHARED)])]
