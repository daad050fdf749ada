"""TorchScript: the choice for those who have torch in the image anyway. Imports torch; load it lazily."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from airgraph_server.runtime.base import Inputs


class TorchScriptRuntime:
    """One scripted module on the CPU, shared by all threads."""

    name = "torchscript"
    output_name = "output"
    device = "cpu"
    few_shapes = False

    def __init__(self, path: Path, threads: int) -> None:
        """Loads the network."""
        self.shapes: dict[str, tuple[int, ...]] = {}
        torch.set_num_threads(threads)
        self._module = torch.jit.load(str(path), map_location="cpu").eval()  # type: ignore[no-untyped-call]
        self._wanted = [argument.name for argument in self._module.forward.schema.arguments[1:]]

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for inputs by name."""
        with torch.inference_mode():
            arguments = [torch.from_numpy(np.require(inputs[name], requirements="W")) for name in self._wanted]
            output: npt.NDArray[np.float32] = self._module(*arguments).numpy()
        return output
