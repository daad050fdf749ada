"""One precoding instance: a transmitter with N antennas, K single-antenna users, one band or B sub-bands."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, Literal, get_args

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import adjoint, downlink_rates, normalised
from airgraph_models.classical.dual_ascent import dual_step, equal_shares
from airgraph_models.classical.dual_uplink import regularised_inverse
from airgraph_models.classical.energy_efficiency import ConsumedPower
from airgraph_models.classical.linear_precoding import SINGULAR, regularised_zero_forcing, with_equal_power
from airgraph_models.classical.sinr_balancing import Balance, balance, target_sinr
from airgraph_models.problems.validation import (
    LARGEST_SNR,
    ComplexArray,
    FloatArray,
    bounded_channel,
    bounded_weights,
    non_negative,
    per_node,
    positive,
    positive_per_node,
    real,
    require,
    shape_text,
)

Objective = Literal["se", "ee"]


@dataclass(frozen=True)
class PowerModel:
    """What a transmitter consumes: ``amplifier_inefficiency ||V||_F^2 + N circuit_power + constant_power``.

    Attributes:
        circuit_power: Power an antenna's circuits draw, in the power unit, not negative.
        constant_power: Power drawn whatever is sent, in the power unit, not negative.
        amplifier_inefficiency: Consumed over radiated power, at least 1.
    """

    circuit_power: float = 0.0
    constant_power: float = 0.0
    amplifier_inefficiency: float = 1.0

    def consumed(self, antennas: int) -> ConsumedPower:
        """The same for a number of antennas.

        Raises:
            InvalidInstanceError: An entry that is not finite, negative, or an inefficiency below 1.
        """
        circuit, constant, inefficiency = (
            float(real(f"power_model.{name}", getattr(self, name), ()))
            for name in ("circuit_power", "constant_power", "amplifier_inefficiency")
        )
        for name, value, least in (
            ("circuit_power", circuit, 0.0),
            ("constant_power", constant, 0.0),
            ("amplifier_inefficiency", inefficiency, 1.0),
        ):
            inside = least <= value <= LARGEST_SNR
            require(inside, f"power_model.{name}", f"a number in {least:g}..{LARGEST_SNR:.0e}", f"{value:g}")
        return ConsumedPower(antennas * circuit + constant, inefficiency)


@dataclass(frozen=True)
class Precoding:
    """Multi-user downlink of one transmitter.

    User k receives ``y_k = channel[k, :] . x + noise`` with no conjugate, and ``x = V s`` for unit-power streams s.
    Build one with `create`, which checks everything.

    Attributes:
        channel: ``[K, N]`` complex128, or ``[B, K, N]`` with sub-bands.
        weights: ``[K]`` rate weights, not negative.
        noise_power: ``[K]`` noise at each user, positive.
        max_power: ``[]`` or ``[B]`` sum-power budget, positive.
        minimum_rates: ``[K]`` bit/s/Hz over all sub-bands, not negative; zeros for spectral efficiency.
        power: What the transmitter consumes; None for spectral efficiency.
        dtype: Precision in which the answer goes back.
    """

    channel: ComplexArray
    weights: FloatArray
    noise_power: FloatArray
    max_power: FloatArray
    minimum_rates: FloatArray
    power: ConsumedPower | None
    dtype: np.dtype[np.complexfloating]

    problem: ClassVar[str] = "precoding"

    @classmethod
    def create(
        cls,
        channel: npt.ArrayLike,
        *,
        weights: npt.ArrayLike = 1.0,
        noise_power: npt.ArrayLike = 1.0,
        max_power: npt.ArrayLike = 1.0,
        objective: Objective = "se",
        minimum_rates: npt.ArrayLike = 0.0,
        power_model: PowerModel | None = None,
    ) -> Precoding:
        """Checks and converts.

        Raises:
            InvalidInstanceError: Zero users, antennas or sub-bands, a wrong shape or dtype, a NaN or infinite entry,
                a negative weight or minimum rate, a noise power or budget of zero, an unknown objective, energy
                efficiency without a power model, minimum rates without energy efficiency.
        """
        given = np.asarray(channel)
        fits = given.ndim in (2, 3) and given.size > 0
        expected = "shape [K, N] or [B, K, N] with no zero extent"
        require(fits, "channel", expected, f"shape {shape_text(given.shape)}")
        users, antennas = given.shape[-2:]
        bands = given.shape[:-2]
        noise = positive_per_node("noise_power", noise_power, users)
        spread = per_node(max_power, bands[0]) if bands else np.asarray(max_power).reshape(_scalar_shape(max_power))
        budget = positive("max_power", spread, bands)
        checked = bounded_channel("channel", given, budget, noise)
        require(objective in get_args(Objective), "objective", " or ".join(get_args(Objective)), repr(objective))
        minimum = non_negative("minimum_rates", per_node(minimum_rates, users), (users,))
        power = None
        if objective == "se":
            require(not minimum.any(), "minimum_rates", "none unless the objective is energy efficiency", "some")
        else:
            require(power_model is not None, "power_model", "a power model for energy efficiency", "nothing")
            power = power_model.consumed(antennas) if power_model is not None else None
        single = given.dtype in (np.dtype(np.complex64), np.dtype(np.float32))
        return cls(
            channel=checked,
            weights=bounded_weights(weights, users),
            noise_power=noise,
            max_power=budget,
            minimum_rates=minimum,
            power=power,
            dtype=np.dtype(np.complex64) if single else np.dtype(np.complex128),
        )

    @cached_property
    def size(self) -> int:
        """Number of users K."""
        return int(self.weights.size)

    @cached_property
    def antennas(self) -> int:
        """Number of antennas N."""
        return int(self.channel.shape[-1])

    @cached_property
    def bands(self) -> int:
        """Number of sub-bands B; 1 where the channel has no such axis."""
        return int(self.max_power.size)

    @cached_property
    def normalised_channel(self) -> ComplexArray:
        """The channel in units of noise and budget, in the channel's shape."""
        return normalised(self.channel, self.noise_power, self.max_power)

    @cached_property
    def normalised_adjoint(self) -> ComplexArray:
        """Its conjugate transpose, ``[N, K]`` or ``[B, N, K]``."""
        return adjoint(self.normalised_channel)

    @cached_property
    def gram(self) -> ComplexArray:
        """Gram matrix of the normalised channel, ``[K, K]`` or ``[B, K, K]``; equal channels stay invertible."""
        gram = self.normalised_channel @ self.normalised_adjoint
        # Every (K + 1)-th entry of a matrix in a row is of its diagonal.
        gram.reshape(*gram.shape[:-2], self.size**2)[..., :: self.size + 1] *= 1.0 + SINGULAR
        return gram

    @cached_property
    def equal_inverse(self) -> ComplexArray:
        """F of equal shares (`dual_uplink`) in the Gram matrix's shape: RZF's inverse, and where an ascent begins."""
        return regularised_inverse(self.gram, equal_shares(self.gram))

    @cached_property
    def first_share(self) -> FloatArray:
        """``[K]`` or ``[B, K]`` shares of the dual uplink one step from equal ones."""
        return dual_step(self.equal_inverse, equal_shares(self.gram), self.weights)

    @cached_property
    def balances(self) -> list[Balance]:
        """How far the minimum rates can be met, one a sub-band; a sub-band's part of a rate follows RZF's rates."""
        noise, budget = self.noise_power, self.max_power.reshape(-1)
        equal = with_equal_power(regularised_zero_forcing(self.by_band, noise, budget), budget)
        rates = downlink_rates(self.by_band, noise, equal)
        total = rates.sum(axis=0)
        share = np.divide(rates, total, out=np.full_like(rates, 1.0 / self.bands), where=total > 0)
        targets = target_sinr(share * self.minimum_rates)
        return [
            balance(h, noise, np.asarray(p), target) for h, p, target in zip(self.by_band, budget, targets, strict=True)
        ]

    @cached_property
    def out_of_reach(self) -> bool:
        """Whether it is certain that no precoder meets the minimum rates.

        Exact for one band (`balance`). With sub-bands only what one user alone could get is a proof: how a rate is
        best split over them is not known.
        """
        if not self.minimum_rates.any():
            return False
        if self.bands == 1:
            return self.balances[0].level < 1.0
        gain = squared(normalised(self.by_band, self.noise_power, self.max_power)).sum(axis=-1)
        return bool((np.log2(1.0 + gain).sum(axis=0) < self.minimum_rates).any())

    @cached_property
    def by_band(self) -> ComplexArray:
        """The channel with an axis of sub-bands, ``[B, K, N]``, whether it came with one or not."""
        return self.channel.reshape(self.bands, self.size, self.antennas)


def _scalar_shape(values: npt.ArrayLike) -> tuple[int, ...]:
    """A shape of [1] counts as a scalar, as it does for every field."""
    shape = np.shape(values)
    return () if shape == (1,) else shape
