"""Runs before the first call, from which the times of later ones are predicted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from airgraph_models.problems import FAMILIES, POWER_CONTROL
from airgraph_models.problems.layouts import GAIN_BLOCKS
from airgraph_models.problems.power_control_union import PowerControlFields
from airgraph_server.decision.types import Policy, Task
from airgraph_server.decision.union import UnionTask
from airgraph_server.registry.examples import plain_instance
from airgraph_server.registry.model import LoadedModel
from airgraph_server.scheduler.job import Work
from airgraph_server.scheduler.raw import RawRun

RUNS = ((4,), (64,), (10,) * 8, (4,), (64,), (30,))
"""Sizes of the instances of each run; the first of a size also warms."""


def warm_up_runs(model: LoadedModel) -> list[Sequence[Work]]:
    """A few runs of a model under every policy that may use it, and as raw tensors."""
    return [*_decided(model), *_joined(model), *_raw(model)]


def _joined(model: LoadedModel) -> list[Sequence[UnionTask]]:
    if (model.card.problem, model.layout) != (POWER_CONTROL.name, GAIN_BLOCKS):
        return []
    rng = np.random.default_rng(0)
    return [
        [UnionTask([PowerControlFields(rng.exponential(size=(size, size))) for size in sizes], model)] for sizes in RUNS
    ]


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
