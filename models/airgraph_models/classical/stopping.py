"""When an iterative algorithm ends: a count, a tolerance, or a clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def never() -> bool:
    """The clock of a call without a deadline."""
    return False


@dataclass(frozen=True)
class Stopping:
    """Stops after ``iterations``, or at convergence, or when ``expired()`` first says so.

    Attributes:
        iterations: Most iterations to run.
        tolerance: Relative gain of the objective per iteration under which it has converged; 0 runs all.
        expired: Asked before every iteration.
    """

    iterations: int
    tolerance: float = 0.0
    expired: Callable[[], bool] = never
