"""A torch device as an `ArrayDevice`. Imports torch; load it lazily."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch

from airgraph_models.arrays.device import ScalarT


class TorchDevice:
    """Arrays of torch on one device."""

    def __init__(self, name: str) -> None:
        """Takes torch's name of the device: cpu, cuda, cuda:1.

        Raises:
            RuntimeError: Torch has no such device.
        """
        self.name = name
        self._device = torch.device(name)
        torch.empty(0, device=self._device)

    def put(self, array: npt.NDArray[ScalarT]) -> npt.NDArray[ScalarT]:
        """A copy of the array on the device."""
        # Torch takes neither memory that is read only nor backward strides.
        given = torch.from_numpy(np.require(array, requirements=["C", "W"]))
        return cast(npt.NDArray[ScalarT], given.to(self._device, copy=True))

    def take(self, array: npt.NDArray[ScalarT]) -> npt.NDArray[ScalarT]:
        """A copy in the host's memory, once the device has computed it."""
        taken: npt.NDArray[ScalarT] = cast(Any, array).resolve_conj().cpu().numpy()
        return taken

    def wait(self) -> None:
        """Until all kernels have ended; the CPU's have when they return."""
        if self._device.type == "cuda":
            torch.cuda.current_stream(self._device).synchronize()
