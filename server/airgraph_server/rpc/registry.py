"""The Registry service: which models there are, what their cards say, and which of them serve."""

from __future__ import annotations

import grpc

from airgraph.v1 import registry_pb2, registry_pb2_grpc
from airgraph_server.errors import CallError, InvalidInstanceError, ModelNotFoundError
from airgraph_server.registry.registry import ChangesModels, Entry, Registry, State
from airgraph_server.status import abort

STATES = {
    State.READY: registry_pb2.MODEL_STATE_READY,
    State.UNLOADED: registry_pb2.MODEL_STATE_UNLOADED,
    State.FAILED: registry_pb2.MODEL_STATE_FAILED,
}


def _model(entry: Entry) -> registry_pb2.Model:
    return registry_pb2.Model(
        name=entry.name,
        version=entry.version,
        problem=entry.problem,
        state=STATES[entry.state],
        state_detail=entry.failure,
        runtime=entry.model.runtime if entry.model else "",
        device=entry.model.device if entry.model else "",
        is_default=entry.is_default,
        num_parameters=entry.model.card.parameters if entry.model else 0,
        min_nodes=entry.model.card.nodes[0] if entry.model else 0,
        max_nodes=entry.model.card.nodes[1] if entry.model else 0,
    )


class RegistryServicer(registry_pb2_grpc.RegistryServicer):
    """Reads and changes the registry."""

    def __init__(self, registry: Registry, changes: ChangesModels) -> None:
        """Keeps the registry, and who changes it."""
        self._registry, self._changes = registry, changes

    def ListModels(  # noqa: N802
        self, request: registry_pb2.ListModelsRequest, context: grpc.ServicerContext
    ) -> registry_pb2.ListModelsResponse:
        """All models found in the zoo, those that failed to load with the reason."""
        entries = [
            entry
            for entry in self._registry.entries()
            if request.problem in ("", entry.problem) and not (request.ready_only and entry.model is None)
        ]
        return registry_pb2.ListModelsResponse(models=[_model(entry) for entry in entries])

    def DescribeModel(  # noqa: N802
        self, request: registry_pb2.DescribeModelRequest, context: grpc.ServicerContext
    ) -> registry_pb2.DescribeModelResponse:
        """One model with its card."""
        entry = self._registry.newest(request.name, request.version)
        if entry is not None and entry.model is not None:
            response = registry_pb2.DescribeModelResponse(model=_model(entry))
            response.card.update(entry.model.card.document)
            return response
        abort(context, ModelNotFoundError(f"no model {request.name!r} version {request.version or 'any'!r} is loaded"))

    def LoadModel(  # noqa: N802
        self, request: registry_pb2.LoadModelRequest, context: grpc.ServicerContext
    ) -> registry_pb2.LoadModelResponse:
        """Loads a model beside what serves, then puts it in its place."""
        try:
            entry = self._changes.load_model(request.name, request.version)
        except (CallError, InvalidInstanceError) as error:
            abort(context, error)
        return registry_pb2.LoadModelResponse(model=_model(entry))

    def UnloadModel(  # noqa: N802
        self, request: registry_pb2.UnloadModelRequest, context: grpc.ServicerContext
    ) -> registry_pb2.UnloadModelResponse:
        """Takes a model out of service; calls that have it already end on it."""
        try:
            entries = self._changes.unload_model(request.name, request.version)
        except CallError as error:
            abort(context, error)
        return registry_pb2.UnloadModelResponse(models=[_model(entry) for entry in entries])

    def ReloadModels(  # noqa: N802
        self, request: registry_pb2.ReloadModelsRequest, context: grpc.ServicerContext
    ) -> registry_pb2.ReloadModelsResponse:
        """Looks through the zoo again."""
        changes = self._changes.reload()
        return registry_pb2.ReloadModelsResponse(
            loaded=[_model(entry) for entry in changes.loaded],
            unloaded=[_model(entry) for entry in changes.unloaded],
            failed=[_model(entry) for entry in changes.failed],
        )
