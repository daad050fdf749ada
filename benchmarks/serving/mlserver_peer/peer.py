"""The same exported network behind MLServer: a custom runtime, as its documentation shows."""

import os

import onnxruntime as ort
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Network(MLModel):
    """One session, one thread, as in AirGraph."""

    async def load(self):
        """Opens the exported network."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self.session = ort.InferenceSession(os.environ["PEER_NETWORK"], options, ["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        """Runs it."""
        inputs = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        output = self.session.run(None, inputs)[0]
        return InferenceResponse(
            model_name=self.name, outputs=[NumpyCodec.encode_output("output", output)], id=payload.id
        )
