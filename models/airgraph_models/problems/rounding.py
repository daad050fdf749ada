"""Complex answers in their caller's precision: rounding may lift a power over its limit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.validation import ComplexArray


def rounded_within(
    allocation: ComplexArray,
    dtype: np.dtype[np.complexfloating],
    over: Callable[[ComplexArray], npt.NDArray[np.bool_]],
    shrink: float,
) -> tuple[npt.NDArray[np.complexfloating], ComplexArray]:
    """Allocations ``[..., n, m]`` in a precision, each shrunk by the least factor that is feasible after rounding.

    Args:
        allocation: Feasible but for rounding.
        dtype: The precision.
        over: Which ``[...]`` of the rounded allocations, as complex128, exceed a limit.
        shrink: The first factor is one less this; each further one is twice as far from one.

    Returns:
        The rounded ones, and the same numbers as complex128.
    """
    sent: npt.NDArray[np.complexfloating] = allocation.astype(dtype)
    exact: ComplexArray = sent.astype(np.complex128)
    while np.count_nonzero(outside := over(exact)):
        smaller = (allocation * (1.0 - shrink)).astype(dtype)
        sent = np.where(outside[..., None, None], smaller, sent)
        exact = sent.astype(np.complex128)
        shrink *= 2
    return sent, exact
