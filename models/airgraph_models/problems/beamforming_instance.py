"""One beamforming instance: K receivers, J transmitters of N antennas, one beam a receiver."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.beam_network import (
    BeamNetwork,
    DenseBeamNetwork,
    SparseBeamNetwork,
    numbered,
    serves_its_own,
    summed_by,
)
from airgraph_models.problems.errors import InvalidInstanceError
from airgraph_models.problems.links import Links
from airgraph_models.problems.validation import (
    ComplexArray,
    FloatArray,
    IndexArray,
    bounded_channel,
    bounded_weights,
    indices,
    positive,
    positive_per_node,
    require,
    shape_text,
)


@dataclass(frozen=True)
class Beamforming:
    """MISO interference channel or multi-cell downlink.

    Receiver k hears ``y_k = sum_j channel[k, j, :] . x_j + noise`` with no conjugate, and transmitter
    ``serving[k]`` spends ``beamformer[k, :]`` on it. Build one with `create`, which checks everything.

    Attributes:
        channel: ``[K, J, N]`` complex128, receiver first, or ``[E, N]`` with ``links``.
        serving: ``[K]`` int64, the transmitter of each receiver.
        weights: ``[K]`` rate weights, not negative.
        noise_power: ``[K]`` noise at each receiver, positive.
        max_power: ``[J]`` sum power budget of each transmitter, positive.
        max_antenna_power: ``[J, N]`` limit of each antenna, or None.
        links: Index pairs where ``channel`` is sparse.
        dtype: Precision in which the answer goes back.
    """

    channel: ComplexArray
    serving: IndexArray
    weights: FloatArray
    noise_power: FloatArray
    max_power: FloatArray
    max_antenna_power: FloatArray | None
    links: Links | None
    dtype: np.dtype[np.complexfloating]

    problem: ClassVar[str] = "beamforming"

    @classmethod
    def create(
        cls,
        channel: npt.ArrayLike,
        *,
        weights: npt.ArrayLike = 1.0,
        noise_power: npt.ArrayLike = 1.0,
        max_power: npt.ArrayLike = 1.0,
        serving_transmitter: npt.ArrayLike | None = None,
        max_antenna_power: npt.ArrayLike | None = None,
        links: Links | None = None,
    ) -> Beamforming:
        """Checks and converts.

        Raises:
            InvalidInstanceError: Zero receivers, transmitters or antennas, a wrong shape or dtype, a NaN or
                infinite entry, a negative weight, a noise power or budget of zero, an index out of range.
        """
        given = np.asarray(channel)
        if links is None:
            if given.ndim != 3 or given.size == 0:
                expected = "shape [K, J, N] with no zero extent"
                raise InvalidInstanceError("channel", expected, f"shape {shape_text(given.shape)}")
            receivers, transmitters, antennas = given.shape
        else:
            receivers, transmitters = links.receivers, links.transmitters
            if given.ndim != 2 or given.shape[0] != links.count or given.shape[1] == 0:
                expected = f"shape [{links.count}, N] with N >= 1"
                raise InvalidInstanceError("channel", expected, f"shape {shape_text(given.shape)}")
            antennas = given.shape[1]
        if serving_transmitter is None:
            require(
                receivers <= transmitters,
                "serving_transmitter",
                f"to be given when {receivers} receivers exceed {transmitters} transmitters",
                "nothing",
            )
            serving = numbered(receivers)
        else:
            serving = indices("serving_transmitter", serving_transmitter, (receivers,), transmitters)
        limit = None
        if max_antenna_power is not None:
            spread = np.asarray(max_antenna_power)
            if spread.ndim <= 1 and spread.shape in ((), (1,), (antennas,)):
                spread = np.broadcast_to(spread, (transmitters, antennas))
            limit = positive("max_antenna_power", spread, (transmitters, antennas))
        noise = positive_per_node("noise_power", noise_power, receivers)
        budget = positive_per_node("max_power", max_power, transmitters)
        single = given.dtype in (np.dtype(np.complex64), np.dtype(np.float32))
        return cls(
            channel=bounded_channel("channel", given, budget, noise),
            serving=serving,
            weights=bounded_weights(weights, receivers),
            noise_power=noise,
            max_power=budget,
            max_antenna_power=limit,
            links=links,
            dtype=np.dtype(np.complex64) if single else np.dtype(np.complex128),
        )

    @cached_property
    def size(self) -> int:
        """Number of receivers K."""
        return int(self.weights.size)

    @cached_property
    def transmitters(self) -> int:
        """Number of transmitters J."""
        return int(self.max_power.size)

    @cached_property
    def antennas(self) -> int:
        """Antennas a transmitter N."""
        return int(self.channel.shape[-1])

    @cached_property
    def one_to_one(self) -> bool:
        """Whether transmitter k serves receiver k, and there are no others."""
        return serves_its_own(self.serving, self.transmitters)

    @cached_property
    def served(self) -> IndexArray:
        """Number of receivers of each transmitter ``[J]``."""
        return np.bincount(self.serving, minlength=self.transmitters)

    @cached_property
    def amplitude(self) -> FloatArray:
        """Root of the budget of each receiver's transmitter ``[K]``."""
        return np.sqrt(self.max_power if self.one_to_one else self.max_power[self.serving])

    def per_transmitter(self, values: FloatArray) -> FloatArray:
        """Sums ``[..., K]`` over the receivers that each transmitter serves: ``[..., J]``; many at once as alone."""
        return values if self.one_to_one else summed_by(self.serving, values, self.transmitters)

    @property
    def heard_beams(self) -> int:
        """Number of (receiver, beam) pairs with a channel between them."""
        if self.links is None:
            return self.size * self.size
        return self.links.count if self.one_to_one else int(self.served[self.links.transmitter].sum())

    @cached_property
    def network(self) -> BeamNetwork:
        """The channels as the sums that rates and solvers need; laid out once."""
        if self.links is None:
            return DenseBeamNetwork(self.channel, self.serving)
        rx, tx = self.links.receiver, self.links.transmitter
        return SparseBeamNetwork(self.channel, rx, tx, self.serving, self.transmitters)

    @property
    def direct(self) -> ComplexArray:
        """``[K, N]`` channel of each receiver from its own transmitter, zero where there is no link."""
        return self.network.direct if self.links is not None else self.channel[np.arange(self.size), self.serving]

    @property
    def one_beam_a_transmitter(self) -> bool:
        """Whether no transmitter serves two receivers (the interference channel)."""
        return self.one_to_one or bool(self.served.max() <= 1)
