"""The client beside an old protobuf, as the xApp framework ricxappframe needs it."""

import ast
import os
import subprocess
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2

from airgraph.v1 import allocator_pb2, problems_pb2, provenance_pb2, registry_pb2, tensor_pb2
from airgraph_server.app import Server
from airgraph_server.settings import Settings

CLIENTS = Path(__file__).parents[2] / "clients"
XAPP = Path(os.environ.get("AIRGRAPH_XAPP_PYTHON", "/none"))
ASK = """
import sys
import google.protobuf, numpy as np
from airgraph_client import Client, InvalidInstance, PowerControl
assert google.protobuf.__version__ == "3.20.3"
gain = np.random.default_rng(0).exponential(size=(5, 5))
with Client(sys.argv[1], timeout=30) as client:
    assert client.status().serving
    assert client.control_power(gain, noise_power=0.1).power.shape == (5,)
    answers = client.allocate_batch([PowerControl(gain[:k, :k]) for k in (2, 3)], raise_on_error=True)
    assert [answer.power.size for answer in answers] == [2, 3]
    try:
        client.control_power(-gain)
    except InvalidInstance as error:
        assert error.field == "gain"
    else:
        raise AssertionError("negative gains were accepted")
"""

BESIDE_THE_FRAMEWORK = """
import importlib.metadata
from ricxappframe.entities.rnib import cell_pb2, nodeb_info_pb2
import ricxappframe.xapp_sdl, ricxappframe.xapp_subscribe, ricxappframe.subsclient
node = nodeb_info_pb2.NodebInfo(ran_name="gnb-1")
assert nodeb_info_pb2.NodebInfo.FromString(node.SerializeToString()) == node
try:
    import ricxappframe.xapp_frame
    print("with", end=" ")
except OSError as error:
    # The message router of the RIC, a native library that is not on PyPI.
    assert "librmr" in str(error), error
    print("without", end=" ")
print("RMR, ricxappframe", importlib.metadata.version("ricxappframe"))
"""


@pytest.mark.parametrize("module", [allocator_pb2, problems_pb2, provenance_pb2, registry_pb2, tensor_pb2])
def test_old_stubs_describe_the_same_contract(module):
    file = CLIENTS / "protobuf3" / (module.DESCRIPTOR.name.removesuffix(".proto") + "_pb2.py")
    calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
    (written,) = [call for call in calls if getattr(call.func, "attr", "") == "AddSerializedFile"]
    old = descriptor_pb2.FileDescriptorProto.FromString(ast.literal_eval(written.args[0]))
    now = descriptor_pb2.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)
    assert old == now, "stale: run clients/generate_protobuf3_stubs.py"


@pytest.mark.skipif(not XAPP.exists(), reason="AIRGRAPH_XAPP_PYTHON names no Python with ricxappframe")
def test_the_xapp_framework_and_the_client_share_a_process():
    with Server(Settings(host="127.0.0.1", port=0, metrics_port=None)) as server:
        ended = subprocess.run(
            [XAPP, "-c", BESIDE_THE_FRAMEWORK + ASK, server.target],
            env={"PYTHONPATH": f"{CLIENTS / 'protobuf3'}:{CLIENTS}"},
            capture_output=True,
            text=True,
        )
    assert ended.returncode == 0, ended.stderr
    assert "ricxappframe 3." in ended.stdout
