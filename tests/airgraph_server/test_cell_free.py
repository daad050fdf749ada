"""Cell-free power control through the real server: optimal, feasible, honest; refusals name the field."""

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from airgraph.v1 import allocator_pb2 as messages
from airgraph.v1 import problems_pb2, provenance_pb2
from airgraph_client import CellFree as Asked
from airgraph_client import Client, InvalidInstance
from airgraph_models.classical.max_min_power import spectral_optimum
from airgraph_models.problems import CellFree
from airgraph_server.app import Server
from airgraph_server.codec.tensors import decode_tensor, encode_tensor
from airgraph_server.settings import Settings


@pytest.fixture(scope="module")
def stored(reference):
    return np.load(reference / "cell_free.npz")


def request(fading, snr, *, pilots=None, pilot_length=20, **options):
    problem = problems_pb2.CellFree(
        fading=encode_tensor(np.asarray(fading)),
        snr=snr,
        pilots=None if pilots is None else encode_tensor(np.asarray(pilots)),
        pilot_length=pilot_length,
    )
    return messages.AllocateRequest(cell_free=problem, **options)


@pytest.mark.parametrize("users", [6, 8, 10])
def test_the_answer_is_the_optimum_of_the_frozen_networks(stub, stored, users):
    asked = [request(fading, float(stored["snr"])) for fading in stored[f"K{users}_fading"]]
    results = stub.AllocateBatch(messages.AllocateBatchRequest(requests=asked)).results
    objectives = [result.response.provenance.objective for result in results]
    assert np.mean(objectives) >= 0.999 * stored[f"K{users}_opt_rate"].mean()
    for result in results:
        power = decode_tensor("power", result.response.cell_free.power)
        assert power.dtype == stored[f"K{users}_fading"].dtype
        assert ((power >= 0) & (power <= 1)).all()
        provenance = result.response.provenance
        assert provenance.objective >= provenance.baseline_objective
        assert provenance.objective == pytest.approx(decode_tensor("rates", provenance.rates).min())


def test_pilots_by_index_and_by_sequence_are_one_problem(stub, stored):
    fading, snr = stored["K6_fading"][0], float(stored["snr"])
    index = np.array([0, 0, 1, 1, 2, 3])
    sequences = np.eye(4)[index].astype(np.complex64)
    by_index = stub.Allocate(request(fading, snr, pilots=index, pilot_length=4)).provenance
    by_sequence = stub.Allocate(request(fading, snr, pilots=sequences, pilot_length=4)).provenance
    own = stub.Allocate(request(fading, snr)).provenance
    assert by_index.objective == pytest.approx(by_sequence.objective, rel=1e-5)
    assert by_index.objective < own.objective
    exact = CellFree.create(fading, snr=snr, pilots=index, pilot_length=4).coupling
    optimum = np.log2(1 + spectral_optimum(exact.matrix, exact.noise).sinr)
    assert by_index.objective == pytest.approx(optimum, rel=2e-3)


def test_classical_says_so(stub, stored):
    asked = request(stored["K6_fading"][1], float(stored["snr"]), policy=messages.POLICY_CLASSICAL)
    provenance = stub.Allocate(asked).provenance
    assert provenance.solver == "fixed_point"
    assert provenance.fallback_reason == provenance_pb2.FALLBACK_REASON_REQUESTED


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("pilots", {"pilots": np.array([0, 1, 2, 3, 4, 20])}),
        ("fading", {"fading": np.zeros((4, 6))}),
        ("snr", {"snr": -1.0}),
        ("pilot_length", {"pilot_length": 2}),
    ],
)
def test_bad_input_is_refused_by_field(stub, stored, field, bad):
    with pytest.raises(grpc.RpcError) as refused:
        stub.Allocate(request(**{"fading": stored["K6_fading"][0], "snr": float(stored["snr"]), **bad}))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    details = error_details_pb2.BadRequest()
    assert rpc_status.from_call(refused.value).details[0].Unpack(details)
    assert [violation.field for violation in details.field_violations] == [field]


@pytest.fixture(scope="module")
def client():
    """Of a server with the shipped models."""
    with Server(Settings(port=0, metrics_port=None)) as server, Client(server.target) as connected:
        yield connected


