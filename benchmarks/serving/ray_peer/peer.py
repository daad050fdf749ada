"""The same exported network behind Ray Serve's gRPC ingress: a deployment, as its documentation shows.

    PEER_NETWORK=model.onnx python peer.py GRPC_PORT HTTP_PORT

Needs the stubs of the Open Inference Protocol (the folder clients/ of this repository) on PYTHONPATH.
"""

import os
import signal
import sys

import numpy as np
import onnxruntime as ort
import ray
from ray import serve
from ray.serve.config import gRPCOptions

from inference import open_inference_pb2

DTYPES = {"FP32": np.float32, "INT64": np.int64}


@serve.deployment(num_replicas=1, max_ongoing_requests=64)
class Network:
    """One session, one thread, as in AirGraph."""

    def __init__(self):
        """Opens the exported network."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = ort.InferenceSession(os.environ["PEER_NETWORK"], options, ["CPUExecutionProvider"])

    def ModelInfer(self, request):  # noqa: N802
        """Runs it; a gRPC method goes to the method of its name."""
        inputs = {
            tensor.name: np.frombuffer(raw, DTYPES[tensor.datatype]).reshape(tuple(tensor.shape))
            for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True)
        }
        output = self.session.run(None, inputs)[0]
        return open_inference_pb2.ModelInferResponse(
            model_name=request.model_name,
            id=request.id,
            outputs=[
                open_inference_pb2.ModelInferResponse.InferOutputTensor(
                    name="output", datatype="FP32", shape=output.shape
                )
            ],
            raw_output_contents=[output.tobytes()],
        )


def main():
    """Serves until it is ended."""
    environment = {"env_vars": {"PEER_NETWORK": os.environ["PEER_NETWORK"]}}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    stubs = "inference.open_inference_pb2_grpc.add_GRPCInferenceServiceServicer_to_server"
    port, http_port = map(int, sys.argv[1:])
    serve.start(
        http_options={"host": "127.0.0.1", "port": http_port},
        grpc_options=gRPCOptions(port=port, grpc_servicer_functions=[stubs]),
    )
    serve.run(Network.bind())
    print("ready", flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
