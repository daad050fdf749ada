"""What executes an exported network: ONNX Runtime or TorchScript, on a CPU or a GPU."""

import os

# ONNX Runtime reports usage to its maker unless told not to before it is imported; a radio network must not.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
