"""Ways to choose the powers: by the server, or full power."""

from __future__ import annotations

import numpy as np

from airgraph_client.client import Client
from airgraph_client.errors import AirGraphError
from airgraph_client.ran.boundary import FloatArray, Measurement
from airgraph_client.requests import PolicyName


class ServerController:
    """Asks an AirGraph server, with the period as deadline.

    Attributes:
        last_error: Why the last decision is missing; None where it came.
    """

    def __init__(self, client: Client, policy: PolicyName) -> None:
        """Keeps the client and who may answer."""
        self._client = client
        self._policy: PolicyName = policy
        self.last_error: AirGraphError | None = None

    def decide(self, measurement: Measurement, seconds: float) -> FloatArray | None:
        """The server's powers; None where it was late, refused or unreachable."""
        self.last_error = None
        try:
            answer = self._client.control_power(
                measurement.gain,
                noise_power=measurement.noise_power,
                max_power=measurement.max_power,
                policy=self._policy,
                timeout=seconds,
            )
        except AirGraphError as error:
            self.last_error = error
            return None
        return np.asarray(answer.power, np.float64)


class FullPower:
    """Every cell at its budget."""

    def decide(self, measurement: Measurement, seconds: float) -> FloatArray | None:
        """The budgets."""
        return np.full(len(measurement.users), measurement.max_power)
