"""TorchScript on a GPU: work recorded once a shape as a CUDA graph and replayed. Imports torch; load it lazily."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import accumulate
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from airgraph_server.runtime.base import DeviceUnavailableError, Inputs
from airgraph_server.runtime.recorded_runs import RecordedRuns

ALIGNMENT = 256
"""Bytes on which inputs start in the one buffer that travels to the GPU."""
RUNS_BEFORE_RECORDING = 3
"""Libraries that set themselves up at their first use must not do so while it is recorded."""


class TorchScriptCudaRuntime:
    """One scripted module on one GPU; one run at a time."""

    name = "torchscript"
    output_name = "output"
    device = "cuda"
    few_shapes = True

    def __init__(self, path: Path, recorded_shapes: int) -> None:
        """Loads the network.

        Raises:
            DeviceUnavailableError: Torch cannot use a GPU.
        """
        if not torch.cuda.is_available():
            raise DeviceUnavailableError("torch finds no CUDA device")
        self.shapes: dict[str, tuple[int, ...]] = {}
        script = torch.jit.load(str(path), map_location=self.device).eval()  # type: ignore[no-untyped-call]
        self._wanted = [argument.name for argument in script.forward.schema.arguments[1:]]
        # Weights become constants, and what depends on nothing else is computed now.
        self._module = torch.jit.freeze(script)
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()
        self._runs = RecordedRuns(self._plain, self._record, recorded_shapes)

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for inputs by name."""
        return self._runs.run({name: inputs[name] for name in self._wanted})

    def _plain(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        with self._working():
            arguments = [torch.from_numpy(np.require(value, requirements="W")) for value in inputs.values()]
            answer = self._module(*(value.to(self.device) for value in arguments))
            output: npt.NDArray[np.float32] = answer.cpu().numpy()
        return output

    def _record(self, inputs: Inputs) -> CudaGraphRun:
        with self._working():
            return CudaGraphRun(self._module, inputs, self._stream, self._pool)

    def _working(self) -> ExitStack:
        stack = ExitStack()
        stack.enter_context(torch.inference_mode())
        stack.enter_context(torch.cuda.stream(self._stream))
        # Compiling a shape's fused kernels takes seconds, once for each shape: no caller waits for that.
        stack.enter_context(torch.jit.optimized_execution(False))  # type: ignore[attr-defined]
        return stack


class CudaGraphRun:
    """One run as a CUDA graph: inputs travel in one copy, the kernels start in one call.

    Runs may share their memory: each computes everything from its inputs, and its output is taken before the next.
    """

    def __init__(self, module: torch.jit.ScriptModule, inputs: Inputs, stream: torch.cuda.Stream, pool: Any) -> None:
        """Records; the caller has made the stream the current one."""
        self._stream = stream
        sizes = [-(-value.nbytes // ALIGNMENT) * ALIGNMENT for value in inputs.values()]
        starts = [0, *accumulate(sizes)]
        self._pinned = torch.empty(max(starts[-1], 1), dtype=torch.uint8, pin_memory=True)
        self._buffer = torch.empty_like(self._pinned, device=stream.device)
        self._slots: dict[str, npt.NDArray[np.generic]] = {}
        arguments = []
        for (name, value), start in zip(inputs.items(), starts, strict=False):
            used = slice(start, start + prod(value.shape) * value.itemsize)
            self._slots[name] = self._pinned[used].numpy().view(value.dtype).reshape(value.shape)
            kind = torch.from_numpy(np.empty(0, value.dtype)).dtype
            arguments.append(self._buffer[used].view(kind).reshape(value.shape))
        self._load(inputs)
        for _ in range(RUNS_BEFORE_RECORDING):
            module(*arguments)
        stream.synchronize()
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
            self._output = module(*arguments)
        self._answer = torch.empty_like(self._output, device="cpu", pin_memory=True)

    def replay(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for other inputs of these shapes."""
        with torch.inference_mode(), torch.cuda.stream(self._stream):
            self._load(inputs)
            self._graph.replay()
            self._answer.copy_(self._output, non_blocking=True)
            self._stream.synchronize()
        answer: npt.NDArray[np.float32] = self._answer.numpy().copy()
        return answer

    def close(self) -> None:
        """Gives the recorded work and its memory back."""
        self._graph.reset()

    def _load(self, inputs: Inputs) -> None:
        for name, slot in self._slots.items():
            slot[...] = inputs[name]
        self._buffer.copy_(self._pinned, non_blocking=True)
