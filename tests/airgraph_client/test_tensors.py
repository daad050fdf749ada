import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from airgraph.v1 import tensor_pb2
from airgraph_client import InvalidInstance
from airgraph_client.tensors import complex_tensor, index_tensor, read_tensor, real_tensor

SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4)


@given(hnp.arrays(st.sampled_from([np.dtype("f4"), np.dtype("f8")]), SHAPES))
def test_real_arrays_come_back_bit_for_bit(array):
    back = read_tensor(real_tensor("gain", array))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(hnp.arrays(st.sampled_from([np.dtype("c8"), np.dtype("c16")]), SHAPES))
def test_complex_arrays_come_back_bit_for_bit(array):
    back = read_tensor(complex_tensor("channel", array))
    assert back.dtype == array.dtype
    assert back.shape == array.shape
    assert back.tobytes() == array.tobytes()


@given(hnp.arrays(np.int64, hnp.array_shapes(max_dims=1), elements=st.integers(-(2**40), 2**40)))
def test_indices_come_back(array):
    np.testing.assert_array_equal(read_tensor(index_tensor("receiver", array)), array)


def test_order_and_endianness_of_the_caller_do_not_matter():
    array = np.arange(6.0).reshape(2, 3)
    for same in (np.asfortranarray(array), array[::-1][::-1], array.astype(">f8")):
        tensor = real_tensor("gain", same)
        assert tensor.data == array.astype("<f8").tobytes()


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (2, tensor_pb2.DATA_TYPE_FLOAT64),
        (0.1, tensor_pb2.DATA_TYPE_FLOAT64),
        (np.float64(0.1), tensor_pb2.DATA_TYPE_FLOAT64),
        ([0.1, 0.2], tensor_pb2.DATA_TYPE_FLOAT32),
        (np.arange(3), tensor_pb2.DATA_TYPE_FLOAT32),
        (np.ones(3, np.float16), tensor_pb2.DATA_TYPE_FLOAT32),
        (np.ones(3, np.float32), tensor_pb2.DATA_TYPE_FLOAT32),
        (np.ones(3), tensor_pb2.DATA_TYPE_FLOAT64),
    ],
)
def test_precision_of_reals(values, dtype):
    assert real_tensor("gain", values).dtype == dtype


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1j, 2], tensor_pb2.DATA_TYPE_COMPLEX64),
        (np.ones(3, np.float32), tensor_pb2.DATA_TYPE_COMPLEX64),
        (np.ones(3, np.complex64), tensor_pb2.DATA_TYPE_COMPLEX64),
        (np.ones(3), tensor_pb2.DATA_TYPE_COMPLEX128),
        (np.ones(3, np.complex128), tensor_pb2.DATA_TYPE_COMPLEX128),
    ],
)
def test_precision_of_complex_numbers(values, dtype):
    assert complex_tensor("channel", values).dtype == dtype


def test_answers_are_views_that_cannot_be_written():
    back = read_tensor(real_tensor("power", np.ones(2)))
    assert not back.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        back[0] = 2


@pytest.mark.parametrize("values", [["a"], [1j], [[1.0], [1.0, 2.0]], None])
def test_what_is_no_number_names_its_field(values):
    with pytest.raises(InvalidInstance) as caught:
        real_tensor("gain", values)
    assert caught.value.field == "gain"


def test_fractions_are_no_indices():
    with pytest.raises(InvalidInstance, match="receiver: expected integers, got dtype float64"):
        index_tensor("receiver", [0.5])


def test_a_broken_message_is_refused():
    with pytest.raises(ValueError, match="dtype"):
        read_tensor(tensor_pb2.Tensor(shape=[1], data=bytes(4)))
    with pytest.raises(ValueError, match="reshape"):
        read_tensor(tensor_pb2.Tensor(dtype=tensor_pb2.DATA_TYPE_FLOAT32, shape=[3], data=bytes(4)))
