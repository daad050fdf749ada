"""One power-control instance: K transmitter-receiver pairs that share a channel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from scipy import sparse

from airgraph_models.classical.race import Interference
from airgraph_models.classical.scalar_wmmse import Crosstalk
from airgraph_models.problems.errors import InvalidInstanceError
from airgraph_models.problems.links import Links
from airgraph_models.problems.validation import (
    FloatArray,
    bounded_weights,
    non_negative,
    positive_per_node,
    require,
    require_bounded_peak,
    shape_text,
)


@dataclass(frozen=True)
class PowerControl:
    """K interfering single-antenna pairs; transmitter k serves receiver k.

    Build one with `create`, which checks everything; all arrays are float64.

    Attributes:
        gain: ``[K, K]`` power gains, receiver first, or ``[E]`` with ``links``.
        weights: ``[K]`` rate weights, not negative.
        noise_power: ``[K]`` noise at each receiver, positive, in the unit of gain times power.
        max_power: ``[K]`` budget of each transmitter, positive.
        links: Index pairs where ``gain`` is sparse.
        dtype: Precision in which the answer goes back.
    """

    gain: FloatArray
    weights: FloatArray
    noise_power: FloatArray
    max_power: FloatArray
    links: Links | None
    dtype: np.dtype[np.floating]

    problem: ClassVar[str] = "power_control"

    @classmethod
    def create(
        cls,
        gain: npt.ArrayLike,
        *,
        weights: npt.ArrayLike = 1.0,
        noise_power: npt.ArrayLike = 1.0,
        max_power: npt.ArrayLike = 1.0,
        links: Links | None = None,
    ) -> PowerControl:
        """Checks and converts.

        Raises:
            InvalidInstanceError: Zero pairs, a wrong shape or dtype, a NaN, infinite or negative entry,
                a noise power or budget of zero.
        """
        given = np.asarray(gain)
        if links is None:
            square = given.ndim == 2 and given.shape[0] == given.shape[1] and given.shape[0] > 0
            if not square:
                raise InvalidInstanceError("gain", "shape [K, K] with K >= 1", f"shape {shape_text(given.shape)}")
            nodes = given.shape[0]
            checked = non_negative("gain", given, (nodes, nodes))
        else:
            nodes = links.receivers
            require(
                links.transmitters == nodes, "num_nodes", "as many transmitters as receivers", str(links.transmitters)
            )
            checked = non_negative("gain", given, (links.count,))
        noise = positive_per_node("noise_power", noise_power, nodes)
        budget = positive_per_node("max_power", max_power, nodes)
        require_bounded_peak("gain", float(np.maximum.reduce(checked, axis=None, initial=0.0)), budget, noise)
        single = given.dtype in (np.dtype(np.float32), np.dtype(np.float16))
        return cls(
            gain=checked,
            weights=bounded_weights(weights, nodes),
            noise_power=noise,
            max_power=budget,
            links=links,
            dtype=np.dtype(np.float32) if single else np.dtype(np.float64),
        )

    @cached_property
    def crosstalk(self) -> Crosstalk:
        """The gains as the products that rates and solvers need; laid out once."""
        if self.links is None:
            return Crosstalk.dense(self.gain)
        indices = (self.links.receiver, self.links.transmitter)
        matrix = sparse.coo_array((self.gain, indices), shape=(self.size, self.size)).tocsr()
        return Crosstalk.sparse(matrix, matrix.diagonal())

    @cached_property
    def direct(self) -> FloatArray:
        """``[K]`` gains of the pairs themselves."""
        direct: FloatArray = self.gain.diagonal() if self.links is None else self.crosstalk.direct[0]
        return direct

    def received(self, power: FloatArray) -> FloatArray:
        """``[K]`` power at each receiver, its own signal included, of powers ``[K]``."""
        received: FloatArray = self.gain @ power if self.links is None else self.crosstalk.received(power[None])[0]
        return received

    @cached_property
    def snr(self) -> FloatArray:
        """``[K, K]`` or, with ``links``, ``[E]`` gains times budget over noise, linear."""
        if self.links is None:
            return self.gain * (self.max_power / self.noise_power[:, None])
        return self.gain * self.max_power[self.links.transmitter] / self.noise_power[self.links.receiver]

    @cached_property
    def interference(self) -> Interference:
        """The same as the products that the race needs; laid out once."""
        if self.links is None:
            return Interference.dense(self.snr)
        indices = (self.links.receiver, self.links.transmitter)
        return Interference.sparse(sparse.coo_array((self.snr, indices), shape=(self.size, self.size)).tocsr())

    @cached_property
    def size(self) -> int:
        """Number of pairs K."""
        return int(self.weights.size)
