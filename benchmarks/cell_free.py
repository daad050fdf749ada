"""Cell-free power control: AUTO through the transport-free core beside the bisection by itself, one core, one run.

Time is processor time of one instance, batch 1: the smallest of some rounds over the instances. AUTO's is from the checked
instance to the rounded answer with its provenance, the guard's comparison and all rates; the bisection's is that of its
powers alone. Each lays out the couplings for itself.
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
INSTANCES, ROUNDS, ACCURACY = 60, 40, 1e-6
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


def milliseconds(solve, given):
    """Of one instance, created anew for every round, so that nothing is kept from the one before."""
    rounds = []
    for _ in range(ROUNDS):
        instances = [CellFree.create(fading, **options) for fading, options in given]
        began = process_time()
        answers = [solve(instance) for instance in instances]
        rounds.append((process_time() - began) / len(instances) * 1e3)
    return min(rounds), answers


def row(decider, model, points, users):
    """One row a size."""
    given = list(drops(points, users))

    def decided(policy):
        return lambda instance: decider.decide([Task(CELL_FREE, instance, policy, model)])[0]

    halving, _ = milliseconds(lambda one: bisection(one.coupling.matrix, one.coupling.noise, ACCURACY), given)
    auto, answers = milliseconds(decided(Policy.AUTO), given)
    alone, learned = milliseconds(decided(Policy.LEARNED), given)
    couplings = [CellFree.create(fading, **options).coupling for fading, options in given]
    optimum = np.array([np.log2(1 + spectral_optimum(c.matrix, c.noise).sinr) for c in couplings])
    reached = np.array([answer.objective for answer in answers]) / optimum
    network = np.array([answer.objective for answer in learned]).mean() / optimum.mean()
    return (
        f"{points}, {users}" + (", shared pilots" if (points, users) == SHARED else ""),
        f"{reached.min():.5f}",
        f"{network:.4f}",
        f"{halving:.3f}",
        f"{auto:.3f}",
        f"{alone:.3f}",
        f"{halving / auto:.2f}",
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
