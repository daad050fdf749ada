"""The client for asyncio."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self, Unpack

import grpc
import numpy.typing as npt
from grpc_health.v1 import health_pb2, health_pb2_grpc

from airgraph.v1 import allocator_pb2_grpc, registry_pb2, registry_pb2_grpc
from airgraph_client.administration import AsyncRegistryCalls
from airgraph_client.answers import Answer, read_answer
from airgraph_client.cell_free import CellFree
from airgraph_client.connection import CallMetadata, ChannelOptions, connect
from airgraph_client.errors import AirGraphError, Denied, NotImplementedByServer, Unavailable, typed_errors
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
from airgraph_client.models import (
    ALLOCATOR_SERVICE,
    Model,
    ModelDescription,
    ServerStatus,
    read_description,
    read_model,
    read_status,
)
from airgraph_client.requests import Options, allocate_request, batch_request, read_batch
from airgraph_client.security import Security
from airgraph_client.streams import AsyncStreamCalls


class AsyncClient(AsyncStreamCalls, AsyncRegistryCalls):
    """Asks an AirGraph server for powers and beamformers, from one event loop. `Client` for asyncio.

    Example:
        >>> async with AsyncClient("localhost:50051") as client:
        ...     answer = await client.control_power(gain, noise_power=0.1, timeout=0.01)
        >>> answer.power, answer.objective

    Every method raises an `airgraph_client.AirGraphError`; see `airgraph_client.errors` for the kinds.
    """

    def __init__(
        self,
        target: str = "localhost:50051",
        *,
        timeout: float | None = None,
        security: Security | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: CallMetadata = (),
        options: ChannelOptions = (),
    ) -> None:
        """Connects on the first call.

        Args:
            target: Address of the server.
            timeout: Seconds a call may take where it says nothing itself; None = no deadline.
            security: TLS, client certificate and token (`Security`); None = plain text.
            credentials: gRPC channel credentials made elsewhere, instead of `security`.
            metadata: Key and value pairs sent with every call.
            options: gRPC channel options.
        """
        self._connection = connect(target, timeout, security, credentials, metadata, options)
        self._channel = self._connection.aio_channel()
        self._allocator = allocator_pb2_grpc.AllocatorStub(self._channel)
        self._registry = registry_pb2_grpc.RegistryStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    async def __aenter__(self) -> Self:
        """Returns the client."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connection."""
        await self.close()

    async def close(self) -> None:
        """Closes the connection; calls in flight are cancelled."""
        await self._channel.close()

    async def control_power(
        self,
        gain: npt.ArrayLike,
        weights: npt.ArrayLike = 1.0,
        noise_power: npt.ArrayLike = 1.0,
        max_power: npt.ArrayLike = 1.0,
        links: Links | IndexPair | None = None,
        **options: Unpack[Options],
    ) -> Answer:
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
        return await self.allocate(PowerControl(gain, weights, noise_power, max_power, links), **options)

    async def beamform(
        self,
        channel: npt.ArrayLike,
        weights: npt.ArrayLike = 1.0,
        noise_power: npt.ArrayLike = 1.0,
        max_power: npt.ArrayLike = 1.0,
        links: Links | IndexPair | None = None,
        serving_transmitter: npt.ArrayLike | None = None,
        max_antenna_power: npt.ArrayLike | None = None,
        **options: Unpack[Options],
    ) -> Answer:
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
        instance = Beamforming(channel, weights, noise_power, max_power, links, serving_transmitter, max_antenna_power)
        return await self.allocate(instance, **options)

    async def precode_hybrid(
        self, f_opt: npt.ArrayLike, rf_chains: int, structure: StructureName = "partial", **options: Unpack[Options]
    ) -> Answer:
        """Solves one hybrid-precoding instance; see `HybridPrecoding` for the model and shapes.

        Args:
            f_opt: ``[Nt, Ns]`` complex precoder to approach.
            rf_chains: Number of radio-frequency chains.
            structure: ``"partial"`` or ``"full"``.
            **options: See `Options`.

        Returns:
            The answer; its ``f_rf`` is ``[Nt, rf_chains]``, its ``f_bb`` ``[rf_chains, Ns]``.
        """
        return await self.allocate(HybridPrecoding(f_opt, rf_chains, structure), **options)

    async def control_cell_free_power(
        self,
        fading: npt.ArrayLike,
        snr: float,
        pilots: npt.ArrayLike | None = None,
        pilot_length: int = 1,
        **options: Unpack[Options],
    ) -> Answer:
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
        return await self.allocate(CellFree(fading, snr, pilots, pilot_length), **options)

    async def precode(
        self,
        channel: npt.ArrayLike,
        noise_power: npt.ArrayLike = 1.0,
        max_power: npt.ArrayLike = 1.0,
        weights: npt.ArrayLike = 1.0,
        objective: ObjectiveName = "se",
        min_rates: npt.ArrayLike | None = None,
        power_model: PowerModel | None = None,
        **options: Unpack[Options],
    ) -> Answer:
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
        instance = Precoding(channel, noise_power, max_power, weights, objective, min_rates, power_model)
        return await self.allocate(instance, **options)

    async def allocate(self, instance: Instance, **options: Unpack[Options]) -> Answer:
        """Solves one instance of any problem.

        Args:
            instance: `PowerControl`, `Beamforming` or `Precoding`.
            **options: See `Options`.
        """
        request = allocate_request(instance, options)
        with typed_errors():
            reply = await self._allocator.Allocate(
                request, timeout=self._timeout(options.get("timeout")), metadata=self._connection.call_metadata()
            )
        return read_answer(reply)

    async def allocate_batch(
        self, instances: Iterable[Instance], *, raise_on_error: bool = False, **options: Unpack[Options]
    ) -> list[Answer | AirGraphError]:
        """Solves many instances, of mixed problems and sizes, in one message.

        Args:
            instances: The instances.
            raise_on_error: Raise the first instance's error instead of returning it in its place.
            **options: See `Options`; they hold for every instance.

        Returns:
            One entry an instance, in their order: its answer, or the exception that a call of its own would
            have raised. One bad instance fails alone.
        """
        request = batch_request(instances, options)
        with typed_errors():
            reply = await self._allocator.AllocateBatch(
                request, timeout=self._timeout(options.get("timeout")), metadata=self._connection.call_metadata()
            )
        return read_batch(reply, len(request.requests), raise_on_error)

    async def models(self, *, timeout: float | None = None) -> list[Model]:
        """Lists the server's models, sorted by problem, name and version."""
        with typed_errors():
            reply = await self._registry.ListModels(
                registry_pb2.ListModelsRequest(),
                timeout=self._timeout(timeout),
                metadata=self._connection.call_metadata(),
            )
        return [read_model(model) for model in reply.models]

    async def describe(
        self, name: str, version: str | None = None, *, timeout: float | None = None
    ) -> ModelDescription:
        """Returns the card of one model; without a version that of its newest that is ready."""
        with typed_errors():
            reply = await self._registry.DescribeModel(
                registry_pb2.DescribeModelRequest(name=name, version=version or ""),
                timeout=self._timeout(timeout),
                metadata=self._connection.call_metadata(),
            )
        return read_description(reply)

    async def status(self, *, timeout: float | None = None) -> ServerStatus:
        """Says whether the server takes calls, and with which models."""
        with typed_errors():
            reply = await self._health.Check(
                health_pb2.HealthCheckRequest(service=ALLOCATOR_SERVICE),
                timeout=self._timeout(timeout),
                metadata=self._connection.call_metadata(),
            )
        models: tuple[Model, ...] = ()
        if reply.status == health_pb2.HealthCheckResponse.SERVING:
            try:
                models = tuple(await self.models(timeout=timeout))
            except (Denied, NotImplementedByServer):
                # Listing is guarded on some servers; health is not.
                models = ()
        return read_status(reply, models)

    async def wait_until_serving(self, timeout: float = 30.0, poll: float = 0.2) -> None:
        """Returns once the server takes calls.

        Args:
            timeout: Seconds to wait at most.
            poll: Seconds between two looks.

        Raises:
            Unavailable: It does not after that time.
        """
        until = time.monotonic() + timeout
        while True:
            reason = await self._why_not_serving(max(poll, 1.0))
            if reason is None:
                return
            if time.monotonic() + poll > until:
                raise Unavailable(
                    f"{self._connection.target} does not serve after {timeout:g} s: {reason}",
                    grpc.StatusCode.UNAVAILABLE,
                )
            await asyncio.sleep(poll)

    async def _why_not_serving(self, timeout: float) -> str | None:
        try:
            status = await self.status(timeout=timeout)
        except AirGraphError as error:
            return error.message
        return None if status.serving else status.health

    def _timeout(self, of_call: float | None) -> float | None:
        return self._connection.timeout if of_call is None else of_call
