"""The Open Inference Protocol facade, with our own stubs and with the real tritonclient."""

import os
import subprocess
from pathlib import Path

import grpc
import numpy as np
import pytest

from airgraph_models.problems import FAMILIES
from airgraph_server.app import Server
from airgraph_server.registry.examples import plain_instance
from airgraph_server.settings import RuntimeKind, Settings
from inference import open_inference_pb2 as messages
from inference import open_inference_pb2_grpc

TRITON = os.environ.get("AIRGRAPH_TRITON_PYTHON", "")
"""The interpreter of an environment of its own that has tritonclient[grpc]: it pins an older protobuf."""
TYPES = {"float32": "FP32", "int64": "INT64"}


@pytest.fixture(scope="module", params=list(RuntimeKind))
def server(request):
    with Server(Settings(port=0, metrics_port=None, runtime=request.param)) as running:
        yield running


@pytest.fixture(scope="module")
def stub(server):
    with grpc.insecure_channel(server.target) as channel:
        yield open_inference_pb2_grpc.GRPCInferenceServiceStub(channel)


def models(server):
    return {f"{entry.problem}/{entry.name}": entry.model for entry in server.registry.entries()}


def inputs_of(model, sizes=(5, 9)):
    family = FAMILIES[model.card.problem]
    graphs = [family.view(plain_instance(model.card, size), model.layout).graph for size in sizes]
    return model.join(graphs).inputs()


def infer_request(name, inputs, raw=True, **changed):
    tensors = []
    for key, value in inputs.items():
        tensor = messages.ModelInferRequest.InferInputTensor(
            name=key, datatype=TYPES[value.dtype.name], shape=value.shape
        )
        if not raw:
            field = "fp32_contents" if value.dtype == np.float32 else "int64_contents"
            getattr(tensor.contents, field).extend(value.ravel().tolist())
        tensors.append(tensor)
    contents = [np.ascontiguousarray(value).tobytes() for value in inputs.values()] if raw else []
    return messages.ModelInferRequest(model_name=name, inputs=tensors, raw_input_contents=contents, **changed)


@pytest.mark.parametrize("raw", [True, False])
def test_every_model_of_the_zoo_answers_as_its_network(server, stub, raw):
    assert len(models(server)) >= 3
    for name, model in models(server).items():
        inputs = inputs_of(model)
        response = stub.ModelInfer(infer_request(name, inputs, raw, id="7"))
        assert (response.id, response.model_version) == ("7", model.version)
        (output,) = response.outputs
        found = np.frombuffer(response.raw_output_contents[0], "<f4").reshape(output.shape)
        np.testing.assert_allclose(found, model.run_raw(inputs), atol=1e-6)


def test_the_metadata_fits_what_the_network_reads(server, stub):
    for name, model in models(server).items():
        described = stub.ModelMetadata(messages.ModelMetadataRequest(name=name))
        inputs = inputs_of(model)
        assert {tensor.name for tensor in described.inputs} == set(inputs)
        for tensor in described.inputs:
            value = inputs[tensor.name]
            assert tensor.datatype == TYPES[value.dtype.name]
            assert len(tensor.shape) == value.ndim
            assert all(said in (-1, found) for said, found in zip(tensor.shape, value.shape, strict=True))
        assert list(described.versions) == [model.version]
        config = stub.ModelConfig(messages.ModelConfigRequest(name=name)).config
        assert (config.name, config.platform) == (name, described.platform)
        for ours, theirs in ((described.inputs, config.input), (described.outputs, config.output)):
            assert [(tensor.name, f"TYPE_{tensor.datatype}", list(tensor.shape)) for tensor in ours] == [
                (tensor.name, messages.DataType.Name(tensor.data_type), list(tensor.dims)) for tensor in theirs
            ]
        assert stub.ModelReady(messages.ModelReadyRequest(name=name)).ready
    assert stub.ServerLive(messages.ServerLiveRequest()).live
    assert stub.ServerReady(messages.ServerReadyRequest()).ready
    assert stub.ServerMetadata(messages.ServerMetadataRequest()).name == "airgraph"
    assert not stub.ModelReady(messages.ModelReadyRequest(name="none")).ready
    index = stub.RepositoryIndex(messages.RepositoryIndexRequest(ready=True)).models
    assert {entry.name for entry in index} == set(models(server))


def first_of(inputs):
    """Features of the nodes, whatever the layout calls them."""
    return next(iter(inputs.values()))


def out_of_range(inputs):
    index = next(name for name in ("neighbour", "source", "place") if name in inputs)
    return {**inputs, index: np.full_like(inputs[index], 10**6)}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda inputs: dict(list(inputs.items())[1:]), "inputs"),
        (lambda inputs: {**inputs, "more": first_of(inputs)}, "inputs"),
        (lambda inputs: {**inputs, next(iter(inputs)): first_of(inputs).astype(np.int64)}, "datatype FP32"),
        (lambda inputs: {**inputs, next(iter(inputs)): first_of(inputs)[None]}, "extents"),
        (lambda inputs: {**inputs, next(iter(inputs)): first_of(inputs)[..., :1]}, "inputs"),
        (out_of_range, "indices"),
    ],
)
def test_wrong_tensors_are_named_and_the_model_goes_on(server, stub, change, named):
    for name, model in models(server).items():
        inputs = inputs_of(model)
        with pytest.raises(grpc.RpcError) as caught:
            stub.ModelInfer(infer_request(name, change(inputs)))
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert named in caught.value.details()
        assert stub.ModelInfer(infer_request(name, inputs)).outputs


def test_too_few_bytes_unknown_outputs_and_unknown_models_are_refused(server, stub):
    name, model = next(iter(models(server).items()))
    request = infer_request(name, inputs_of(model))
    request.raw_input_contents[0] = request.raw_input_contents[0][:-1]
    other = infer_request(name, inputs_of(model))
    other.outputs.add(name="none")
    missing = infer_request("none", inputs_of(model))
    codes = []
    for bad in (request, other, missing):
        with pytest.raises(grpc.RpcError) as caught:
            stub.ModelInfer(bad)
        codes.append(caught.value.code())
    assert codes == [grpc.StatusCode.INVALID_ARGUMENT] * 2 + [grpc.StatusCode.NOT_FOUND]


def test_models_are_loaded_and_unloaded_by_the_protocol(server, stub):
    name = "power_control/wcgcn"
    stub.RepositoryModelUnload(messages.RepositoryModelUnloadRequest(model_name=name))
    assert not stub.ModelReady(messages.ModelReadyRequest(name=name)).ready
    stub.RepositoryModelLoad(messages.RepositoryModelLoadRequest(model_name=name))
    assert stub.ModelReady(messages.ModelReadyRequest(name=name)).ready


@pytest.mark.skipif(not TRITON, reason="AIRGRAPH_TRITON_PYTHON names no environment with tritonclient[grpc]")
def test_the_real_tritonclient_runs_every_model(server, tmp_path):
    tensors = {f"{name}:{key}": value for name, m in models(server).items() for key, value in inputs_of(m).items()}
    np.savez(tmp_path / "tensors.npz", **tensors)
    script = Path(__file__).with_name("oip_check.py")
    subprocess.run(
        [TRITON, script, server.target, tmp_path / "tensors.npz", tmp_path / "outputs.npz"],
        check=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin"},
    )
    found = np.load(tmp_path / "outputs.npz")
    for name, model in models(server).items():
        np.testing.assert_allclose(found[name], model.run_raw(inputs_of(model)), atol=1e-6)
