"""Bearer tokens and roles, through the real server; plus the file they come from."""

import subprocess
import sys
from functools import partial

import grpc
import numpy as np
import pytest
from certificates import Authority
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc, registry_pb2, registry_pb2_grpc
from airgraph_client import AsyncClient, Client, Denied, Security
from airgraph_client.cli import app
from airgraph_server.app import Server
from airgraph_server.security.guard import is_loopback
from airgraph_server.security.tokens import AccessFileError, Role, digest_of, new_token, parse
from airgraph_server.settings import Settings

USER, ADMIN = new_token(), new_token()
GAIN = np.eye(3)
CHANGES = [
    ("LoadModel", registry_pb2.LoadModelRequest(name="none")),
    ("UnloadModel", registry_pb2.UnloadModelRequest(name="none")),
    ("ReloadModels", registry_pb2.ReloadModelsRequest()),
]


def settings(tmp_path, **others):
    return Settings(**{"port": 0, "metrics_port": None, "zoo": tmp_path, **others})


@pytest.fixture
def access(tmp_path):
    path = tmp_path / "access"
    path.write_text(f"# callers\n\nxapp user {digest_of(USER)}\noperator admin {digest_of(ADMIN)}\n")
    return path


@pytest.fixture
def guarded(tmp_path, access):
    with Server(settings(tmp_path, access_file=access)) as server:
        yield server


def bearing(token):
    return (("authorization", f"Bearer {token}"),)


def code(call, *arguments, **options):
    with pytest.raises(grpc.RpcError) as caught:
        call(*arguments, timeout=10, **options)
    return caught.value.code()


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        bearing("wrong"),
        bearing(""),
        bearing(digest_of(USER)),
        (("authorization", USER),),
        (("authorization", f"Basic {USER}"),),
        bearing(USER) + bearing(ADMIN),
    ],
)
def test_who_has_no_known_token_is_unauthenticated_everywhere_but_in_health(guarded, metadata):
    with grpc.insecure_channel(guarded.target) as channel:
        allocator = allocator_pb2_grpc.AllocatorStub(channel)
        registry = registry_pb2_grpc.RegistryStub(channel)
        refused = grpc.StatusCode.UNAUTHENTICATED
        request = allocator_pb2.AllocateRequest()
        assert code(allocator.Allocate, request, metadata=metadata) is refused
        assert code(allocator.AllocateBatch, allocator_pb2.AllocateBatchRequest(), metadata=metadata) is refused
        assert code(registry.ListModels, registry_pb2.ListModelsRequest(), metadata=metadata) is refused
        stream = allocator.AllocateStream(iter([allocator_pb2.AllocateStreamRequest()]), timeout=10, metadata=metadata)
        assert code(lambda timeout: next(stream)) is refused
    with Client(guarded.target, timeout=10, metadata=metadata) as client:
        assert client.status().serving


def test_a_user_asks_and_reads_but_changes_nothing(guarded):
    with Client(guarded.target, timeout=10, metadata=bearing(USER)) as client:
        assert client.control_power(GAIN).power.shape == (3,)
        assert client.models() == []
    with grpc.insecure_channel(guarded.target) as channel:
        registry = registry_pb2_grpc.RegistryStub(channel)
        for method, request in CHANGES:
            call = getattr(registry, method)
            assert code(call, request, metadata=bearing(USER)) is grpc.StatusCode.PERMISSION_DENIED
            assert code(call, request) is grpc.StatusCode.UNAUTHENTICATED


def reached(registry, method, request, metadata=()):
    """Whether the method itself was reached, whatever it says."""
    try:
        getattr(registry, method)(request, timeout=10, metadata=metadata)
    except grpc.RpcError as error:
        return error.code() not in (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
    return True


@pytest.mark.parametrize(("method", "request_"), CHANGES)
def test_an_administrator_reaches_the_methods_that_change_what_is_served(guarded, method, request_):
    with grpc.insecure_channel(guarded.target) as channel:
        assert reached(registry_pb2_grpc.RegistryStub(channel), method, request_, bearing(ADMIN))


@pytest.mark.parametrize(("host", "open_"), [("127.0.0.1", True), ("0.0.0.0", False)])
def test_without_tokens_only_a_server_that_nobody_else_can_reach_may_be_changed(tmp_path, host, open_):
    with Server(settings(tmp_path, host=host)) as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        registry = registry_pb2_grpc.RegistryStub(channel)
        assert all(reached(registry, method, request) == open_ for method, request in CHANGES)
        allocator_pb2_grpc.AllocatorStub(channel).AllocateBatch(allocator_pb2.AllocateBatchRequest(), timeout=10)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("[::]", False),
        ("ran.example", False),
    ],
)
def test_loopback(host, expected):
    assert is_loopback(host) is expected


