"""Tensor messages to numpy arrays and back; the payload is never copied on the way in."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from airgraph.v1 import tensor_pb2
from airgraph_server.errors import InvalidInstanceError

DTYPES: dict[tensor_pb2.DataType.ValueType, np.dtype[Any]] = {
    tensor_pb2.DATA_TYPE_FLOAT32: np.dtype("<f4"),
    tensor_pb2.DATA_TYPE_FLOAT64: np.dtype("<f8"),
    tensor_pb2.DATA_TYPE_COMPLEX64: np.dtype("<c8"),
    tensor_pb2.DATA_TYPE_COMPLEX128: np.dtype("<c16"),
    tensor_pb2.DATA_TYPE_INT32: np.dtype("<i4"),
    tensor_pb2.DATA_TYPE_INT64: np.dtype("<i8"),
}
MOST_AXES = 4
LARGEST_EXTENT = 2**31 - 1
CODES = {dtype: code for code, dtype in DTYPES.items()}


def decode_tensor(field: str, tensor: tensor_pb2.Tensor) -> npt.NDArray[Any]:
    """A read-only view of the message's bytes.

    Raises:
        InvalidInstanceError: Unknown dtype, a negative extent, or a byte count that is not the shape's.
    """
    shape = tuple(tensor.shape)
    # What has a great many axes is not to be remembered.
    layout = _layout(tensor.dtype, shape) if len(shape) <= MOST_AXES else None
    if layout is None:
        if tensor.dtype not in DTYPES:
            raise InvalidInstanceError(field, "a dtype", f"dtype code {tensor.dtype}")
        expected_shape = f"at most {MOST_AXES} extents, each in 0..{LARGEST_EXTENT}"
        raise InvalidInstanceError(field, expected_shape, f"shape {list(shape)[:8]}")
    dtype, expected = layout
    # Each look at the field makes an object of its bytes.
    data = tensor.data
    if len(data) != expected:
        raise InvalidInstanceError(
            field, f"{expected} bytes for shape {list(shape)} of {dtype.name}", f"{len(data)} bytes"
        )
    return np.ndarray(shape, dtype, data)


def decode_given(message: Any, fields: Iterable[str]) -> dict[str, npt.NDArray[Any]]:
    """Those tensors of a message that are set, by field.

    Raises:
        InvalidInstanceError: As `decode_tensor`.
    """
    return {field: decode_tensor(field, getattr(message, field)) for field in fields if message.HasField(field)}


@lru_cache(maxsize=1024)
def _layout(code: tensor_pb2.DataType.ValueType, shape: tuple[int, ...]) -> tuple[np.dtype[Any], int] | None:
    """How a tensor lies in memory, and its bytes; None where there is no such tensor."""
    dtype = DTYPES.get(code)
    if dtype is None or (shape and not 0 <= min(shape) <= max(shape) <= LARGEST_EXTENT):
        return None
    # math.prod: a product of extents must not wrap around.
    return dtype, math.prod(shape) * dtype.itemsize


def encode_tensor(array: npt.NDArray[Any]) -> tensor_pb2.Tensor:
    """A message with the array's bytes, little-endian and row-major."""
    tensor = tensor_pb2.Tensor()
    fill_tensor(tensor, array)
    return tensor


def fill_tensor(tensor: tensor_pb2.Tensor, array: npt.NDArray[Any]) -> None:
    """The same in an empty message."""
    code = CODES.get(array.dtype)
    if code is None:
        array = array.astype(array.dtype.newbyteorder("<"))
        code = CODES[array.dtype]
    tensor.dtype = code
    tensor.shape.extend(array.shape)
    tensor.data = array.tobytes()
