"""A network of one tensor in the other two forms it is shipped in."""

import io
import warnings

import onnxruntime as ort
import torch


def exported(network, example, names):
    """The network as a TorchScript module and as an ONNX session, both after a round through bytes.

    Args:
        network: From ``channel`` to ``precoder``.
        example: An input of any size.
        names: Of the leading axes of the input, which stay open.
    """
    script, model = io.BytesIO(), io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.freeze(torch.jit.script(network)), script)
        torch.onnx.export(
            network,
            example,
            model,
            input_names=["channel"],
            output_names=["precoder"],
            dynamic_axes={"channel": dict(enumerate(names))},
            opset_version=18,
            dynamo=False,
        )
        script.seek(0)
        loaded = torch.jit.load(script)
    return loaded, ort.InferenceSession(model.getvalue(), providers=["CPUExecutionProvider"])
