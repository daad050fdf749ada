"""ONNX Runtime: the default, with no learning framework in the process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from airgraph_server.runtime.base import DeviceUnavailableError, Inputs
from airgraph_server.settings import Device


class OnnxRuntime:
    """One inference session, shared by all threads (it releases the interpreter lock while it runs)."""

    name = "onnxruntime"

    def __init__(self, path: Path, device: Device, threads: int) -> None:
        """Loads the network.

        Raises:
            DeviceUnavailableError: ``device`` is CUDA and this ONNX Runtime cannot use one.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Spinning threads would take the cores that handle calls.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        providers = _providers(device)
        self._session = ort.InferenceSession(str(path), options, providers=providers)
        active = self._session.get_providers()[0]
        if device is Device.CUDA and active != "CUDAExecutionProvider":
            raise DeviceUnavailableError(f"CUDA was asked for, but ONNX Runtime started on {active}")
        self.device = "cuda" if active == "CUDAExecutionProvider" else "cpu"
        self._wanted = [tensor.name for tensor in self._session.get_inputs()]
        self.output_name = self._session.get_outputs()[0].name
        self.shapes = {
            tensor.name: tuple(extent if isinstance(extent, int) else -1 for extent in tensor.shape)
            for tensor in (*self._session.get_inputs(), *self._session.get_outputs())
        }

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for inputs by name."""
        output: npt.NDArray[np.float32] = self._session.run(None, {name: inputs[name] for name in self._wanted})[0]
        return output


def _providers(device: Device) -> list[str]:
    available = ort.get_available_providers()
    has_cuda = "CUDAExecutionProvider" in available
    if device is Device.CUDA and not has_cuda:
        raise DeviceUnavailableError(f"CUDA was asked for, but ONNX Runtime offers only {', '.join(available)}")
    if device is Device.CPU or not has_cuda:
        return ["CPUExecutionProvider"]
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]
