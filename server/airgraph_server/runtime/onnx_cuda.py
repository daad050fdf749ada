"""ONNX Runtime on a GPU: inputs and outputs bound to device memory, the work recorded once a shape as a CUDA graph."""

from __future__ import annotations

from collections import Counter
from itertools import count
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from airgraph_server.log import logger
from airgraph_server.runtime.base import DeviceUnavailableError, Inputs
from airgraph_server.runtime.onnx_runtime import declared_shapes, session_options
from airgraph_server.runtime.recorded_runs import RecordedRuns

CUDA, CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
GRAPH_ID = "gpu_graph_id"
NOT_RECORDED = -1


class OnnxCudaRuntime:
    """One inference session on one GPU; one run at a time."""

    name = "onnxruntime"
    device = "cuda"

    def __init__(self, path: Path, threads: int, recorded_shapes: int) -> None:
        """Loads the network, and looks where its nodes were placed.

        Raises:
            DeviceUnavailableError: ONNX Runtime cannot use a GPU.
        """
        if CUDA not in ort.get_available_providers():
            raise DeviceUnavailableError(f"ONNX Runtime offers only {', '.join(ort.get_available_providers())}")
        ort.preload_dlls()
        try:
            # It refuses to record unless the GPU has every node that computes.
            self._session = self._open(path, threads, record=True)
            self.few_shapes = True
        except ort.capi.onnxruntime_pybind11_state.Fail as error:
            self._session = self._open(path, threads, record=False)
            self.few_shapes = False
            logger().warning("not_recorded_on_gpu", path=str(path), reason=str(error))
        placed = nodes_by_provider(self._session)
        computing = placed.get(CPU, Counter())
        log = logger().info if self.few_shapes else logger().warning
        log("nodes_placed", path=str(path), cuda=sum(placed.get(CUDA, Counter()).values()), cpu=dict(computing))
        self._wanted = [tensor.name for tensor in self._session.get_inputs()]
        self.output_name = self._session.get_outputs()[0].name
        self.shapes = declared_shapes(self._session)
        self._plain = ort.RunOptions()
        self._plain.add_run_config_entry(GRAPH_ID, str(NOT_RECORDED))
        self._graph_ids = count(1)
        # What may not be recorded runs on the one thread too, and stays as it is.
        self._runs = RecordedRuns(self._run_plainly, self._record, recorded_shapes if self.few_shapes else 0)

    @staticmethod
    def _open(path: Path, threads: int, *, record: bool) -> ort.InferenceSession:
        options = session_options(threads)
        options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
        # TF32 would keep three digits of each factor: not what the card's self-test and the other runtimes have.
        choices = {"use_tf32": "0", "enable_cuda_graph": str(int(record))}
        session = ort.InferenceSession(str(path), options, providers=[(CUDA, choices), CPU])
        # Whether the CPU takes over is decided, and told, elsewhere.
        session.disable_fallback()
        if session.get_providers()[0] != CUDA:
            raise DeviceUnavailableError(f"ONNX Runtime started on {session.get_providers()[0]}")
        return session

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for inputs by name."""
        return self._runs.run({name: inputs[name] for name in self._wanted})

    def _run_plainly(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        output: npt.NDArray[np.float32] = self._session.run(None, inputs, self._plain)[0]
        return output

    def _record(self, inputs: Inputs) -> BoundRun:
        return BoundRun(self._session, inputs, self.output_name, next(self._graph_ids), self._plain)


class BoundRun:
    """One run with inputs and output at fixed places of the GPU's memory, recorded."""

    def __init__(
        self, session: ort.InferenceSession, inputs: Inputs, output_name: str, graph_id: int, plain: ort.RunOptions
    ) -> None:
        """Binds memory for inputs of these shapes."""
        self._session, self._graph_id = session, graph_id
        shape = session.run(None, inputs, plain)[0].shape
        self._inputs = {name: ort.OrtValue.ortvalue_from_numpy(value, "cuda", 0) for name, value in inputs.items()}
        self._output = ort.OrtValue.ortvalue_from_shape_and_type(shape, np.float32, "cuda", 0)
        self._binding = session.io_binding()
        for name, value in self._inputs.items():
            self._binding.bind_ortvalue_input(name, value)
        self._binding.bind_ortvalue_output(output_name, self._output)
        self._options = ort.RunOptions()
        self._options.add_run_config_entry(GRAPH_ID, str(graph_id))
        # The first run under a number is what ONNX Runtime records.
        session.run_with_iobinding(self._binding, self._options)

    def replay(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for other inputs of these shapes."""
        for name, value in self._inputs.items():
            value.update_inplace(np.ascontiguousarray(inputs[name]))
        self._session.run_with_iobinding(self._binding, self._options)
        output: npt.NDArray[np.float32] = self._output.numpy()
        return output

    def close(self) -> None:
        """Gives the recorded work and its memory back."""
        self._session.release_captured_graph(self._graph_id)


def nodes_by_provider(session: ort.InferenceSession) -> dict[str, Counter[str]]:
    """How many nodes of which type each provider was given."""
    placed: dict[str, Counter[str]] = {}
    for part in session.get_provider_graph_assignment_info():
        placed.setdefault(part.ep_name, Counter()).update(node.op_type for node in part.get_nodes())
    return placed
