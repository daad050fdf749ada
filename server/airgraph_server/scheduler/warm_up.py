"""Runs before the first call, from which the times of later ones are predicted."""

from __future__ import annotations

from collections.abc import Sequence

from airgraph_models.problems import FAMILIES
from airgraph_server.decision.types import Policy, Task
from airgraph_server.registry.examples import plain_instance
from airgraph_server.registry.model import LoadedModel

RUNS = ((4,), (64,), (10,) * 8, (4,), (64,), (30,))
"""Sizes of the instances of each run; the first of a size also warms."""


def warm_up_runs(model: LoadedModel) -> list[Sequence[Task]]:
    """A few runs of a model under every policy that may use it."""
    return [
        [
            Task(FAMILIES[model.card.problem], plain_instance(model.card, size), policy, model, max_polish_iterations=0)
            for size in sizes
        ]
        for policy in (Policy.LEARNED, Policy.AUTO)
        for sizes in RUNS
    ]
