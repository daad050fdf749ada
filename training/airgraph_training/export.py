"""From a trained network to the files that the server loads: ONNX and TorchScript, checked against each other."""

from __future__ import annotations

import io
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch
from onnxscript import optimizer

from airgraph_models.gnn.wcgcn import WCGCN
from airgraph_models.problems.row_table import LinkGraph, RowTable, build_row_table

INPUTS = ("node", "link", "neighbour", "rows", "connected")
OUTPUT = "allocation"
OPSET = 18
TOLERANCE = 1e-5
CHECK_SIZES = ((1,), (2,), (7,), (24,), (3, 1, 11))


class ExportError(RuntimeError):
    """The exported networks do not agree with the eager one."""


def random_graph(rng: np.random.Generator, nodes: int, node_features: int, link_features: int) -> LinkGraph:
    """A random graph with isolated nodes and nodes of many links among its ``nodes``."""
    joined = rng.random((nodes, nodes)) < rng.random((nodes, 1))
    np.fill_diagonal(joined, False)
    offsets = np.concatenate([[0], np.cumsum(joined.sum(axis=1))])
    neighbour = np.nonzero(joined)[1]
    link = rng.normal(1.0, 2.0, (neighbour.size, link_features)).astype(np.float32)
    node = rng.normal(1.0, 2.0, (nodes, node_features)).astype(np.float32)
    return LinkGraph(offsets.astype(np.int64), neighbour.astype(np.int64), link, node)


def tensors(table: RowTable) -> tuple[torch.Tensor, ...]:
    """A table's inputs in the order of the network's arguments."""
    arrays = table.inputs()
    return tuple(torch.from_numpy(np.ascontiguousarray(arrays[name])) for name in INPUTS)


def to_onnx(network: WCGCN) -> bytes:
    """ONNX bytes with all four extents dynamic (nodes, rows, slots a row, rows a node)."""
    names = {"node": {0: "N"}, "link": {0: "R", 1: "W"}, "neighbour": {0: "R", 1: "W"}}
    axes = {**names, "rows": {0: "N", 1: "C"}, "connected": {0: "N"}, OUTPUT: {0: "N"}}
    table = build_row_table([random_graph(np.random.default_rng(0), 9, *_widths(network))])
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # The tracing exporter folds each product with its bias into one Gemm, which ONNX Runtime then fuses with
        # the ReLU; the network has no branch that depends on data, so a trace is exact. Torch calls it legacy.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            network.eval(),
            tensors(table),
            stream,  # type: ignore[arg-type]  # a stream is taken, though the annotation forgets it
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    model = optimizer.optimize(onnx.load_from_string(stream.getvalue()))
    onnx.checker.check_model(model, full_check=True)
    serialised: bytes = model.SerializeToString()
    return serialised


def to_torchscript(network: WCGCN) -> bytes:
    """TorchScript bytes on the CPU, not frozen: its ``state_dict`` loads into a `WCGCN`, to train on or to compare."""
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


def run_onnx(session: ort.InferenceSession, table: RowTable) -> npt.NDArray[np.float32]:
    """The network's answer to a table."""
    wanted = [tensor.name for tensor in session.get_inputs()]
    arrays = table.inputs()
    answer: npt.NDArray[np.float32] = session.run(None, {name: arrays[name] for name in wanted})[0]
    return answer


def check_agreement(network: WCGCN, onnx_model: bytes, script: bytes, seed: int = 0) -> float:
    """Largest difference between eager, ONNX and TorchScript over random graphs, isolated nodes among them.

    Raises:
        ExportError: It exceeds `TOLERANCE`.
    """
    session = onnx_session(onnx_model)
    module = torch.jit.load(io.BytesIO(script))  # type: ignore[no-untyped-call]
    worst = 0.0
    for table in _check_tables(network, np.random.default_rng(seed)):
        arguments = tensors(table)
        with torch.inference_mode():
            eager, scripted = network.eval()(*arguments).numpy(), module(*arguments).numpy()
        for other in (run_onnx(session, table), scripted):
            worst = max(worst, float(np.abs(other - eager).max()))
    if not worst <= TOLERANCE:
        raise ExportError(f"eager, ONNX and TorchScript differ by {worst:.3g}, at most {TOLERANCE:g} is allowed")
    return worst


def _check_tables(network: WCGCN, rng: np.random.Generator) -> Iterator[RowTable]:
    for sizes in CHECK_SIZES:
        for width in (None, 1, 5):
            yield build_row_table([random_graph(rng, size, *_widths(network)) for size in sizes], width)


def _widths(network: WCGCN) -> tuple[int, int]:
    return network.node_mean.numel(), network.link_mean.numel()
