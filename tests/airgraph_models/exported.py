"""A network of one tensor in the other two forms it is shipped in."""

import io
import warnings

import numpy as np
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


def assert_forms_agree(network, example, names, others):
    """All three forms give the same answers at other sizes than the exported.

    Args:
        network: In single precision, from ``channel`` to ``precoder``.
        example: See `exported`.
        names: See there.
        others: Channels of other sizes.
    """
    loaded, session = exported(network, example, names)
    for channel in others:
        eager = network(channel).detach()
        torch.testing.assert_close(loaded(channel), eager, rtol=0, atol=1e-5)
        (answer,) = session.run(None, {"channel": channel.numpy()})
        np.testing.assert_allclose(answer, eager, rtol=0, atol=1e-5)
