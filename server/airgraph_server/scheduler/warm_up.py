"""Runs before the first call, from which the times of later ones are predicted."""

from __future__ import annotations

from collections.abc import Sequence

from airgraph_models.problems import FAMILIES
from airgraph_server.decision.types import Policy, Task
from airgraph_server.registry.examples import plain_instance
from airgraph_server.registry.model import LoadedModel
from airgraph_server.scheduler.raw import RawRun

RUNS = ((4,), (64,), (10,) * 8, (4,), (64,), (30,))
"""Sizes of the instances of each run; the first of a size also warms."""


def warm_up_runs(model: LoadedModel) -> list[Sequence[Task] | Sequence[RawRun]]:
    """A few runs of a model under every policy that may use it, and as raw tensors."""
    return [*_decided(model), *_raw(model)]


def _raw(model: LoadedModel) -> list[Sequence[RawRun]]:
    family = FAMILIES[model.card.problem]
    unions = (
        model.join([family.view(plain_instance(model.card, size), model.layout).graph for size in sizes])
        for sizes in RUNS
    )
    return [[RawRun(family.name, model, dict(union.inputs()))] for union in unions]


def _decided(model: LoadedModel) -> list[Sequence[Task]]:
    return [
        [
            Task(FAMILIES[model.card.problem], plain_instance(model.card, size), policy, model, max_polish_iterations=0)
            for size in sizes
        ]
        for policy in (Policy.LEARNED, Policy.AUTO)
        for sizes in RUNS
    ]
