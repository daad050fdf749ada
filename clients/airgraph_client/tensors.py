"""Numpy arrays to tensor messages and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from airgraph.v1 import tensor_pb2
from airgraph_client.errors import InvalidInstance

Array = npt.NDArray[Any]

DTYPES: dict[int, np.dtype[Any]] = {
    tensor_pb2.DATA_TYPE_FLOAT32: np.dtype("<f4"),
    tensor_pb2.DATA_TYPE_FLOAT64: np.dtype("<f8"),
    tensor_pb2.DATA_TYPE_COMPLEX64: np.dtype("<c8"),
    tensor_pb2.DATA_TYPE_COMPLEX128: np.dtype("<c16"),
    tensor_pb2.DATA_TYPE_INT32: np.dtype("<i4"),
    tensor_pb2.DATA_TYPE_INT64: np.dtype("<i8"),
}
CODES: dict[np.dtype[Any], tensor_pb2.DataType.ValueType] = {
    dtype: tensor_pb2.DataType.ValueType(code) for code, dtype in DTYPES.items()
}


def real_tensor(field: str, values: npt.ArrayLike) -> tensor_pb2.Tensor:
    """Packs real values: float64 where they are an array of it, a plain number too, otherwise float32.

    Raises:
        InvalidInstance: The values are not real numbers.
    """
    if isinstance(values, int | float):
        return _pack(np.asarray(values, np.float64), np.dtype("<f8"))
    array = _numbers(field, values, "real numbers", "iuf")
    # numpy makes a float64 array of a list: only a caller's own array says that it wants the precision.
    double = isinstance(values, np.ndarray) and array.dtype.kind == "f" and array.dtype.itemsize >= 8
    return _pack(array, np.dtype("<f8") if double else np.dtype("<f4"))


def complex_tensor(field: str, values: npt.ArrayLike) -> tensor_pb2.Tensor:
    """Packs complex values: complex128 where they are an array of it or of float64, otherwise complex64.

    Raises:
        InvalidInstance: The values are not numbers.
    """
    array = _numbers(field, values, "numbers", "iufc")
    single = array.dtype in (np.dtype(np.complex64), np.dtype(np.float32)) or array.dtype.kind in "iu"
    double = isinstance(values, np.ndarray) and not single
    return _pack(array, np.dtype("<c16") if double else np.dtype("<c8"))


def index_tensor(field: str, values: npt.ArrayLike) -> tensor_pb2.Tensor:
    """Packs indices as int32, or as int64 where one does not fit.

    Raises:
        InvalidInstance: The values are not integers.
    """
    array = np.asarray(values)
    if array.size == 0:
        array = array.astype(np.int32)
    array = _numbers(field, array, "integers", "iu")
    wide = array.size > 0 and int(np.abs(array).max()) > np.iinfo(np.int32).max
    return _pack(array, np.dtype("<i8") if wide else np.dtype("<i4"))


def read_tensor(tensor: tensor_pb2.Tensor) -> Array:
    """A read-only view of the message's bytes in the message's shape.

    Raises:
        ValueError: The message's dtype is unknown or its bytes do not fill its shape.
    """
    if tensor.dtype not in DTYPES:
        raise ValueError(f"tensor of unknown dtype {tensor.dtype}")
    return np.frombuffer(tensor.data, DTYPES[tensor.dtype]).reshape(tuple(tensor.shape))


def _numbers(field: str, values: npt.ArrayLike, expected: str, kinds: str) -> Array:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise InvalidInstance(field, expected, f"rows of different lengths ({error})") from error
    if array.dtype.kind not in kinds:
        raise InvalidInstance(field, expected, f"dtype {array.dtype}")
    return array


def _pack(array: Array, dtype: np.dtype[Any]) -> tensor_pb2.Tensor:
    # asarray copies only where the dtype differs, tobytes is the one copy protobuf needs.
    plain = np.asarray(array, dtype)
    return tensor_pb2.Tensor(dtype=CODES[dtype], shape=plain.shape, data=plain.tobytes())
