"""GPUs of tests: torch's arithmetic on the CPU under another name, and ones that fail."""

from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("torch")

from airgraph_models.arrays.torch_device import TorchDevice


class PretendGpu(TorchDevice):
    """What a GPU computes, by torch on the CPU; counts the looks at it."""

    def __init__(self):
        super().__init__("cpu")
        self.name = "cuda"
        self.waited = 0

    def wait(self):
        self.waited += 1


class FailingGpu(PretendGpu):
    """Breaks at a look, for good or (memory, say) for that run."""

    def __init__(self, at, for_good):
        super().__init__()
        self._at, self._for_good = at, for_good
        self.broken = False
        self.runs = 0

    def put(self, array):
        if self.broken and self._for_good:
            raise RuntimeError("CUDA error: device-side assert triggered")
        return super().put(array)

    def wait(self):
        super().wait()
        if self.waited > self._at:
            self.broken = True
            raise RuntimeError("CUDA error: an illegal memory access was encountered")


def thread():
    """In place of the GPU's, which other tests may be using."""
    return ThreadPoolExecutor(1, "pretend-gpu")
