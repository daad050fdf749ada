"""The same instances as requests to AirGraph and, padded to the largest, to a server without a graph type."""

import numpy as np

from airgraph.v1 import allocator_pb2, problems_pb2
from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_models.problems.gain_blocks import GainBlocks
from airgraph_server.codec.tensors import encode_tensor
from inference import open_inference_pb2

LARGEST = 50
TYPES = {"float32": "FP32", "int64": "INT64"}


def gains(seed, sizes):
    """Rayleigh fading gains of each size."""
    rng = np.random.default_rng(seed)
    return [rng.exponential(size=(size, size)).astype(np.float32) for size in sizes]


def allocate(gain, policy=allocator_pb2.POLICY_LEARNED, iterations=None):
    """A request for the network's answer, at 10 dB."""
    problem = problems_pb2.PowerControl(gain=encode_tensor(gain), noise_power=encode_tensor(np.array(0.1)))
    return allocator_pb2.AllocateRequest(
        request_id="bench", policy=policy, power_control=problem, max_polish_iterations=iterations
    )


def batch(matrices, policy=allocator_pb2.POLICY_LEARNED):
    """Many in one message."""
    return allocator_pb2.AllocateBatchRequest(requests=[allocate(gain, policy) for gain in matrices])


def stream_item(gain):
    """One on a stream."""
    return allocator_pb2.AllocateStreamRequest(request=allocate(gain))


def network_inputs(matrices, model, padded=True):
    """What the network reads: every instance padded to the largest size, a block each, or as AirGraph joins them."""
    if not padded:
        views = [POWER_CONTROL.view(PowerControl.create(g, noise_power=0.1), model.layout) for g in matrices]
        return model.join([view.graph for view in views]).inputs()
    blocks = len(matrices)
    heard = np.zeros((blocks, LARGEST, LARGEST), np.float32)
    node = np.zeros((blocks, LARGEST, 2), np.float32)
    for block, gain in enumerate(matrices):
        size = len(gain)
        heard[block, :size, :size] = 10.0 * gain
        node[block, :size, 0] = heard[block].diagonal()[:size]
        node[block, :size, 1] = 1.0
        np.fill_diagonal(heard[block], 0.0)
    index = np.arange(blocks * LARGEST)
    return GainBlocks(
        node=node.reshape(-1, 2),
        heard=heard,
        caused=np.ascontiguousarray(heard.transpose(0, 2, 1)),
        source=index.reshape(blocks, LARGEST),
        place=index[:, None],
        sizes=(LARGEST,) * blocks,
    ).inputs()


def infer(name, inputs):
    """A request of the Open Inference Protocol."""
    return open_inference_pb2.ModelInferRequest(
        model_name=name,
        inputs=[
            open_inference_pb2.ModelInferRequest.InferInputTensor(
                name=key, datatype=TYPES[value.dtype.name], shape=value.shape
            )
            for key, value in inputs.items()
        ],
        raw_input_contents=[np.ascontiguousarray(value).tobytes() for value in inputs.values()],
    )
