"""Which library's functions an array is for: one source of an algorithm runs on the host and on a device.

An algorithm written for this begins with ``xp = namespace_of(array)`` and calls numpy's names in it. What it gets are
numpy's own functions, ``out=`` and all, or, for an array of torch, those of `torch_names`.
"""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

NUMPYS = (np.ndarray, np.generic)


def namespace_of(array: Any) -> Any:
    """Numpy for its arrays; `torch_names` for any other."""
    if isinstance(array, NUMPYS):
        return np
    # By name: only who made an array with torch has it.
    return importlib.import_module("airgraph_models.arrays.torch_names")
