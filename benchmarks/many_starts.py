"""AUTO against the best of a hundred WMMSE starts, both vectorised over the instances, one thread.

The instances are the frozen ones of tests/data/reference, all of one size in one batch: AUTO decides them in the
server's core as one message's batch; WMMSE runs its hundred random starts of 100 iterations on the stacked gains.
"Solvers" is the part of AUTO's time that features, network and race take; the rest is each instance's own decision:
domain, guard, rounding, rates and provenance. The second table is what a near deadline leaves of it: a short race of
classical starts.
"""

from dataclasses import replace
from functools import partial
from time import perf_counter

import numpy as np

from airgraph_models.classical.best_of_starts import best_of_random_starts
from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.sum_rate import weighted_sum_rate
from airgraph_models.problems import POWER_CONTROL
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.types import Policy, Task
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings
from reference_instances import power_control

SIZES = (10, 20, 30, 50)
STARTS, ITERATIONS, ROUNDS = 100, 100, 3
SHORT_RACES = ((32, 6), (32, 10), (32, 16), (64, 16))
"""(Starts, iterations) without the network."""


def fastest(run):
    """Seconds of the fastest of a few runs, and what the last one returned."""
    seconds = []
    for _ in range(ROUNDS):
        began = perf_counter()
        found = run()
        seconds.append(perf_counter() - began)
    return min(seconds), found


def solve(instances, model, settings):
    """Features, network and race, as the decision runs them, and nothing else."""
    views = [POWER_CONTROL.view(instance, model.layout) for instance in instances]
    joined = model.join([view.graph for view in views])
    output = joined.split(model.run(joined.inputs(), sum(view.graph.links for view in views)))
    starts = [
        np.concatenate([view.read(rows)[None], POWER_CONTROL.polish_starts(instance, settings.polish_starts - 1)])
        for instance, view, rows in zip(instances, views, output, strict=True)
    ]
    return POWER_CONTROL.polish(instances, starts, Stopping(settings.polish_iterations, settings.polish_tolerance))


def best_of_a_hundred(instances):
    """Seconds, and the weighted sum rates ``[n]``."""
    gain = np.stack([instance.gain for instance in instances])
    crosstalk = Crosstalk.dense(gain)
    weights, noise, budget = (
        np.stack([getattr(instance, name)[None] for instance in instances])
        for name in ("weights", "noise_power", "max_power")
    )
    seconds, found = fastest(
        lambda: best_of_random_starts(
            scalar_wmmse, crosstalk, weights, noise, budget, Stopping(ITERATIONS), starts=STARTS
        )
    )
    return seconds, weighted_sum_rate(crosstalk, weights, noise, found.power)[..., 0]


def row(pairs, decider, model, settings):
    """One row of the table."""
    instances, stored, _ = power_control(pairs)
    tasks = [Task(POWER_CONTROL, instance, Policy.AUTO, model) for instance in instances]
    auto_seconds, decisions = fastest(lambda: decider.decide(tasks))
    solver_seconds, _ = fastest(lambda: solve(instances, model, settings))
    seconds, best = best_of_a_hundred(instances)
    auto = np.array([decision.objective for decision in decisions])
    count = len(instances)
    return (
        str(pairs),
        f"{auto.mean() / stored.mean():.4f}",
        f"{best.mean() / stored.mean():.4f}",
        f"{auto.mean() / best.mean():.4f}",
        f"{auto_seconds / count * 1e3:.3f}",
        f"{solver_seconds / count * 1e3:.3f}",
        f"{seconds / count * 1e3:.2f}",
        f"{seconds / auto_seconds:.1f}",
        f"{seconds / solver_seconds:.1f}",
    )


def short_races(pairs):
    """Rows of the second table: the race alone, instances made anew, as a server gets them."""
    instances = power_control(pairs)[0]
    seconds, best = best_of_a_hundred(instances)

    def run(starts, iterations):
        fresh = [replace(instance) for instance in instances]
        drawn = [POWER_CONTROL.polish_starts(instance, starts) for instance in fresh]
        found = POWER_CONTROL.polish(fresh, drawn, Stopping(iterations, Settings().polish_tolerance))
        return np.mean([refined.objective for refined in found])

    for starts, iterations in SHORT_RACES:
        mine, mean = fastest(partial(run, starts, iterations))
        effort = f"{starts} starts x {iterations}"
        yield (
            str(pairs),
            effort,
            f"{mean / best.mean():.4f}",
            f"{mine / len(instances) * 1e3:.3f}",
            f"{seconds / mine:.1f}",
        )


def measure():
    """Two tables: title, columns, rows."""
    settings = Settings()
    registry = Registry(settings, Metrics())
    registry.load()
    decider = Decider(settings, Metrics())
    model = registry.find("power_control", None)[0]
    title = (
        f"Power control, 25 instances in a batch: AUTO and the best of {STARTS} random WMMSE starts of {ITERATIONS} "
        "iterations, mean over mean WMMSE of 100 iterations from full power (stored)"
    )
    columns = (
        "K",
        "AUTO",
        "best of 100",
        "AUTO over it",
        "AUTO, ms each",
        "its solvers, ms each",
        "best of 100, ms each",
        "over AUTO's time",
        "over its solvers'",
    )
    rows = [row(pairs, decider, model, settings) for pairs in SIZES]
    short_title = "The same instances: a short race of classical starts, as near deadlines leave it"
    short_columns = ("K", "race", "over the best of 100", "ms each", "time of the best of 100 over it")
    return [
        (title, columns, rows),
        (short_title, short_columns, [line for pairs in SIZES for line in short_races(pairs)]),
    ]
