"""Tensors of the Open Inference Protocol to numpy arrays and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from airgraph_server.codec.tensors import LARGEST_EXTENT, MOST_AXES
from airgraph_server.errors import InvalidInstanceError
from inference import open_inference_pb2 as messages

DATATYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "INT64": np.dtype("<i8")}
NAMES = {dtype: name for name, dtype in DATATYPES.items()}
CONTENTS = {"FP32": "fp32_contents", "INT64": "int64_contents"}
INDEX_OF = (
    ("neighbour", "node", (0,)),
    ("rows", "link", (0,)),
    ("source", "node", (0,)),
    ("place", "heard", (0, 1)),
    ("place", "user", (0, 1)),
    ("place", "block", (0, 2)),
)
"""What the entries of an index input count: an input of the same layout and which of its axes, flattened."""


def read_inputs(request: messages.ModelInferRequest, wanted: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """The inputs of a request, by name.

    Args:
        request: The request.
        wanted: An example of each input of the model.

    Raises:
        InvalidInstanceError: An input is missing, unknown, of another type or number of axes than the model's, has
            another number of bytes than its shape, or an index out of range.
    """
    given = [tensor.name for tensor in request.inputs]
    if sorted(given) != sorted(wanted):
        raise InvalidInstanceError("inputs", ", ".join(wanted), ", ".join(given) or "none")
    raw = request.raw_input_contents
    if raw and len(raw) != len(given):
        raise InvalidInstanceError("raw_input_contents", f"{len(given)} entries, one an input", str(len(raw)))
    inputs = {
        tensor.name: _read(tensor, raw[i] if raw else None, wanted[tensor.name])
        for i, tensor in enumerate(request.inputs)
    }
    for name, counted, axes in INDEX_OF:
        if name in inputs and counted in inputs:
            _check_indices(name, inputs[name], math.prod(inputs[counted].shape[axis] for axis in axes))
    return inputs


def _read(
    tensor: messages.ModelInferRequest.InferInputTensor, raw: bytes | None, example: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    datatype = NAMES[example.dtype.newbyteorder("<")]
    if tensor.datatype != datatype:
        raise InvalidInstanceError(tensor.name, f"datatype {datatype}", tensor.datatype or "none")
    shape = tuple(tensor.shape)
    if len(shape) != example.ndim or any(not 0 < extent <= LARGEST_EXTENT for extent in shape):
        raise InvalidInstanceError(
            tensor.name, f"{example.ndim} extents, each in 1..{LARGEST_EXTENT}", f"shape {list(shape)[: MOST_AXES * 2]}"
        )
    dtype = DATATYPES[datatype]
    if raw is not None:
        expected = math.prod(shape) * dtype.itemsize
        if len(raw) != expected:
            raise InvalidInstanceError(tensor.name, f"{expected} bytes for shape {list(shape)}", f"{len(raw)} bytes")
        return np.frombuffer(raw, dtype).reshape(shape)
    elements = getattr(tensor.contents, CONTENTS[datatype])
    if len(elements) != math.prod(shape):
        raise InvalidInstanceError(tensor.name, f"{math.prod(shape)} elements", str(len(elements)))
    return np.array(elements, dtype).reshape(shape)


def _check_indices(name: str, values: npt.NDArray[Any], count: int) -> None:
    # A device would not survive what a CPU refuses.
    if values.size and not 0 <= values.min() <= values.max() < count:
        raise InvalidInstanceError(name, f"indices in 0..{count - 1}", f"{values.min()} to {values.max()}")
