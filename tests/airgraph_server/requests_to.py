"""Request messages from plain arrays."""

import numpy as np

from airgraph.v1 import allocator_pb2, problems_pb2
from airgraph_server.codec.tensors import encode_tensor

FIELDS = problems_pb2.PowerControl.DESCRIPTOR.fields_by_name


def power_control_request(gain, request_id="", **fields):
    """Fields of the problem become tensors, all others are options of the request."""
    tensors = {name: encode_tensor(np.asarray(fields.pop(name))) for name in list(fields) if name in FIELDS}
    problem = problems_pb2.PowerControl(gain=encode_tensor(np.asarray(gain)), **tensors)
    return allocator_pb2.AllocateRequest(request_id=request_id, power_control=problem, **fields)
