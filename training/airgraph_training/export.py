"""From a trained network to the files that the server loads: ONNX and TorchScript, checked against each other."""

from __future__ import annotations

import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch
from onnxscript import optimizer

from airgraph_models.gnn.graph_network import GraphNetwork
from airgraph_models.problems.layouts import JoinedGraphs
from airgraph_training.export_inputs import AXES, check_inputs, example_input, layout_of

ONNX_FILE, TORCHSCRIPT_FILE = "model.onnx", "model.pt"
OUTPUT = "allocation"
OPSET = 18
TOLERANCE = 1e-5


class ExportError(RuntimeError):
    """The exported networks do not agree with the eager one."""


def tensors(joined: JoinedGraphs) -> tuple[torch.Tensor, ...]:
    """A union's inputs in the order of the network's arguments."""
    return tuple(torch.from_numpy(np.ascontiguousarray(array)) for array in joined.inputs().values())


def to_onnx(network: GraphNetwork) -> bytes:
    """ONNX bytes with all extents dynamic."""
    layout = layout_of(network)
    axes = {**AXES[layout], OUTPUT: {0: "N"}}
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter folds each product with its bias into one Gemm, which ONNX Runtime then fuses with
        # the ReLU; the network has no branch that depends on data, so a trace is exact. Torch calls it legacy.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.inference_form().eval(),
            tensors(example_input(network)),
            stream,  # type: ignore[arg-type]  # a stream is taken, though the annotation forgets it
            input_names=list(AXES[layout]),
            output_names=[OUTPUT],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    model = optimizer.optimize(onnx.load_from_string(stream.getvalue()))
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString()
    return serialised


def to_torchscript(network: GraphNetwork) -> bytes:
    """TorchScript bytes on the CPU, not frozen: its ``state_dict`` loads into the eager network."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # Deprecated by torch, but what libtorch users load.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.script(network.eval()), stream)
    return _without_debug_records(stream.getvalue())


def _without_debug_records(script: bytes) -> bytes:
    """Leaves out where each line of source lay on the machine that exported, which loading does not need."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(script)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as new:
        for record in old.infolist():
            if not record.filename.endswith(".debug_pkl"):
                new.writestr(record, old.read(record))
    return stream.getvalue()


def onnx_session(model: bytes | Path) -> ort.InferenceSession:
    """A single-threaded session on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model
    return ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def run_onnx(session: ort.InferenceSession, joined: JoinedGraphs) -> npt.NDArray[np.float32]:
    """The network's answer to a union of graphs."""
    wanted = [tensor.name for tensor in session.get_inputs()]
    arrays = joined.inputs()
    answer: npt.NDArray[np.float32] = session.run(None, {name: arrays[name] for name in wanted})[0]
    return answer


def check_agreement(network: GraphNetwork, onnx_model: bytes, script: bytes, seed: int = 0) -> float:
    """Largest difference between eager, ONNX and TorchScript over random graphs, isolated nodes among them.

    Raises:
        ExportError: It exceeds `TOLERANCE`.
    """
    session = onnx_session(onnx_model)
    module = torch.jit.load(io.BytesIO(script))  # type: ignore[no-untyped-call]
    worst = 0.0
    for joined in check_inputs(network, np.random.default_rng(seed)):
        arguments = tensors(joined)
        with torch.inference_mode():
            eager, scripted = network.eval()(*arguments).numpy(), module(*arguments).numpy()
        for other in (run_onnx(session, joined), scripted):
            worst = max(worst, float(np.abs(other - eager).max()))
    if not worst <= TOLERANCE:
        raise ExportError(f"eager, ONNX and TorchScript differ by {worst:.3g}, at most {TOLERANCE:g} is allowed")
    return worst
