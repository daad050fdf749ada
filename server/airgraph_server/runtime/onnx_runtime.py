"""ONNX Runtime on the CPU: the default, with no learning framework in the process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from airgraph_server.runtime.base import Inputs


class OnnxRuntime:
    """One inference session, shared by all threads (it releases the interpreter lock while it runs)."""

    name = "onnxruntime"
    device = "cpu"
    few_shapes = False

    def __init__(self, path: Path, threads: int) -> None:
        """Loads the network."""
        self._session = ort.InferenceSession(str(path), session_options(threads), providers=["CPUExecutionProvider"])
        self._wanted = [tensor.name for tensor in self._session.get_inputs()]
        self.output_name = self._session.get_outputs()[0].name
        self.shapes = declared_shapes(self._session)

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for inputs by name."""
        output: npt.NDArray[np.float32] = self._session.run(None, {name: inputs[name] for name in self._wanted})[0]
        return output


def session_options(threads: int) -> ort.SessionOptions:
    """What sessions on every device have in common."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads would take the cores that handle calls.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return options


def declared_shapes(session: ort.InferenceSession) -> dict[str, tuple[int, ...]]:
    """Shapes of inputs and outputs by name, -1 for any extent."""
    return {
        tensor.name: tuple(extent if isinstance(extent, int) else -1 for extent in tensor.shape)
        for tensor in (*session.get_inputs(), *session.get_outputs())
    }
