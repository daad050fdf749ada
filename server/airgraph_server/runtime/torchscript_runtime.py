"""TorchScript: the choice for those who have torch in the image anyway. Imports torch; load it lazily."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from airgraph_server.runtime.base import DeviceUnavailableError, Inputs
from airgraph_server.settings import Device


class TorchScriptRuntime:
    """One scripted module, shared by all threads."""

    name = "torchscript"
    output_name = "output"

    def __init__(self, path: Path, device: Device, threads: int) -> None:
        """Loads the network.

        Raises:
            DeviceUnavailableError: ``device`` is CUDA and torch cannot use one.
        """
        has_cuda = torch.cuda.is_available()
        if device is Device.CUDA and not has_cuda:
            raise DeviceUnavailableError("CUDA was asked for, but torch finds no CUDA device")
        self.device = "cuda" if has_cuda and device is not Device.CPU else "cpu"
        self.shapes: dict[str, tuple[int, ...]] = {}
        torch.set_num_threads(threads)
        self._module = torch.jit.load(str(path), map_location=self.device).eval()  # type: ignore[no-untyped-call]
        self._wanted = [argument.name for argument in self._module.forward.schema.arguments[1:]]

    def run(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """The network's output for inputs by name."""
        with torch.inference_mode():
            arguments = [
                torch.from_numpy(np.require(inputs[name], requirements="W")).to(self.device) for name in self._wanted
            ]
            output: npt.NDArray[np.float32] = self._module(*arguments).cpu().numpy()
        return output
