"""One client, several servers behind one name."""

import numpy as np
import pytest

from airgraph.v1 import allocator_pb2
from airgraph_client import AsyncClient, Client
from airgraph_server.app import Server
from airgraph_server.settings import Settings

ALLOCATOR = allocator_pb2.DESCRIPTOR.services_by_name["Allocator"].full_name


@pytest.fixture
def servers(tmp_path):
    settings = Settings(port=0, metrics_port=None, zoo=tmp_path, max_connection_age_seconds=0.3)
    with Server(settings) as one, Server(settings) as other:
        yield one, other


def calls(server):
    return server.metrics.registry.get_sample_value(
        "grpc_server_started_total", {"grpc_service": ALLOCATOR, "grpc_method": "Allocate"}
    )


async def test_calls_take_turns_and_go_on_when_a_server_leaves(servers):
    one, other = servers
    target = f"ipv4:{one.target},{other.target}"
    async with AsyncClient(target, timeout=10) as client:
        for _ in range(10):
            await client.control_power(np.eye(2))
    with Client(target, timeout=10) as client:
        client.control_power(np.eye(2))
        while not (calls(one) and calls(other)):
            client.control_power(np.eye(2))
        # Draining, as on a rolling update: no call fails.
        other.stop(1)
        for _ in range(20):
            client.control_power(np.eye(2))
