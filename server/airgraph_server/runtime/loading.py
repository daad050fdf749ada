"""Picks the runtime that the settings name, on the device that they name."""

from __future__ import annotations

import importlib
from pathlib import Path

from airgraph_server.log import logger
from airgraph_server.runtime.base import DeviceUnavailableError, Runtime
from airgraph_server.runtime.degrading import DegradingRuntime
from airgraph_server.runtime.onnx_cuda import OnnxCudaRuntime
from airgraph_server.runtime.onnx_runtime import OnnxRuntime
from airgraph_server.runtime.recorded_runs import GPU_THREAD
from airgraph_server.settings import Device, RuntimeKind, Settings

MODEL_FILES = {RuntimeKind.ONNX: "model.onnx", RuntimeKind.TORCHSCRIPT: "model.pt"}


def load_runtime(directory: Path, settings: Settings) -> Runtime:
    """Loads the exported network of a model directory.

    ``auto`` takes a GPU where one works. A GPU that is lost later leaves the network on the CPU, whatever was asked.

    Raises:
        DeviceUnavailableError: A GPU was asked for by name and does not work.
        ImportError: TorchScript was asked for and torch is not installed.
    """
    path = directory / MODEL_FILES[settings.runtime]

    def on_the_cpu() -> Runtime:
        return _on_the_cpu(path, settings)

    if settings.device is Device.CPU:
        return on_the_cpu()
    try:
        gpu = _on_the_gpu(path, settings)
    except DeviceUnavailableError as error:
        if settings.device is Device.CUDA:
            raise DeviceUnavailableError(f"CUDA was asked for, but {error}") from error
        logger().debug("no_gpu", path=str(path), reason=str(error))
        return on_the_cpu()
    return DegradingRuntime(gpu, on_the_cpu)


# Torch costs seconds and hundreds of megabytes: only a server that was told to use it pays.
def _on_the_cpu(path: Path, settings: Settings) -> Runtime:
    if settings.runtime is RuntimeKind.ONNX:
        return OnnxRuntime(path, settings.runtime_threads)
    module = importlib.import_module("airgraph_server.runtime.torchscript_runtime")
    runtime: Runtime = module.TorchScriptRuntime(path, settings.runtime_threads)
    return runtime


def _on_the_gpu(path: Path, settings: Settings) -> Runtime:
    def load() -> Runtime:
        if settings.runtime is RuntimeKind.ONNX:
            return OnnxCudaRuntime(path, settings.runtime_threads, settings.recorded_shapes)
        module = importlib.import_module("airgraph_server.runtime.torchscript_cuda")
        runtime: Runtime = module.TorchScriptCudaRuntime(path, settings.recorded_shapes)
        return runtime

    return GPU_THREAD.submit(load).result()
