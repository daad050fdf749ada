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


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=6, deadline=None)
@given(sizes=st.lists(st.integers(1, 30), min_size=2, max_size=12), seed=st.integers(0, 2**16))
def test_a_batch_of_any_sizes_answers_as_each_instance_alone(name, sizes, seed):
    model, decider = MODELS[name], Decider(Settings(), Metrics())
    family = FAMILIES[model.card.problem]
    tasks = [Task(family, instance_of(model, seed + i, size), Policy.LEARNED, model) for i, size in enumerate(sizes)]
    together = decider.decide(tasks)
    for task, decision in zip(tasks, together, strict=True):
        alone = decider.decide([task])[0]
        assert decision.batch_size == len(tasks)
        # To the rounding of the network's single precision, in shares of the power that there is.
        budget = 1.0 if family in (CELL_FREE, HYBRID_PRECODING) else task.instance.max_power.max()
        scale = budget if family in (POWER_CONTROL, CELL_FREE) else np.sqrt(budget)
        np.testing.assert_allclose(decision.allocation / scale, alone.allocation / scale, atol=2e-4)
        assert decision.objective == pytest.approx(alone.objective, rel=1e-3, abs=1e-6)
