"""Inputs padded to a few shapes: the network's answer is the one without, for every model of the zoo."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import random_power_control
from test_batching import MODELS, instance_of

from airgraph_models.problems import FAMILIES, POWER_CONTROL
from airgraph_models.problems.padded_shapes import padded_extent


def outputs(model, instances):
    views = [FAMILIES[model.card.problem].view(instance, model.layout) for instance in instances]
    joined = model.join([view.graph for view in views])
    padded, links = joined.padded(), sum(view.graph.links for view in views)
    return joined, model.run(joined.inputs(), links), model.run(padded, links)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=6), seed=st.integers(0, 2**16))
def test_padding_changes_no_answer(name, sizes, seed):
    model = MODELS[name]
    joined, plain, wider = outputs(model, [instance_of(model, seed + i, size) for i, size in enumerate(sizes)])
    count = sum(joined.sizes)
    assert len(wider) == padded_extent(count)
    np.testing.assert_allclose(wider[:count], plain, atol=1e-5)
    for before, after in zip(joined.split(plain), joined.split(wider), strict=True):
        np.testing.assert_allclose(after, before, atol=1e-5)


@pytest.mark.parametrize("name", [name for name in MODELS if MODELS[name].card.problem == POWER_CONTROL.name])
@settings(max_examples=10, deadline=None)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=4), seed=st.integers(0, 2**16))
def test_padding_changes_no_answer_on_sparse_links(name, sizes, seed):
    model = MODELS[name]
    instances = [random_power_control(seed + i, size, sparse=True) for i, size in enumerate(sizes)]
    joined, plain, wider = outputs(model, instances)
    np.testing.assert_allclose(wider[: sum(joined.sizes)], plain, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_many_sizes_lead_to_few_shapes(name):
    model = MODELS[name]
    shapes = set()
    for size in range(4, 33):
        graph = FAMILIES[model.card.problem].view(instance_of(model, 0, size), model.layout).graph
        shapes.add(tuple(value.shape for value in model.join([graph]).padded().values()))
    # Two extents an octave; nodes and rows may step at different sizes.
    assert len(shapes) <= 13
