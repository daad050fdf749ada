"""The Open Inference Protocol: the networks without projection, guard or fallback, for generic clients."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

import grpc

from airgraph_server.codec.raw_tensors import NAMES
from airgraph_server.errors import CallError, InvalidInstanceError
from airgraph_server.inference import Inference
from airgraph_server.registry.model import LoadedModel
from airgraph_server.registry.registry import ChangesModels, Registry
from airgraph_server.rpc.scope import scope_of
from airgraph_server.status import abort
from airgraph_server.tracing.spans import CURRENT
from inference import open_inference_pb2 as messages
from inference import open_inference_pb2_grpc

SERVER_NAME = "airgraph"
EXTENSIONS = ("model_repository", "model_configuration", "binary_tensor_data")
PLATFORMS = {"onnxruntime": "onnxruntime_onnx", "torchscript": "pytorch_torchscript"}
BACKENDS = {"onnxruntime": "onnxruntime", "torchscript": "pytorch"}


class InferenceServicer(open_inference_pb2_grpc.GRPCInferenceServiceServicer):
    """The same registry in another protocol. A model is called ``problem/name``, or ``name`` where that is unique."""

    def __init__(
        self,
        inference: Inference,
        registry: Registry,
        changes: ChangesModels,
        ready: Callable[[], bool],
        default_deadline: float | None,
    ) -> None:
        """Keeps the data plane, the registry and who changes it, and the deadline of calls that bring none."""
        self._inference, self._registry, self._changes, self._ready = inference, registry, changes, ready
        self._default_deadline = default_deadline

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
            self._inference.find(request.name, request.version)
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
            found, model = self._inference.find(request.name, request.version)
        except (CallError, InvalidInstanceError) as error:
            abort(context, error)
        tensor = messages.ModelMetadataResponse.TensorMetadata
        inputs = [tensor(name=name, datatype=kind, shape=shape) for name, kind, shape in _inputs(model)]
        output = tensor(name=model.output_name, datatype="FP32", shape=_output_shape(model))
        versions = [e.version for e in self._registry.entries() if e.key[:2] == found.key[:2] and e.model is not None]
        return messages.ModelMetadataResponse(
            name=request.name, versions=versions, platform=PLATFORMS[model.runtime], inputs=inputs, outputs=[output]
        )

    def ModelConfig(  # noqa: N802
        self, request: messages.ModelConfigRequest, context: grpc.ServicerContext
    ) -> messages.ModelConfigResponse:
        """What Triton's clients call a configuration."""
        try:
            _, model = self._inference.find(request.name, request.version)
        except (CallError, InvalidInstanceError) as error:
            abort(context, error)
        inputs = [
            messages.ModelInput(name=name, data_type=messages.DataType.Value(f"TYPE_{kind}"), dims=shape)
            for name, kind, shape in _inputs(model)
        ]
        output = messages.ModelOutput(name=model.output_name, data_type=messages.TYPE_FP32, dims=_output_shape(model))
        platform, backend = PLATFORMS[model.runtime], BACKENDS[model.runtime]
        return messages.ModelConfigResponse(
            config=messages.ModelConfig(
                name=request.name, platform=platform, backend=backend, input=inputs, output=[output]
            )
        )

    def ModelInfer(  # noqa: N802
        self, request: messages.ModelInferRequest, context: grpc.ServicerContext
    ) -> messages.ModelInferResponse:
        """Runs a network on raw tensors."""
        try:
            return self._inference.infer(request, scope_of(context, CURRENT.get(), self._default_deadline))
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


def _inputs(model: LoadedModel) -> list[tuple[str, str, tuple[int, ...]]]:
    """Name, datatype and shape of each input."""
    return [
        (name, NAMES[example.dtype], model.shapes.get(name, (-1,) * example.ndim))
        for name, example in model.example.items()
    ]


def _output_shape(model: LoadedModel) -> tuple[int, ...]:
    return model.shapes.get(model.output_name, (-1, -1))
