"""An answer in the making."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from airgraph_server.decision.network import NetworkAnswer
from airgraph_server.decision.types import Fallback, Task


@dataclass
class Draft:
    """What to refine, and where it came from.

    The first start is that of ``led_by``, the network or a closed form that beats it; the others, and all of them
    where it is None, are classical.
    """

    task: Task
    baseline: npt.NDArray[Any]
    network: NetworkAnswer | None
    fallback: Fallback | None
    starts: npt.NDArray[Any]
    led_by: str | None
    iterations: int
    tolerance: float
    polished: bool
