"""How groups that are polished one after the other share the time until their deadlines."""

from __future__ import annotations

import math

OCTAVES_A_STEP = 2
"""Deadlines that leave the same time within a factor of four are polished together, by the earliest: in turns of
their own the others would hardly have more of it."""
SHORTEST = 1e-4


def never() -> float:
    """When a place is needed that nobody waits for."""
    return math.inf


def deadline_class(deadline: float | None, now: float) -> int | None:
    """Which deadlines may be polished together: a step of the logarithm of the time left."""
    if deadline is None:
        return None
    return round(math.log2(max(deadline - now, SHORTEST)) / OCTAVES_A_STEP)


def turn_ends(latest: float, now: float, work: int, work_left: int) -> float:
    """When a group's turn ends: it gets its share, by work, of the time until its deadline."""
    return now + (latest - now) * work / max(work_left, 1)
