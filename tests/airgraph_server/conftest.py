"""A real server on a loopback port, with no model."""

import grpc
import pytest

from airgraph.v1 import allocator_pb2_grpc
from airgraph_server.app import Server
from airgraph_server.settings import Settings


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    settings = Settings(
        port=0, metrics_port=0, zoo=tmp_path_factory.mktemp("empty"), max_nodes=40, max_links=1500, threads=4
    )
    with Server(settings) as running:
        yield running


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.target) as connected:
        yield connected


@pytest.fixture(scope="module")
def stub(channel):
    return allocator_pb2_grpc.AllocatorStub(channel)
