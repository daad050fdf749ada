"""Numpy's names for arrays of torch: those that the algorithms use, with the arguments that they use.

What torch itself calls the same, it gives the same arguments (it takes ``axis`` and ``keepdims`` too). Imports torch;
`namespace_of` loads it for who has such an array.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import (
    Tensor,
    abs,
    broadcast_to,
    complex128,
    count_nonzero,
    einsum,
    empty_like,
    float32,
    float64,
    log1p,
    log2,
    matmul,
    moveaxis,
    multiply,
    sqrt,
    square,
    stack,
    zeros_like,
)

__all__ = [
    "abs",
    "add",
    "arange",
    "argpartition",
    "asarray",
    "ascontiguousarray",
    "broadcast_to",
    "complex128",
    "copy",
    "count_nonzero",
    "diagonal",
    "divide",
    "einsum",
    "empty",
    "empty_like",
    "float32",
    "float64",
    "linalg",
    "log1p",
    "log2",
    "matmul",
    "maximum",
    "minimum",
    "moveaxis",
    "multiply",
    "sqrt",
    "square",
    "stack",
    "take_along_axis",
    "where",
    "zeros_like",
]


def asarray(array: Any, dtype: torch.dtype | None = None, *, like: Tensor | None = None) -> Tensor:
    """In that precision, where ``like`` lies."""
    return torch.as_tensor(array, dtype=dtype, device=None if like is None else like.device)


def ascontiguousarray(array: Tensor) -> Tensor:
    """Row-major."""
    return array.contiguous()


def empty(shape: tuple[int, ...], dtype: torch.dtype, *, like: Tensor) -> Tensor:
    """Memory where ``like`` lies."""
    return torch.empty(shape, dtype=dtype, device=like.device)


def copy(array: Tensor, order: str = "C") -> Tensor:
    """Row-major memory of its own."""
    return array.clone(memory_format=torch.contiguous_format)


def arange(stop: int, *, like: Tensor) -> Tensor:
    """0 to stop - 1, where ``like`` lies."""
    return torch.arange(stop, device=like.device)


def minimum(left: Any, right: Any, out: Tensor | None = None) -> Any:
    """The smaller, of arrays or numbers."""
    if isinstance(right, Tensor):
        return torch.minimum(left, right, out=out)
    return torch.clamp(left, max=float(right), out=out) if isinstance(left, Tensor) else min(left, right)


def divide(left: Tensor, right: Tensor, out: Tensor | None = None, where: Tensor | None = None) -> Tensor:
    """The quotient; with ``where``, what ``out`` holds elsewhere."""
    if where is None:
        return torch.divide(left, right, out=out)
    assert out is not None
    return torch.where(where, left / right, out)


def where(condition: Tensor, left: Any, right: Any) -> Tensor:
    """From the left where the condition holds, else from the right; numbers alone are in double precision."""
    if isinstance(left, Tensor):
        return torch.where(condition, left, right if isinstance(right, Tensor) else float(right))
    return torch.where(condition, torch.tensor(float(left), dtype=float64, device=condition.device), right)


def diagonal(array: Tensor, axis1: int, axis2: int) -> Tensor:
    """The main diagonal, as a last axis."""
    return torch.diagonal(array, dim1=axis1, dim2=axis2)


def take_along_axis(array: Tensor, indices: Tensor, axis: int) -> Tensor:
    """The chosen entries."""
    return torch.take_along_dim(array, indices, axis)


def argpartition(array: Tensor, kth: int, axis: int = -1) -> Tensor:
    """Positions in ascending order: those of the largest come last, sorted too."""
    return torch.argsort(array, dim=axis)


class _Maximum:
    """A ufunc: of pairs, and along an axis."""

    def __call__(self, left: Any, right: Any, out: Tensor | None = None) -> Any:
        """The larger, of arrays or numbers."""
        if isinstance(right, Tensor):
            return torch.maximum(left, right, out=out)
        return torch.clamp(left, min=float(right), out=out) if isinstance(left, Tensor) else max(left, right)

    def reduce(self, array: Tensor, axis: int, keepdims: bool = False) -> Tensor:
        """The largest."""
        return torch.amax(array, dim=axis, keepdim=keepdims)


class _Add:
    """A ufunc: along an axis."""

    def reduce(self, array: Tensor, axis: int, keepdims: bool = False) -> Tensor:
        """The sum."""
        return torch.sum(array, dim=axis, keepdim=keepdims)


def _inverse(matrix: Tensor) -> Tensor:
    # Torch leaves it column by column.
    inverse: Tensor = torch.linalg.inv(matrix)
    return inverse.contiguous()


add, maximum = _Add(), _Maximum()
linalg = SimpleNamespace(inv=_inverse, solve=torch.linalg.solve, eigh=torch.linalg.eigh)
