"""TLS, mTLS and renewed certificates, through the real server and the real client."""

import grpc
import numpy as np
import pytest
from certificates import DAY, Authority
from grpc_health.v1 import health_pb2, health_pb2_grpc

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_client import AsyncClient, Client, Security, Unavailable
from airgraph_server.app import Server
from airgraph_server.settings import Settings

GAIN = np.eye(3)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path, "authority")


def serve(tmp_path, pair, **settings):
    (tmp_path / "empty").mkdir(exist_ok=True)
    return Server(
        Settings(
            port=0,
            metrics_port=None,
            zoo=tmp_path / "empty",
            tls_certificate=pair.certificate,
            tls_key=pair.key,
            **settings,
        )
    )


def asked(server, security=None, **options):
    with Client(server.target, timeout=10, security=security, **options) as client:
        return client.control_power(GAIN).power


def test_a_client_that_knows_the_authority_is_answered_and_others_are_not(tmp_path, authority):
    with serve(tmp_path, authority.issue("server")) as server:
        assert asked(server, Security(ca=authority.path)).shape == (3,)
        stranger = Authority(tmp_path, "stranger")
        for security in (None, Security(), Security(ca=stranger.path)):
            with pytest.raises(Unavailable):
                asked(server, security)
        with pytest.raises(Unavailable):
            asked(server, Security(ca=authority.path, server_name="another.example"))
        assert asked(server, Security(ca=authority.path, server_name="server")).shape == (3,)


async def test_asyncio(tmp_path, authority):
    with serve(tmp_path, authority.issue("server")) as server:
        async with AsyncClient(server.target, timeout=10, security=Security(ca=authority.path)) as client:
            assert (await client.control_power(GAIN)).power.shape == (3,)


def test_a_client_refuses_an_expired_server_and_a_renewed_certificate_needs_no_restart(tmp_path, authority):
    trusting = Security(ca=authority.path)
    with serve(tmp_path, authority.issue("server", ends=-DAY)) as server:
        with pytest.raises(Unavailable):
            asked(server, trusting)
        authority.issue("server")
        assert asked(server, trusting).shape == (3,)


def test_a_renewal_that_went_wrong_leaves_the_old_certificate_and_open_connections_go_on(tmp_path, authority):
    trusting = Security(ca=authority.path)
    pair = authority.issue("server")
    with serve(tmp_path, pair) as server, Client(server.target, timeout=10, security=trusting) as before:
        before.control_power(GAIN)
        good = pair.key.read_bytes()
        for broken in (b"", b"no key", authority.issue("other").key.read_bytes()):
            pair.key.write_bytes(broken)
            assert asked(server, trusting).shape == (3,)
        pair.key.write_bytes(good)
        # The authority changes too: new connections see it, the open one is not disturbed.
        successor = Authority(tmp_path, "successor")
        successor.issue("server")
        assert asked(server, Security(ca=successor.path)).shape == (3,)
        with pytest.raises(Unavailable):
            asked(server, trusting)
        assert before.control_power(GAIN).power.shape == (3,)


def test_mutual_tls_asks_for_a_certificate_of_the_clients_authority(tmp_path, authority):
    clients = Authority(tmp_path, "clients")
    controller, late = clients.issue("controller"), clients.issue("late", ends=-DAY)
    impostor = authority.issue("impostor")
    with serve(tmp_path, authority.issue("server"), tls_client_ca=clients.path) as server:
        assert asked(server, Security(authority.path, controller.certificate, controller.key)).shape == (3,)
        for pair in (impostor, late):
            with pytest.raises(Unavailable):
                asked(server, Security(authority.path, pair.certificate, pair.key))
        with pytest.raises(Unavailable):
            asked(server, Security(authority.path))


@pytest.mark.parametrize("fault", ["missing", "mixed", "no pem"])
def test_a_server_does_not_start_on_files_that_cannot_work(tmp_path, authority, fault):
    pair = authority.issue("server")
    if fault == "missing":
        pair.key.unlink()
    elif fault == "mixed":
        pair.key.write_bytes(authority.issue("other").key.read_bytes())
    else:
        pair.certificate.write_text("no certificate")
    with pytest.raises(OSError, match=r"server\.(key|crt)"):
        serve(tmp_path, pair)


def test_probes_need_no_tls_and_their_port_offers_nothing_else(tmp_path, authority):
    secured = serve(tmp_path, authority.issue("server"), probe_port=0)
    with secured as server, grpc.insecure_channel(f"127.0.0.1:{server.probe_port}") as channel:
        check = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert check.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            allocator_pb2_grpc.AllocatorStub(channel).Allocate(allocator_pb2.AllocateRequest(), timeout=10)
        assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    "settings", [{"tls_certificate": "a"}, {"tls_key": "a"}, {"tls_client_ca": "a"}], ids=lambda one: next(iter(one))
)
def test_half_a_configuration_is_refused(settings):
    with pytest.raises(ValueError, match="tls_"):
        Settings(**settings)
