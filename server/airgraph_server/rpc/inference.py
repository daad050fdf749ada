"""The Open Inference Protocol: the networks without projection, guard or fallback, for generic clients."""

from __future__ import annotations

import threading
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import grpc

from airgraph_server.codec.raw_tensors import NAMES, read_inputs
from airgraph_server.errors import CallError, InvalidInstanceError, ModelNotFoundError
from airgraph_server.registry.model import LoadedModel
from airgraph_server.registry.registry import ChangesModels, Entry, Registry
from airgraph_server.rpc.status import abort
from airgraph_server.scheduler.door import Door
from inference import open_inference_pb2 as messages
from inference import open_inference_pb2_grpc

SERVER_NAME = "airgraph"
EXTENSIONS = ("model_repository", "binary_tensor_data")
PLATFORMS = {"onnxruntime": "onnxruntime_onnx", "torchscript": "pytorch_torchscript"}


class InferenceServicer(open_inference_pb2_grpc.GRPCInferenceServiceServicer):
    """The same registry in another protocol. A model is called ``problem/name``, or ``name`` where that is unique."""

    def __init__(
        self, registry: Registry, changes: ChangesModels, door: Door, ready: Callable[[], bool], computing: int
    ) -> None:
        """Keeps the registry and who changes it, the room for calls, and places for calls that compute at once."""
        self._registry, self._changes, self._door, self._ready = registry, changes, door, ready
        self._places = threading.BoundedSemaphore(computing)

    def ServerLive(  # noqa: N802
        self, request: messages.ServerLiveRequest, context: grpc.ServicerContext
    ) -> messages.ServerLiveResponse:
        """Who answers, lives."""
        return messages.ServerLiveResponse(live=True)

    def ServerReady(  # noqa: N802
        self, request: messages.ServerReadyRequest, context: grpc.ServicerContext
    ) -> messages.ServerReadyResponse:
        """Whether all models were looked at."""
        return messages.ServerReadyResponse(ready=self._ready())

    def ModelReady(  # noqa: N802
        self, request: messages.ModelReadyRequest, context: grpc.ServicerContext
    ) -> messages.ModelReadyResponse:
        """Whether a model can run."""
        try:
            self._find(request.name, request.version)
        except (CallError, InvalidInstanceError):
            return messages.ModelReadyResponse(ready=False)
        return messages.ModelReadyResponse(ready=True)

    def ServerMetadata(  # noqa: N802
        self, request: messages.ServerMetadataRequest, context: grpc.ServicerContext
    ) -> messages.ServerMetadataResponse:
        """Name, version and extensions."""
        try:
            release = version("airgraph")
        except PackageNotFoundError:
            release = ""
        return messages.ServerMetadataResponse(name=SERVER_NAME, version=release, extensions=EXTENSIONS)

    def ModelMetadata(  # noqa: N802
        self, request: messages.ModelMetadataRequest, context: grpc.ServicerContext
    ) -> messages.ModelMetadataResponse:
        """Inputs and output of a model, as its network reads and writes them."""
        try:
            found, model = self._find(request.name, request.version)
        except (CallError, InvalidInstanceError) as error:
            abort(context, error)
        tensor = messages.ModelMetadataResponse.TensorMetadata
        inputs = [
            tensor(name=name, datatype=NAMES[example.dtype], shape=model.shapes.get(name, (-1,) * example.ndim))
            for name, example in model.example.items()
        ]
        output = tensor(name=model.output_name, datatype="FP32", shape=model.shapes.get(model.output_name, (-1, -1)))
        versions = [e.version for e in self._registry.entries() if e.key[:2] == found.key[:2] and e.model is not None]
        return messages.ModelMetadataResponse(
            name=request.name, versions=versions, platform=PLATFORMS[model.runtime], inputs=inputs, outputs=[output]
        )

    def ModelInfer(  # noqa: N802
        self, request: messages.ModelInferRequest, context: grpc.ServicerContext
    ) -> messages.ModelInferResponse:
        """Runs a network on raw tensors."""
        try:
            return self._infer(request, context)
        except (CallError, InvalidInstanceError) as error:
            abort(context, error, request.id)

    def RepositoryIndex(  # noqa: N802
        self, request: messages.RepositoryIndexRequest, context: grpc.ServicerContext
    ) -> messages.RepositoryIndexResponse:
        """All models."""
        index = messages.RepositoryIndexResponse.ModelIndex
        return messages.RepositoryIndexResponse(
            models=[
                index(
                    name=f"{entry.problem}/{entry.name}",
                    version=entry.version,
                    state="READY" if entry.model is not None else "UNAVAILABLE",
                    reason=entry.failure,
                )
                for entry in self._registry.entries()
                if entry.model is not None or not request.ready
            ]
        )

    def RepositoryModelLoad(  # noqa: N802
        self, request: messages.RepositoryModelLoadRequest, context: grpc.ServicerContext
    ) -> messages.RepositoryModelLoadResponse:
        """Loads the newest version of a model."""
        try:
            self._changes.load_model(request.model_name)
        except (CallError, InvalidInstanceError) as error:
            abort(context, error)
        return messages.RepositoryModelLoadResponse()

    def RepositoryModelUnload(  # noqa: N802
        self, request: messages.RepositoryModelUnloadRequest, context: grpc.ServicerContext
    ) -> messages.RepositoryModelUnloadResponse:
        """Unloads every version of a model."""
        try:
            self._changes.unload_model(request.model_name)
        except CallError as error:
            abort(context, error)
        return messages.RepositoryModelUnloadResponse()

    def _infer(self, request: messages.ModelInferRequest, context: grpc.ServicerContext) -> messages.ModelInferResponse:
        _, model = self._find(request.model_name, request.model_version)
        asked = [tensor.name for tensor in request.outputs]
        if any(name != model.output_name for name in asked):
            raise InvalidInstanceError("outputs", model.output_name, ", ".join(asked))
        inputs = read_inputs(request, model.example)
        self._door.enter(1, None)
        try:
            with self._places:
                output = model.run_raw(inputs)
        finally:
            self._door.leave(1)
        described = messages.ModelInferResponse.InferOutputTensor(
            name=model.output_name, datatype="FP32", shape=output.shape
        )
        return messages.ModelInferResponse(
            model_name=request.model_name,
            model_version=model.version,
            id=request.id,
            outputs=[described],
            raw_output_contents=[output.astype("<f4", copy=False).tobytes()],
        )

    def _find(self, name: str, wanted: str) -> tuple[Entry, LoadedModel]:
        found = self._registry.newest(name, wanted)
        if found is None or found.model is None:
            raise ModelNotFoundError(f"no model {name!r} version {wanted or 'any'!r} is ready")
        problems = sorted({e.problem for e in self._registry.entries() if name in (e.name, f"{e.problem}/{e.name}")})
        if len(problems) > 1:
            raise InvalidInstanceError("name", "problem/name where several problems have it", ", ".join(problems))
        return found, found.model
