"""A union holds what its instances hold, and is worth what they are worth; what it takes, each alone would take."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import seeds

from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_models.problems.gain_blocks import build_gain_blocks
from airgraph_models.problems.layouts import GAIN_BLOCKS
from airgraph_models.problems.power_control_union import PowerControlFields, PowerControlUnion

some_sizes = st.lists(st.integers(1, 12), min_size=1, max_size=9)
precisions = st.sampled_from([np.float32, np.float64])


def random_fields(seed, sizes, precision=np.float64):
    """Numbers for some, vectors for others, and nothing for the rest."""
    rng = np.random.default_rng(seed)

    def some(size):
        given = rng.integers(0, 4)
        if given == 0:
            return 1.0
        if given == 1:
            return np.array(rng.uniform(0.1, 2.0), precision)
        return rng.uniform(0.1, 2.0, size if given == 2 else 1).astype(precision)

    return [
        PowerControlFields(rng.exponential(size=(k, k)).astype(precision), some(k), some(k), some(k)) for k in sizes
    ]


def alone(fields):
    return PowerControl.create(**fields._asdict())


@given(sizes=some_sizes, seed=seeds, precision=precisions)
def test_a_network_sees_the_same_of_a_union_as_of_its_instances(sizes, seed, precision):
    fields = random_fields(seed, sizes, precision)
    union = PowerControlUnion.create(fields)
    expected = build_gain_blocks([POWER_CONTROL.view(alone(one), GAIN_BLOCKS).graph for one in fields])
    found = union.blocks()
    assert found.sizes == expected.sizes == union.sizes == tuple(sizes)
    for name, values in expected.inputs().items():
        np.testing.assert_array_equal(found.inputs()[name], values)


@given(sizes=some_sizes, seed=seeds, precision=precisions)
def test_answers_are_rounded_and_rated_as_of_each_alone(sizes, seed, precision):
    fields = random_fields(seed, sizes, precision)
    union = PowerControlUnion.create(fields)
    share = np.random.default_rng(seed + 1).uniform(-0.5, 1.5, union.nodes).astype(np.float32)
    graded = union.grade(share)
    ends = np.cumsum(sizes)
    for i, (one, end) in enumerate(zip(fields, ends, strict=True)):
        instance, mine = alone(one), slice(end - sizes[i], end)
        power = POWER_CONTROL.project(instance, share[mine].astype(float) * instance.max_power)
        answer, closed_form = POWER_CONTROL.grade([instance] * 2, [power, instance.max_power])
        np.testing.assert_array_equal(graded.sent[mine], answer.sent)
        assert graded.sent.dtype == instance.dtype == precision
        assert (graded.sent[mine].astype(float) <= instance.max_power).all()
        assert (graded.sent[mine] >= 0).all()
        np.testing.assert_allclose(graded.rates[mine], answer.rates, rtol=1e-9, atol=1e-12)
        assert graded.objectives[i] == pytest.approx(answer.objective, rel=1e-9)
        assert graded.baselines[i] == pytest.approx(closed_form.objective, rel=1e-9)
        assert graded.margins[i] == POWER_CONTROL.margin(instance, answer.exact)


@given(sizes=some_sizes, seed=seeds)
def test_no_weight_at_all_is_no_weight(sizes, seed):
    fields = [one._replace(weights=np.zeros(len(one.gain))) for one in random_fields(seed, sizes)]
    union = PowerControlUnion.create(fields)
    assert not union.blocks().node[:, 1].any()
    assert union.grade(np.ones(union.nodes)).objectives == [0.0] * len(sizes)


ODD = {
    "gain": [
        np.full((2, 2), np.nan),
        np.array([[1.0, np.inf], [1.0, 1.0]]),
        np.array([[1.0, -1e-9], [1.0, 1.0]]),
        np.ones((2, 3)),
        np.ones(4),
        np.ones((0, 0)),
        np.full((2, 2), 1e31),
        np.ones((2, 2), int),
        np.ones((2, 2), complex),
        np.ones((2, 2), np.float32),
    ],
    "noise_power": [np.zeros(2), np.array(0.0), np.array([1.0, np.nan]), np.ones(3), np.ones((2, 1)), np.ones(2, int)],
    "max_power": [np.zeros(2), np.array(-1.0), np.array([1.0, np.inf]), np.ones(3), np.array(1 + 0j), np.full(2, 1e31)],
    "weights": [np.array([-1.0, 1.0]), np.array(np.nan), np.ones(3), np.full(2, 1e31)],
}


@pytest.mark.parametrize("neighbours", [0, 3])
@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in ODD.items() for value in values])
def test_what_is_out_of_the_ordinary_is_left_to_a_closer_look(field, value, neighbours):
    """Some of it is in order alone: other types, and one precision among others."""
    ordinary = PowerControlFields(np.ones((2, 2)))
    fields = [ordinary] * neighbours + [ordinary._replace(**{field: value})]
    if neighbours or value.dtype != np.float32:
        assert PowerControlUnion.create(fields) is None


numbers = st.floats(-1e-3, 1e32) | st.sampled_from([0.0, -0.0, np.inf, np.nan, 1e30, 1e-300])


@given(
    gain=st.lists(numbers, min_size=4, max_size=4),
    others=st.tuples(*[st.lists(numbers, min_size=2, max_size=2)] * 3),
)
def test_what_a_union_takes_each_alone_would_take(gain, others):
    fields = PowerControlFields(np.array(gain).reshape(2, 2), *map(np.array, others))
    if PowerControlUnion.create([fields]) is not None:
        alone(fields)
