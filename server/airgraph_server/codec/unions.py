"""Requests for the network's answer to dense power control, which may be decided as one."""

from __future__ import annotations

from airgraph.v1 import allocator_pb2
from airgraph_models.problems.power_control_union import PowerControlFields
from airgraph_server.codec.tensors import decode_given, decode_tensor
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


def read_fields(request: allocator_pb2.AllocateRequest, settings: Settings) -> PowerControlFields | None:
    """What such a request brings; None if it needs a closer look."""
    message = request.power_control
    try:
        gain = decode_tensor("gain", message.gain)
        if gain.ndim != 2 or len(gain) > settings.max_nodes or gain.size > settings.max_links:
            return None
        return PowerControlFields(gain, **decode_given(message, ("noise_power", "max_power", "weights")))
    except InvalidInstanceError:
        return None
