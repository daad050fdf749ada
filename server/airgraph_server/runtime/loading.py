"""Picks the runtime that the settings name."""

from __future__ import annotations

import importlib
from pathlib import Path

from airgraph_server.runtime.base import Runtime
from airgraph_server.runtime.onnx_runtime import OnnxRuntime
from airgraph_server.settings import Device, RuntimeKind

MODEL_FILES = {RuntimeKind.ONNX: "model.onnx", RuntimeKind.TORCHSCRIPT: "model.pt"}


def load_runtime(directory: Path, kind: RuntimeKind, device: Device, threads: int) -> Runtime:
    """Loads the exported network of a model directory.

    Raises:
        DeviceUnavailableError: The device was asked for by name and does not work.
        ImportError: TorchScript was asked for and torch is not installed.
    """
    path = directory / MODEL_FILES[kind]
    if kind is RuntimeKind.ONNX:
        return OnnxRuntime(path, device, threads)
    # Torch costs seconds and hundreds of megabytes: only a server that was told to use it pays.
    module = importlib.import_module("airgraph_server.runtime.torchscript_runtime")
    runtime: Runtime = module.TorchScriptRuntime(path, device, threads)
    return runtime
