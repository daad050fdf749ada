"""Finds the GPU that WMMSE and the polishers may run on, where there is one and torch to use it."""

from __future__ import annotations

import ctypes
import importlib
from importlib.util import find_spec

from airgraph_models.arrays.device import ArrayDevice
from airgraph_server.log import logger
from airgraph_server.runtime.recorded_runs import GPU_THREAD
from airgraph_server.settings import Device, Settings

DRIVER = "libcuda.so.1"


def load_array_device(settings: Settings) -> ArrayDevice | None:
    """The GPU as memory for arrays; None where the settings want none, or there is none.

    Torch is optional, whatever device the networks were told to use: without it these algorithms stay on the CPU.
    """
    if settings.device is Device.CPU:
        return None
    reason = _missing(settings)
    if reason is None:
        try:
            device: ArrayDevice = GPU_THREAD.submit(_torch_device).result()
        except Exception as error:
            reason = str(error)
        else:
            logger().info("polishing_on_gpu", device=device.name)
            return device
    logger().debug("no_gpu", work="polishing", reason=reason)
    return None


def _missing(settings: Settings) -> str | None:
    """What is known to be missing before torch is loaded, which takes seconds."""
    if settings.workers > 1:
        return "a GPU has one owner, and there are several workers"
    if find_spec("torch") is None:
        return "torch is not installed"
    try:
        ctypes.CDLL(DRIVER)
    except OSError as error:
        return str(error)
    return None


def _torch_device() -> ArrayDevice:
    module = importlib.import_module("airgraph_models.arrays.torch_device")
    device: ArrayDevice = module.TorchDevice("cuda")
    return device
