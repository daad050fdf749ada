"""Numpy's names mean the same for arrays of torch as for numpy's own."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

torch = pytest.importorskip("torch")

from airgraph_models.arrays import torch_names  # noqa: E402
from airgraph_models.arrays.device import HOST  # noqa: E402
from airgraph_models.arrays.namespace import namespace_of  # noqa: E402
from airgraph_models.arrays.torch_device import TorchDevice  # noqa: E402

DEVICE = TorchDevice("cpu")
matrices = hnp.arrays(
    np.float64, hnp.array_shapes(min_dims=2, max_dims=3, max_side=5), elements=st.floats(-1e6, 1e6, width=32)
)


def same(ours, theirs):
    np.testing.assert_allclose(DEVICE.take(ours), theirs, rtol=1e-12)


def test_an_array_has_the_namespace_of_its_library():
    assert namespace_of(np.zeros(2)) is np
    assert namespace_of(np.float64(1.0)) is np
    assert namespace_of(torch.zeros(2)) is torch_names


def test_every_name_is_one_of_numpys():
    assert [name for name in torch_names.__all__ if not hasattr(np, name)] == []


def test_only_an_array_of_torch_loads_torch():
    code = (
        "import sys, numpy as np\n"
        "from airgraph_models.problems import POWER_CONTROL, PowerControl\n"
        "from airgraph_models.classical.stopping import Stopping\n"
        "POWER_CONTROL.solve([PowerControl.create(np.ones((3, 3)))], Stopping(3))\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@given(matrices)
def test_what_is_put_comes_back_and_is_a_copy(array):
    put = DEVICE.put(array)
    np.testing.assert_array_equal(DEVICE.take(put), array)
    put += 1.0
    np.testing.assert_array_equal(DEVICE.take(put), array + 1.0)
    assert HOST.take(HOST.put(array)) is array
    # Read only, backward, column by column: all are taken.
    array.flags.writeable = False
    for view in (array, array[::-1], array.swapaxes(-1, -2)):
        np.testing.assert_array_equal(DEVICE.take(DEVICE.put(view)), view)


def test_conjugates_come_back_conjugated():
    values = np.array([1.0 + 2.0j, -3.0j])
    np.testing.assert_array_equal(DEVICE.take(DEVICE.put(values).conj()), values.conj())


@given(matrices, st.floats(-10, 10))
def test_the_larger_and_the_smaller_of_arrays_and_numbers(array, bound):
    other = array[..., ::-1].copy()
    put, second = DEVICE.put(array), DEVICE.put(other)
    for name in ("maximum", "minimum"):
        ours, theirs = getattr(torch_names, name), getattr(np, name)
        same(ours(put, second), theirs(array, other))
        same(ours(put, bound), theirs(array, bound))
        assert ours(bound, 1.0) == theirs(bound, 1.0)
        out = torch.empty_like(put)
        assert ours(put, bound, out=out) is out
        same(out, theirs(array, bound))


@given(matrices, st.integers(1, 5))
def test_sums_partitions_and_choices(array, count):
    put = DEVICE.put(array)
    same(torch_names.add.reduce(put, axis=-1, keepdims=True), np.add.reduce(array, axis=-1, keepdims=True))
    same(torch_names.maximum.reduce(put, axis=0), np.maximum.reduce(array, axis=0))
    kept = min(count, array.shape[-1])
    chosen = torch_names.argpartition(put, -kept, axis=-1)[..., -kept:]
    found = torch_names.take_along_axis(put, chosen, axis=-1)
    np.testing.assert_array_equal(np.sort(DEVICE.take(found)), np.sort(array)[..., -kept:])


@given(matrices)
def test_choosing_and_dividing_where_something_holds(array):
    put, positive = DEVICE.put(array), array > 0
    same(torch_names.where(put > 0, put, 2.0), np.where(positive, array, 2.0))
    same(torch_names.where(put > 0, 3.0, put), np.where(positive, 3.0, array))
    chosen = torch_names.where(put > 0, 0.1, 0.3)
    same(chosen, np.where(positive, 0.1, 0.3))
    assert chosen.dtype == torch.float64
    expected = np.divide(1.0 + array, array, out=np.zeros_like(array), where=positive)
    same(torch_names.divide(1.0 + put, put, out=torch.zeros_like(put), where=put > 0), expected)


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.integers(1, 4))
def test_inverses_are_row_by_row(seed, size, batch):
    rng = np.random.default_rng(seed)
    matrix = rng.standard_normal((batch, size, size)) + 1j * rng.standard_normal((batch, size, size))
    matrix += 4.0 * size * np.eye(size)
    inverse = torch_names.linalg.inv(DEVICE.put(matrix))
    # As pairs of numbers side by side, which algorithms square.
    np.testing.assert_allclose(
        DEVICE.take(inverse.view(torch_names.float64)), np.linalg.inv(matrix).view(np.float64), rtol=1e-9, atol=1e-12
    )
