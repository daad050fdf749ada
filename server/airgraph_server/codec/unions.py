"""Requests for the network's answer to dense power control, as one union of instances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy.typing as npt

from airgraph.v1 import allocator_pb2, tensor_pb2
from airgraph_models.problems.power_control_union import PowerControlUnion
from airgraph_server.codec.tensors import decode_tensor
from airgraph_server.errors import InvalidInstanceError
from airgraph_server.settings import Settings


def joins(request: allocator_pb2.AllocateRequest) -> bool:
    """Whether a request asks for what a union may answer: the network alone, and dense gains."""
    return (
        request.policy == allocator_pb2.POLICY_LEARNED
        and request.WhichOneof("problem") == "power_control"
        and not request.shadow
        and not request.HasField("classical_iterations")
        and not request.power_control.HasField("links")
    )


def read_union(requests: Sequence[allocator_pb2.AllocateRequest], settings: Settings) -> PowerControlUnion | None:
    """The union of what the requests bring; None if anything needs a closer look."""
    gains, noise_powers, max_powers, weights = [], [], [], []
    try:
        for request in requests:
            message = request.power_control
            gain = decode_tensor("gain", message.gain)
            if len(gain.shape) != 2 or len(gain) > settings.max_nodes or gain.size > settings.max_links:
                return None
            gains.append(gain)
            noise_powers.append(_or_one("noise_power", message, message.noise_power))
            max_powers.append(_or_one("max_power", message, message.max_power))
            weights.append(_or_one("weights", message, message.weights))
    except InvalidInstanceError:
        return None
    return PowerControlUnion.create(gains, noise_powers, max_powers, weights)


def _or_one(name: str, message: Any, tensor: tensor_pb2.Tensor) -> npt.NDArray[Any] | float:
    return decode_tensor(name, tensor) if message.HasField(name) else 1.0
