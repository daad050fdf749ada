"""Loading and unloading models of a running server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from airgraph.v1 import registry_pb2, registry_pb2_grpc
from airgraph_client.connection import CallMetadata, Connection
from airgraph_client.errors import typed_errors
from airgraph_client.models import Model, read_model


class CallOptions(TypedDict):
    """What every gRPC call is given."""

    timeout: float | None
    metadata: CallMetadata


@dataclass(frozen=True)
class Reloaded:
    """What a look through the zoo has changed.

    Attributes:
        loaded: Models loaded or replaced.
        unloaded: Models that are gone.
        failed: Models that could not be loaded; what served before still serves.
    """

    loaded: tuple[Model, ...]
    unloaded: tuple[Model, ...]
    failed: tuple[Model, ...]


class RegistryCalls:
    """The methods of `Client` that change the server's models; administrators' where the server guards them."""

    _connection: Connection
    _registry: registry_pb2_grpc.RegistryStub

    def load_model(self, name: str, version: str | None = None, *, timeout: float | None = None) -> Model:
        """Loads a model of the server's zoo, self-test included; without a version the newest.

        Args:
            name: ``"name"``, or ``"problem/name"`` where several problems have it.
            version: Version.
            timeout: Seconds the call may take.

        Raises:
            ModelNotFound: The zoo has none such.
            ModelCannotServe: It is damaged or failed its self-test; what served before still serves.
        """
        request = registry_pb2.LoadModelRequest(name=name, version=version or "")
        with typed_errors():
            reply = self._registry.LoadModel(request, **_call(self._connection, timeout))
        return read_model(reply.model)

    def unload_model(self, name: str, version: str | None = None, *, timeout: float | None = None) -> tuple[Model, ...]:
        """Takes a model, or one version of it, out of service; calls in flight end on it."""
        request = registry_pb2.UnloadModelRequest(name=name, version=version or "")
        with typed_errors():
            reply = self._registry.UnloadModel(request, **_call(self._connection, timeout))
        return tuple(read_model(model) for model in reply.models)

    def reload_models(self, *, timeout: float | None = None) -> Reloaded:
        """Lets the server look through its zoo again."""
        with typed_errors():
            reply = self._registry.ReloadModels(registry_pb2.ReloadModelsRequest(), **_call(self._connection, timeout))
        return _read_reloaded(reply)


class AsyncRegistryCalls:
    """The methods of `AsyncClient` that change the server's models; administrators' where the server guards them."""

    _connection: Connection
    _registry: registry_pb2_grpc.RegistryAsyncStub

    async def load_model(self, name: str, version: str | None = None, *, timeout: float | None = None) -> Model:
        """Loads a model of the server's zoo, self-test included; without a version the newest.

        Args:
            name: ``"name"``, or ``"problem/name"`` where several problems have it.
            version: Version.
            timeout: Seconds the call may take.

        Raises:
            ModelNotFound: The zoo has none such.
            ModelCannotServe: It is damaged or failed its self-test; what served before still serves.
        """
        request = registry_pb2.LoadModelRequest(name=name, version=version or "")
        with typed_errors():
            reply = await self._registry.LoadModel(request, **_call(self._connection, timeout))
        return read_model(reply.model)

    async def unload_model(
        self, name: str, version: str | None = None, *, timeout: float | None = None
    ) -> tuple[Model, ...]:
        """Takes a model, or one version of it, out of service; calls in flight end on it."""
        request = registry_pb2.UnloadModelRequest(name=name, version=version or "")
        with typed_errors():
            reply = await self._registry.UnloadModel(request, **_call(self._connection, timeout))
        return tuple(read_model(model) for model in reply.models)

    async def reload_models(self, *, timeout: float | None = None) -> Reloaded:
        """Lets the server look through its zoo again."""
        with typed_errors():
            reply = await self._registry.ReloadModels(
                registry_pb2.ReloadModelsRequest(), **_call(self._connection, timeout)
            )
        return _read_reloaded(reply)


def _call(connection: Connection, timeout: float | None) -> CallOptions:
    return {"timeout": connection.timeout if timeout is None else timeout, "metadata": connection.call_metadata()}


def _read_reloaded(reply: registry_pb2.ReloadModelsResponse) -> Reloaded:
    loaded, unloaded, failed = (
        tuple(read_model(model) for model in models) for models in (reply.loaded, reply.unloaded, reply.failed)
    )
    return Reloaded(loaded, unloaded, failed)
