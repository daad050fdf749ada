"""The methods of both clients that are named after a problem."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar, Unpack

import numpy.typing as npt

from airgraph_client.cell_free import CellFree
from airgraph_client.hybrid import HybridPrecoding, StructureName
from airgraph_client.instances import (
    Beamforming,
    IndexPair,
    Instance,
    Links,
    ObjectiveName,
    PowerControl,
    PowerModel,
    Precoding,
)
from airgraph_client.requests import Options

Given = TypeVar("Given", covariant=True)
"""What a call gives back: an `Answer`, or what an event loop awaits to have one."""


class ProblemCalls(Generic[Given]):
    """The methods of `Client` and `AsyncClient` that make their instance themselves; the latter's are awaited."""

    @abstractmethod
    def _solve(self, make: Callable[[], Instance], options: Options) -> Given:
        """Makes an instance, whose own errors are those of the call, and has it allocated."""

    def control_power(
        self,
        gain: npt.ArrayLike,
        weights: npt.ArrayLike = 1.0,
        noise_power: npt.ArrayLike = 1.0,
        max_power: npt.ArrayLike = 1.0,
        links: Links | IndexPair | None = None,
        **options: Unpack[Options],
    ) -> Given:
        """Solves one power-control instance; see `PowerControl` for the model, shapes and units.

        Args:
            gain: ``[K, K]`` power gains, receiver first; with ``links`` ``[E]``.
            weights: ``[K]`` or scalar, rate weights.
            noise_power: ``[K]`` or scalar, noise power at each receiver.
            max_power: ``[K]`` or scalar, power budget of each transmitter.
            links: Index arrays (receiver, transmitter) of a sparse network.
            **options: See `Options`.

        Returns:
            The answer; its ``power`` is ``[K]``.
        """
        return self._solve(lambda: PowerControl(gain, weights, noise_power, max_power, links), options)

    def beamform(
        self,
        channel: npt.ArrayLike,
        weights: npt.ArrayLike = 1.0,
        noise_power: npt.ArrayLike = 1.0,
        max_power: npt.ArrayLike = 1.0,
        links: Links | IndexPair | None = None,
        serving_transmitter: npt.ArrayLike | None = None,
        max_antenna_power: npt.ArrayLike | None = None,
        **options: Unpack[Options],
    ) -> Given:
        """Solves one beamforming instance; see `Beamforming` for the model, shapes and units.

        Args:
            channel: ``[K, J, N]`` complex channels, receiver first; with ``links`` ``[E, N]``.
            weights: ``[K]`` or scalar, rate weights.
            noise_power: ``[K]`` or scalar, noise power at each receiver.
            max_power: ``[J]`` or scalar, power budget of each transmitter.
            links: Index arrays (receiver, transmitter) of a sparse network.
            serving_transmitter: ``[K]`` transmitter of each receiver; None = transmitter k serves receiver k.
            max_antenna_power: Scalar, ``[N]`` or ``[J, N]`` limit of each antenna; None = no limit.
            **options: See `Options`.

        Returns:
            The answer; its ``beamformer`` is ``[K, N]``.
        """
        return self._solve(
            lambda: Beamforming(
                channel, weights, noise_power, max_power, links, serving_transmitter, max_antenna_power
            ),
            options,
        )

    def precode_hybrid(
        self, f_opt: npt.ArrayLike, rf_chains: int, structure: StructureName = "partial", **options: Unpack[Options]
    ) -> Given:
        """Solves one hybrid-precoding instance; see `HybridPrecoding` for the model and shapes.

        Args:
            f_opt: ``[Nt, Ns]`` complex precoder to approach.
            rf_chains: Number of radio-frequency chains.
            structure: ``"partial"`` or ``"full"``.
            **options: See `Options`.

        Returns:
            The answer; its ``f_rf`` is ``[Nt, rf_chains]``, its ``f_bb`` ``[rf_chains, Ns]``.
        """
        return self._solve(lambda: HybridPrecoding(f_opt, rf_chains, structure), options)

    def control_cell_free_power(
        self,
        fading: npt.ArrayLike,
        snr: float,
        pilots: npt.ArrayLike | None = None,
        pilot_length: int = 1,
        **options: Unpack[Options],
    ) -> Given:
        """Solves one cell-free instance for the largest smallest rate; see `CellFree` for shapes and units.

        Args:
            fading: ``[M, K]`` large-scale power gains, access point first.
            snr: Transmit over noise power at full power, linear.
            pilots: ``[K]`` indices, or ``[tau, K]`` complex sequences; None = orthogonal.
            pilot_length: Symbols tau of a pilot.
            **options: See `Options`.

        Returns:
            The answer; its ``power`` is ``[K]`` in 0..1.
        """
        return self._solve(lambda: CellFree(fading, snr, pilots, pilot_length), options)

    def precode(
        self,
        channel: npt.ArrayLike,
        noise_power: npt.ArrayLike = 1.0,
        max_power: npt.ArrayLike = 1.0,
        weights: npt.ArrayLike = 1.0,
        objective: ObjectiveName = "se",
        min_rates: npt.ArrayLike | None = None,
        power_model: PowerModel | None = None,
        **options: Unpack[Options],
    ) -> Given:
        """Solves one precoding instance; see `Precoding` for the model, shapes and units.

        Args:
            channel: ``[K, N]`` or, with sub-bands, ``[B, K, N]`` complex channels.
            noise_power: ``[K]`` or scalar, noise power at each user; for a channel that is an estimate see
                `airgraph_client.noise_with_error`.
            max_power: Scalar, or ``[B]`` with sub-bands: power budget.
            weights: ``[K]`` or scalar, rate weights.
            objective: ``"se"``, spectral efficiency, or ``"ee"``, energy efficiency.
            min_rates: ``[K]`` or scalar, smallest acceptable rates in bit/s/Hz, with ``"ee"`` only.
            power_model: What the transmitter consumes; required with ``"ee"``.
            **options: See `Options`.

        Returns:
            The answer; its ``precoder`` is ``[N, K]`` or ``[B, N, K]``. Where minimum rates are missed its
            ``fallback_detail`` begins with ``MINIMUM_RATES_UNREACHABLE`` (no precoder can meet them) or
            ``MINIMUM_RATES_NOT_MET``, and the precoder is the best effort.
        """
        return self._solve(
            lambda: Precoding(channel, noise_power, max_power, weights, objective, min_rates, power_model), options
        )
