"""Runs in tritonclient's own environment: calls every model of an index with the tensors of a file, saves the outputs.

python oip_check.py HOST:PORT TENSORS.npz OUTPUTS.npz
"""

import sys

import numpy as np
import tritonclient.grpc as triton
from tritonclient.grpc import model_config_pb2

TYPES = {"float32": "FP32", "int64": "INT64"}


def main():
    """Prints what the server says of itself; fails on the first disagreement."""
    target, tensors, outputs = sys.argv[1:]
    given, found = np.load(tensors), {}
    with triton.InferenceServerClient(target) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        metadata = client.get_server_metadata()
        assert metadata.name == "airgraph"
        for entry in client.get_model_repository_index().models:
            assert client.is_model_ready(entry.name)
            described = client.get_model_metadata(entry.name)
            assert [tensor.datatype for tensor in described.outputs] == ["FP32"]
            config = client.get_model_config(entry.name).config
            assert [(tensor.name, list(tensor.dims)) for tensor in config.input] == [
                (tensor.name, list(tensor.shape)) for tensor in described.inputs
            ]
            assert [tensor.data_type for tensor in config.output] == [model_config_pb2.TYPE_FP32]
            assert (config.platform, config.max_batch_size) == (described.platform, 0)
            inputs = []
            for tensor in described.inputs:
                array = given[f"{entry.name}:{tensor.name}"]
                assert len(tensor.shape) == array.ndim
                assert tensor.datatype == TYPES[array.dtype.name]
                inputs.append(triton.InferInput(tensor.name, array.shape, tensor.datatype))
                inputs[-1].set_data_from_numpy(array)
            answer = client.infer(entry.name, inputs, request_id="7")
            assert answer.get_response().id == "7"
            found[entry.name] = answer.as_numpy(described.outputs[0].name)
    np.savez(outputs, **found)


if __name__ == "__main__":
    main()