def test_the_file_is_read_again_and_a_damaged_one_leaves_the_callers_as_they_were(guarded, access):
    def answered(token):
        with Client(guarded.target, timeout=10, metadata=bearing(token)) as client:
            try:
                client.models()
            except Denied:
                return False
            return True

    assert answered(USER)
    newcomer = new_token()
    access.write_text(f"newcomer user {digest_of(newcomer)}\n")
    assert answered(newcomer)
    assert not answered(USER)
    for damaged in ("", "newcomer user\n", f"newcomer root {digest_of(USER)}\n", "\0\n"):
        access.write_text(damaged)
        assert answered(newcomer)
        assert not answered(USER)
    access.unlink()
    assert answered(newcomer)


def test_a_damaged_file_at_the_start_names_the_line_and_not_its_content(tmp_path, access):
    access.write_text(f"xapp user {USER}\n")
    with pytest.raises(OSError, match="line 1") as caught:
        Server(settings(tmp_path, access_file=access))
    assert USER not in str(caught.value)


@given(st.text(max_size=60))
def test_any_other_text_is_refused_by_its_line(text):
    # No text of this kind holds the hash of a token.
    with pytest.raises(AccessFileError, match=r"^(line \d+: |expected at least one line)"):
        parse(text)


async def test_the_client_sends_a_token_over_tls_and_follows_its_file(tmp_path, access):
    authority = Authority(tmp_path, "authority")
    pair = authority.issue("server")
    file = tmp_path / "token"
    file.write_text("wrong\n")
    secured = settings(tmp_path, access_file=access, tls_certificate=pair.certificate, tls_key=pair.key)
    with Server(secured) as server:
        with Client(server.target, timeout=10, security=Security(ca=authority.path, token=USER)) as client:
            assert client.control_power(GAIN).power.shape == (3,)
        rotating = Security(ca=authority.path, token_file=file)
        async with AsyncClient(server.target, timeout=10, security=rotating) as other:
            with pytest.raises(Denied):
                await other.control_power(GAIN)
        with Client(server.target, timeout=10, security=rotating) as client:
            with pytest.raises(Denied):
                client.control_power(GAIN)
            file.write_text(f"{USER}\n")
            assert client.control_power(GAIN).power.shape == (3,)
        async with AsyncClient(server.target, timeout=10, security=rotating) as other:
            assert (await other.control_power(GAIN)).power.shape == (3,)


def test_the_command_speaks_tls_with_a_token(tmp_path, access):
    authority = Authority(tmp_path, "authority")
    pair = authority.issue("server")
    file = tmp_path / "token"
    file.write_text(f"{USER}\n")
    secured = settings(tmp_path, access_file=access, tls_certificate=pair.certificate, tls_key=pair.key)
    with Server(secured) as server:
        run = partial(CliRunner().invoke, app)
        models = ["models", "--target", server.target]
        trusting = ["--ca", str(authority.path)]
        assert run([*trusting, "--token-file", str(file), *models]).exit_code == 0
        assert run([*models], env={"AIRGRAPH_CA": str(authority.path), "AIRGRAPH_TOKEN_FILE": str(file)}).exit_code == 0
        for arguments, words in (
            ([*trusting, *models], "UNAUTHENTICATED"),
            (["--tls", *models, "--timeout", "3"], "UNAVAILABLE"),
            ([*trusting, "--token-file", str(tmp_path / "none"), *models], "token_file"),
            (["--ca", str(tmp_path / "none"), *models], "none"),
            (["--cert", str(pair.certificate), *models], "certificate and key"),
        ):
            result = run(arguments)
            assert result.exit_code in (2, 3)
            assert words in result.stderr
            assert result.stderr.count("\n") == 1
        load = ["load", "--target", server.target, "--rate", "20", "--duration", "0.5", "--warmup", "0"]
        loaded = run([*trusting, "--token-file", str(file), *load, "--max-failed", "0"])
        assert loaded.exit_code == 0, loaded.output
        # Health needs no token, as probes have none.
        assert run([*trusting, "status", "--target", server.target]).exit_code == 0


def test_a_made_token_works_and_only_its_hash_goes_to_the_file():
    command = [sys.executable, "-m", "airgraph_server.security.new_token"]
    made = subprocess.run([*command, "xapp", "admin"], capture_output=True, text=True, timeout=60, check=True)
    (caller,), token = parse(made.stdout), made.stderr.strip()
    assert (caller.name, caller.role, caller.digest) == ("xapp", Role.ADMIN, digest_of(token))
    assert token not in made.stdout
    refused = subprocess.run([*command, "two words"], capture_output=True, text=True, timeout=60, check=False)
    assert refused.returncode == 2
    assert "name" in refused.stderr
