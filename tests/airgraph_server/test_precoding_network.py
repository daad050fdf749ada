"""The shipped precoding network behind the real server."""

import grpc
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airgraph.v1 import allocator_pb2 as messages
from airgraph.v1 import allocator_pb2_grpc, problems_pb2, provenance_pb2
from airgraph_models.problems import PRECODING, Precoding
from airgraph_server.app import Server
from airgraph_server.codec.tensors import decode_tensor, encode_tensor
from airgraph_server.settings import Settings


@pytest.fixture(scope="module")
def stub():
    with (
        Server(Settings(port=0, metrics_port=None, threads=2)) as server,
        grpc.insecure_channel(server.target) as channel,
    ):
        yield allocator_pb2_grpc.AllocatorStub(channel)


def drawn(users, antennas, level=10.0, *, seed=0):
    rng = np.random.default_rng(seed)
    channel = (rng.normal(size=(users, antennas)) + 1j * rng.normal(size=(users, antennas))) * np.sqrt(0.5)
    return (channel * 10 ** (level / 20)).astype(np.complex64)


def ask(stub, channel, **options):
    fields = options.pop("fields", {})
    problem = problems_pb2.Precoding(channel=encode_tensor(channel), **fields)
    return stub.Allocate(messages.AllocateRequest(precoding=problem, **options))


def precoder(response):
    return decode_tensor("precoder", response.precoding.precoder).astype(complex)


@pytest.mark.parametrize("shape", [(2, 4), (4, 4), (16, 16), (16, 64), (32, 128), (5, 3)])
@pytest.mark.parametrize("level", [-10.0, 10.0, 30.0])
def test_one_network_answers_every_size_within_the_budget_and_never_below_rzf(stub, shape, level):
    channel = drawn(*shape, level)
    instance = Precoding.create(channel)
    for policy in (messages.POLICY_AUTO, messages.POLICY_LEARNED):
        response = ask(stub, channel, policy=policy)
        assert (abs(precoder(response)) ** 2).sum() <= 1.0
        assert response.provenance.objective == pytest.approx(PRECODING.objective(instance, precoder(response)))
        if policy == messages.POLICY_AUTO:
            assert response.provenance.objective >= response.provenance.baseline_objective * (1 - 1e-6)
        else:
            assert (response.provenance.solver, response.provenance.polish_iterations) == ("gram", 0)


SIZES = st.tuples(st.integers(1, 32), st.integers(1, 64))


@settings(max_examples=30)
@given(SIZES, st.floats(-30, 60), st.sampled_from([0.01, 1.0, 100.0]), st.integers(0, 2), st.integers(0, 99))
def test_what_arrives_keeps_the_budget_whatever_its_size_and_level(stub, size, level, budget, bands, seed):
    channel = drawn(*size, level, seed=seed)
    if bands:
        channel = np.stack([channel, drawn(*size, level, seed=seed + 1)][:bands])
    fields = {"max_power": encode_tensor(np.array(budget)), "noise_power": encode_tensor(np.array(budget))}
    found = precoder(ask(stub, channel, fields=fields))
    assert found.shape == (*channel.shape[:-2], *size[::-1])
    assert ((abs(found) ** 2).sum(axis=(-2, -1)) <= budget).all()


def test_auto_is_led_by_the_network_and_says_so(stub):
    solvers = set()
    for seed in range(8):
        provenance = ask(stub, drawn(16, 16, 20.0, seed=seed)).provenance
        led = provenance.fallback_reason == provenance_pb2.FALLBACK_REASON_UNSPECIFIED
        assert provenance.solver == ("gram+dual_ascent" if led else "dual_ascent")
        assert (provenance.model_name, provenance.model_version) == (("gram", "1") if led else ("", ""))
        assert led or provenance.fallback_reason == provenance_pb2.FALLBACK_REASON_BEATEN_BY_BASELINE
        solvers.add(provenance.solver)
    assert "gram+dual_ascent" in solvers


def test_polishing_improves_the_networks_own_answer(stub):
    channel = drawn(16, 16, 20.0, seed=3)
    alone = ask(stub, channel, policy=messages.POLICY_LEARNED).provenance.objective
    assert ask(stub, channel).provenance.objective >= alone * (1 - 1e-6)


@pytest.mark.parametrize(
    ("channel", "fields"),
    [
        (np.stack([drawn(3, 4), drawn(3, 4, seed=1)]), {}),
        (drawn(4, 6, 90.0), {}),
        (
            drawn(3, 4),
            {
                "objective": problems_pb2.PRECODING_OBJECTIVE_ENERGY_EFFICIENCY,
                "power_model": problems_pb2.PowerModel(constant_power=1.0, amplifier_inefficiency=2.0),
            },
        ),
    ],
    ids=["sub-bands", "level", "energy efficiency"],
)
def test_what_the_network_was_not_made_for_is_answered_classically(stub, channel, fields):
    response = ask(stub, channel, fields=fields)
    assert response.provenance.fallback_reason == provenance_pb2.FALLBACK_REASON_OUT_OF_DOMAIN
    assert response.provenance.objective >= response.provenance.baseline_objective > 0


def test_a_batch_of_mixed_sizes_answers_as_alone(stub):
    channels = [drawn(*shape) for shape in ((3, 4), (16, 32), (8, 8))]
    requests = [
        messages.AllocateRequest(
            request_id=str(i),
            policy=messages.POLICY_LEARNED,
            precoding=problems_pb2.Precoding(channel=encode_tensor(channel)),
        )
        for i, channel in enumerate(channels)
    ]
    batch = stub.AllocateBatch(messages.AllocateBatchRequest(requests=requests))
    for channel, result in zip(channels, batch.results, strict=True):
        alone = ask(stub, channel, policy=messages.POLICY_LEARNED)
        np.testing.assert_allclose(precoder(result.response), precoder(alone), atol=1e-4)
