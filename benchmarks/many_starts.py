"""AUTO against the best of a hundred WMMSE starts, both vectorised over the instances, one thread.

The instances are the frozen ones of tests/data/reference, all of one size in one batch: AUTO decides them in the
server's core as one message's batch; WMMSE runs its hundred random starts of 100 iterations on the stacked gains.
"Solvers" is the part of AUTO's time that features, network and race take; the rest is each instance's own decision:
domain, guard, rounding, rates and provenance.
"""

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


def row(pairs, decider, model, settings):
    """One row of the table."""
    instances, stored, _ = power_control(pairs)
    tasks = [Task(POWER_CONTROL, instance, Policy.AUTO, model) for instance in instances]
    auto_seconds, decisions = fastest(lambda: decider.decide(tasks))
    solver_seconds, _ = fastest(lambda: solve(instances, model, settings))
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
    best = weighted_sum_rate(crosstalk, weights, noise, found.power)[..., 0]
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


def measure():
    """One table: title, columns, rows."""
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
    return [(title, columns, [row(pairs, decider, model, settings) for pairs in SIZES])]
