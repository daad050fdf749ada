"""Each answer of a batch of any sizes equals its answer alone, for every model of the zoo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import random_beamforming, random_cell_free, random_hybrid, random_power_control, random_precoding

from airgraph_models.problems import BEAMFORMING, CELL_FREE, FAMILIES, HYBRID_PRECODING, POWER_CONTROL, PRECODING
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.types import Policy, Task
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings

REGISTRY = Registry(Settings(), Metrics())
REGISTRY.load()
MODELS = {f"{entry.problem}/{entry.name}": entry.model for entry in REGISTRY.entries()}

WITH_LINKS = {
    POWER_CONTROL.name: lambda seed, size, model, sparse: random_power_control(seed, size, sparse=sparse),
    BEAMFORMING.name: lambda seed, size, model, sparse: random_beamforming(
        seed, size, model.card.antennas, sparse=sparse
    ),
}


def instance_of(model, seed, size):
    if model.card.problem == POWER_CONTROL.name:
        return random_power_control(seed, size)
    if model.card.problem == CELL_FREE.name:
        return random_cell_free(seed, size, 2 * size)
    if model.card.problem == HYBRID_PRECODING.name:
        return random_hybrid(seed, chains := 1 + seed % 5, size, min(chains, 1 + seed % 4))
    if model.card.problem == PRECODING.name:
        return random_precoding(seed, size, size + 3)
    assert model.card.problem == BEAMFORMING.name
    return random_beamforming(seed, size, antennas=model.card.antennas)


def assert_each_is_as_alone(decider, tasks, together):
    for task, decision in zip(tasks, together, strict=True):
        alone = decider.decide([task])[0]
        # To the rounding of the network's single precision, in shares of the power that there is.
        budget = 1.0 if task.family in (CELL_FREE, HYBRID_PRECODING) else task.instance.max_power.max()
        scale = budget if task.family in (POWER_CONTROL, CELL_FREE) else np.sqrt(budget)
        np.testing.assert_allclose(decision.allocation / scale, alone.allocation / scale, atol=2e-4)
        assert decision.objective == pytest.approx(alone.objective, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=6, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=2, max_size=12), seed=st.integers(0, 2**16))
def test_a_batch_of_any_sizes_answers_as_each_instance_alone(name, sizes, seed):
    model, decider = MODELS[name], Decider(Settings(), Metrics())
    family = FAMILIES[model.card.problem]
    tasks = [Task(family, instance_of(model, seed + i, size), Policy.LEARNED, model) for i, size in enumerate(sizes)]
    together = decider.decide(tasks)
    assert {decision.batch_size for decision in together} == {len(tasks)}
    assert_each_is_as_alone(decider, tasks, together)


@pytest.mark.parametrize("name", [name for name, model in MODELS.items() if model.card.problem in WITH_LINKS])
@settings(max_examples=6, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=2, max_size=12), seed=st.integers(0, 2**16))
def test_so_does_a_batch_of_sparse_and_dense_instances(name, sizes, seed):
    model, decider = MODELS[name], Decider(Settings(), Metrics())
    family = FAMILIES[model.card.problem]
    make = WITH_LINKS[family.name]
    instances = [make(seed + i, size, model, sparse=i % 2 == 0) for i, size in enumerate(sizes)]
    tasks = [Task(family, instance, Policy.LEARNED, model) for instance in instances]
    assert_each_is_as_alone(decider, tasks, decider.decide(tasks))
