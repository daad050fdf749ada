"""Cell-free power control through the real server: optimal, feasible, honest; refusals name the field."""

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from airgraph.v1 import allocator_pb2 as messages
from airgraph.v1 import problems_pb2, provenance_pb2
from airgraph_models.classical.max_min_power import spectral_optimum
from airgraph_models.problems import CellFree
from airgraph_server.codec.tensors import decode_tensor, encode_tensor


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
