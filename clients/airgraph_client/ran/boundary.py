"""The thin E2 boundary: what the control loop needs of a radio network, and nothing of how it gets there.

An xApp implements `E2Node` over its own framework: `measure` from its latest E2SM-KPM indications, `apply` by an
E2SM-RC control request. The simulation of `airgraph_client.ran.cells` is the other implementation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measurement:
    """The network as last reported.

    Attributes:
        gain: ``[K, K]`` power gains, receiver first: from the cell that serves link j to the user of link k.
        users: ``[K]`` identity of each link's user.
        noise_power: Noise power at every receiver, watt.
        max_power: Power budget of every link's cell, watt.
    """

    gain: FloatArray
    users: npt.NDArray[np.int64]
    noise_power: float
    max_power: float


class E2Node(Protocol):
    """A radio network that reports and can be controlled."""

    def measure(self) -> Measurement:
        """What is known of the network now; the reports may be old."""

    def apply(self, users: npt.NDArray[np.int64], power: FloatArray) -> None:
        """Sets the ``[K]`` transmit powers of the links that serve ``users``, watt."""


class Controller(Protocol):
    """Chooses powers within a time."""

    def decide(self, measurement: Measurement, seconds: float) -> FloatArray | None:
        """Powers ``[K]`` in watt; None where none came within ``seconds``."""
