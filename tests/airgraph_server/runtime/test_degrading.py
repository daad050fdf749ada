"""A lost GPU leaves the network on the CPU; inputs that no device takes leave it where it is."""

import threading

import grpc
import numpy as np
import pytest
from requests_to import power_control_request

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc, registry_pb2, registry_pb2_grpc
from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_models.problems.layouts import LAYOUTS
from airgraph_models.problems.padded_shapes import padded_extent
from airgraph_server.app import Server
from airgraph_server.runtime import loading
from airgraph_server.runtime.degrading import DegradingRuntime
from airgraph_server.runtime.onnx_runtime import OnnxRuntime
from airgraph_server.settings import Settings

MODEL = Settings().zoo / "power_control" / "wcgcn" / "1" / "model.onnx"


class LossyGpu:
    """A stand-in for a GPU: the CPU's arithmetic, a preference for few shapes, and a switch to lose it."""

    name = "onnxruntime"
    device = "cuda"
    few_shapes = True

    def __init__(self, path=MODEL):
        self._computes = OnnxRuntime(path, 1)
        self.output_name, self.shapes = self._computes.output_name, self._computes.shapes
        self.lost = False
        self.nodes = []

    def run(self, inputs):
        if self.lost:
            raise RuntimeError("an unspecified launch failure")
        self.nodes.append(len(next(iter(inputs.values()))))
        return self._computes.run(inputs)


def inputs_of(nodes, seed=0):
    instance = PowerControl.create(np.random.default_rng(seed).exponential(size=(nodes, nodes)))
    return LAYOUTS["row_table"]([POWER_CONTROL.view(instance).graph]).inputs()


@pytest.fixture
def gpu():
    return LossyGpu()


@pytest.fixture
def runtime(gpu):
    return DegradingRuntime(gpu, lambda: OnnxRuntime(MODEL, 1))


def test_a_lost_gpu_fails_no_run(gpu, runtime):
    told = []
    runtime.on_lost = told.append
    before = runtime.run(inputs_of(7))
    assert (runtime.device, runtime.few_shapes) == ("cuda", True)
    gpu.lost = True
    np.testing.assert_array_equal(runtime.run(inputs_of(7)), before)
    assert (runtime.device, runtime.few_shapes) == ("cpu", False)
    assert told == ["RuntimeError('an unspecified launch failure')"]
    runtime.run(inputs_of(9))
    assert len(told) == 1


def test_inputs_that_do_not_fit_together_are_the_callers_fault(gpu, runtime):
    runtime.run(inputs_of(7))
    broken = inputs_of(7) | {"rows": np.full((7, 1), 99, np.int64)}
    with pytest.raises(Exception, match="indices"):
        runtime.run(broken)
    assert runtime.device == "cuda"


def test_a_gpu_that_never_worked_is_no_lost_one(gpu, runtime):
    gpu.lost = True
    with pytest.raises(RuntimeError, match="launch failure"):
        runtime.run(inputs_of(3))


def test_many_threads_lose_the_gpu_once(gpu, runtime):
    told = []
    runtime.on_lost = told.append
    runtime.run(inputs_of(4))
    gpu.lost = True
    failed = []

    def call():
        try:
            runtime.run(inputs_of(4))
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failed, len(told)) == ([], 1)


@pytest.fixture
def served(monkeypatch):
    """A server whose models run on stand-ins for a GPU, its address, and those stand-ins."""
    gpus = []

    def on_the_gpu(path, settings):
        gpus.append(LossyGpu(path))
        return gpus[-1]

    monkeypatch.setattr(loading, "_on_the_gpu", on_the_gpu)
    with Server(Settings(port=0, metrics_port=0)) as server, grpc.insecure_channel(server.target) as channel:
        yield server, channel, gpus


def test_the_server_pads_for_a_gpu_and_goes_on_without_it(served):
    server, channel, gpus = served
    stub = allocator_pb2_grpc.AllocatorStub(channel)
    for gpu in gpus:
        gpu.nodes.clear()
    request = power_control_request(
        np.random.default_rng(1).exponential(size=(11, 11)), policy=allocator_pb2.POLICY_LEARNED
    )
    before = stub.Allocate(request)
    assert padded_extent(11) in [nodes for gpu in gpus for nodes in gpu.nodes]
    assert devices(channel) == {"cuda"}
    for gpu in gpus:
        gpu.lost = True
    after = stub.Allocate(request)
    assert before.provenance.solver == after.provenance.solver == "aligned"
    assert after.provenance.objective == pytest.approx(before.provenance.objective, rel=1e-5)
    assert devices(channel) == {"cuda", "cpu"}
    value = server.metrics.registry.get_sample_value
    labels = {"problem": "power_control", "model": "aligned", "version": "1", "runtime": "onnxruntime"}
    assert value("airgraph_model_info", {**labels, "device": "cpu"}) == 1
    assert value("airgraph_model_info", {**labels, "device": "cuda"}) is None


def devices(channel):
    listed = registry_pb2_grpc.RegistryStub(channel).ListModels(registry_pb2.ListModelsRequest())
    return {model.device for model in listed.models}