def test_auto_is_the_optimum_without_the_network_and_says_why(client, stored):
    fading, snr = stored["K8_fading"][0], float(stored["snr"])
    answer = client.control_cell_free_power(fading, snr, pilot_length=20)
    assert answer.objective == pytest.approx(stored["K8_opt_rate"][0], rel=1e-4)
    assert (answer.solver, answer.model, answer.fallback_reason) == ("fixed_point", None, "BEATEN_BY_BASELINE")
    assert "fixed_point ends at the optimum" in answer.fallback_detail
    assert answer.polish_iterations >= 1
    assert answer.timings.inference == 0.0


def test_the_network_answers_whoever_asks_for_it(client, stored):
    fading, snr = stored["K8_fading"][0], float(stored["snr"])
    learned = client.control_cell_free_power(fading, snr, pilot_length=20, policy="learned")
    assert (learned.solver, learned.model) == ("max_min", "max_min:1")
    assert learned.objective >= 0.97 * stored["K8_opt_rate"][0]
    # Without polish the fixed point proves nothing, and the network is asked.
    unpolished = client.control_cell_free_power(fading, snr, pilot_length=20, max_polish_iterations=0)
    assert (unpolished.solver, unpolished.fallback_reason) == ("max_min", None)
    shadowed = client.control_cell_free_power(fading, snr, pilot_length=20, shadow=True)
    assert shadowed.shadow.objective == pytest.approx(learned.objective, rel=1e-5)


@pytest.mark.parametrize("users", [20, 32, 70])
def test_networks_of_any_size_with_shared_pilots_reach_the_optimum(client, users):
    rng = np.random.default_rng(users)
    fading, pilots = 10 ** rng.uniform(-13, -9, (40, users)), rng.integers(0, 8, users)
    answer = client.control_cell_free_power(fading, 1e11, pilots, 8)
    exact = CellFree.create(fading, snr=1e11, pilots=pilots, pilot_length=8).coupling
    assert answer.objective >= 0.999 * np.log2(1 + spectral_optimum(exact.matrix, exact.noise).sinr)


def test_a_batch_of_mixed_sizes_is_answered_as_each_alone(client, stored):
    asked = [Asked(stored[f"K{k}_fading"][i], float(stored["snr"]), pilot_length=20) for i in range(3) for k in (6, 10)]
    for policy in ("auto", "learned", "classical"):
        together = client.allocate_batch(asked, policy=policy, raise_on_error=True)
        for one, answer in zip(asked, together, strict=True):
            alone = client.allocate(one, policy=policy)
            assert answer.objective == pytest.approx(alone.objective, rel=2e-5)


def test_pilots_of_the_client_are_one_index_a_user_or_one_column_a_user(client, stored):
    fading, snr = stored["K6_fading"][0], float(stored["snr"])
    index = np.array([0, 0, 1, 1, 2, 3])
    rng = np.random.default_rng(0)
    # Any orthonormal sequences: their inner products are all that counts.
    unitary = np.linalg.qr(rng.standard_normal((4, 4)) + 1j * rng.standard_normal((4, 4)))[0]
    by_index = client.control_cell_free_power(fading, snr, index, 4)
    by_sequence = client.control_cell_free_power(fading, snr, unitary[:, index], 4)
    np.testing.assert_allclose(by_sequence.power, by_index.power, rtol=1e-3)


@pytest.mark.parametrize(
    ("field", "bad"),
    [
        ("pilots", {"pilots": [0, 1, 2, 3, 4, 20]}),
        ("pilots", {"pilots": [0, 1, 2, 3, 4, -1]}),
        ("pilots", {"pilots": np.ones((20, 6), complex)}),
        ("pilots", {"pilots": np.eye(20)[:, :5].astype(complex)}),
        ("fading", {"fading": np.array([[1e-10, 0.0], [1e-9, 0.0]])}),
        ("fading", {"fading": np.array([[1e-10, np.nan], [1e-9, 1e-9]])}),
        ("snr", {"snr": 0.0}),
        ("pilot_length", {"pilot_length": 0}),
    ],
)
def test_the_client_is_told_the_field(client, stored, field, bad):
    given = {"fading": stored["K6_fading"][0], "snr": float(stored["snr"]), "pilot_length": 20, **bad}
    with pytest.raises(InvalidInstance) as refused:
        client.control_cell_free_power(**given)
    assert refused.value.field == field
