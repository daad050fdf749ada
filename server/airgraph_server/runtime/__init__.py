"""What executes an exported network: ONNX Runtime or TorchScript, on a CPU or a GPU."""
