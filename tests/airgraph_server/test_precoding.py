"""Precoding through the decision and through the real server, with the shipped network and without."""

from time import perf_counter

import grpc
import numpy as np
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import precodings, random_precoding
from stand_ins import StandInModel

from airgraph.v1 import allocator_pb2 as messages
from airgraph.v1 import problems_pb2, provenance_pb2
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import PRECODING, PowerModel, Precoding
from airgraph_server.codec.tensors import decode_tensor, encode_tensor
from airgraph_server.decision.decide import Decider
from airgraph_server.decision.types import Decision, Policy, Reason, Task
from airgraph_server.errors import ModelCannotServeError
from airgraph_server.metrics import Metrics
from airgraph_server.settings import Settings

CHANNEL = random_precoding(0, 4, 6).channel.astype(np.complex64)
POWER_MODEL = problems_pb2.PowerModel(circuit_power=0.1, constant_power=1.0, amplifier_inefficiency=2.0)
EFFICIENT = {"objective": problems_pb2.PRECODING_OBJECTIVE_ENERGY_EFFICIENCY, "power_model": POWER_MODEL}
TENSORS = ("weights", "noise_power", "max_power", "minimum_rates")


def precoding_request(channel, fields=None, **options):
    given = dict(fields or {})
    tensors = {name: encode_tensor(np.asarray(given.pop(name), np.float64)) for name in TENSORS if name in given}
    problem = problems_pb2.Precoding(channel=encode_tensor(np.asarray(channel)), **tensors, **given)
    return messages.AllocateRequest(precoding=problem, **options)


def allocation(response):
    return decode_tensor("precoder", response.precoding.precoder)


def decide(instance, **options):
    decision = Decider(Settings(), Metrics()).decide([Task(PRECODING, instance, **options)])[0]
    assert isinstance(decision, Decision), decision
    return decision


@settings(max_examples=25)
@given(precodings(), st.sampled_from([Policy.AUTO, Policy.CLASSICAL]))
def test_the_answer_is_feasible_after_rounding_honest_and_never_below_rzf(instance, policy):
    decision = decide(instance, policy=policy, max_polish_iterations=5, classical_iterations=5)
    wide = decision.allocation.astype(complex)
    assert decision.allocation.dtype == instance.dtype
    assert PRECODING.margin(instance, wide) == decision.margin >= 0
    assert decision.objective == pytest.approx(PRECODING.objective(instance, wide))
    np.testing.assert_allclose(decision.rates, PRECODING.rates(instance, wide))
    baseline = PRECODING.rounded(instance, PRECODING.baseline(instance)).astype(complex)
    mine, theirs = (PRECODING.standing(instance, a, PRECODING.objective(instance, a)) for a in (wide, baseline))
    assert mine >= theirs
    assert bool(decision.remark) == bool(PRECODING.remark(instance, decision.rates))


def test_a_model_of_another_problem_cannot_take_it():
    instance = random_precoding(0, 3, 4)
    decision = decide(instance, model=StandInModel())
    assert decision.fallback.reason is Reason.OUT_OF_DOMAIN
    learned = Task(PRECODING, instance, policy=Policy.LEARNED, model=StandInModel())
    assert isinstance(Decider(Settings(), Metrics()).decide([learned])[0], ModelCannotServeError)


def test_a_minimum_rate_goes_before_efficiency():
    """RZF on little power has the higher efficiency, but misses what is asked."""
    problem = {"max_power": 10.0, "noise_power": 0.1, "objective": "ee", "power_model": PowerModel(0, 0.01, 3)}
    instance = Precoding.create(CHANNEL, minimum_rates=3.0, **problem)
    frugal = Precoding.create(CHANNEL, **problem)
    asked, free = decide(instance), decide(frugal)
    assert asked.objective < free.objective
    assert (free.rates < 3).any()
    assert (asked.rates >= 3 * (1 - 1e-5)).all()
    assert asked.remark == ""


@pytest.mark.parametrize("efficient", [False, True])
def test_a_near_deadline_is_kept(efficient):
    instance = random_precoding(1, 12, 16, efficient=efficient, minimum_rate=0.5)
    decider = Decider(Settings(), Metrics())
    for _ in range(3):  # the first calls teach the decider how long an iteration takes
        deadline = perf_counter() + 0.2
        decision = decider.decide([Task(PRECODING, instance, deadline=deadline)])[0]
        late = perf_counter() - deadline
    assert isinstance(decision, Decision)
    assert late < 0.05


def test_without_a_model_auto_climbs_from_classical_starts_and_says_so(stub):
    response = stub.Allocate(precoding_request(CHANNEL, {"noise_power": 0.1, "max_power": 2.0}, request_id="cell"))
    provenance = response.provenance
    assert response.request_id == "cell"
    assert provenance.fallback_reason == provenance_pb2.FALLBACK_REASON_MODEL_UNAVAILABLE
    assert provenance.solver == "dual_ascent"
    precoder = allocation(response)
    assert precoder.shape == (6, 4)
    assert precoder.dtype == np.complex64
    assert (abs(precoder.astype(complex)) ** 2).sum() <= 2
    assert provenance.objective >= provenance.baseline_objective > 0
    assert provenance.objective == pytest.approx(decode_tensor("rates", provenance.rates).sum())


def test_classical_is_the_familys_own_answer(stub):
    request = precoding_request(CHANNEL, {"noise_power": 0.1}, policy=messages.POLICY_CLASSICAL, classical_iterations=9)
    response = stub.Allocate(request)
    instance = Precoding.create(CHANNEL, noise_power=0.1)
    expected = PRECODING.solve([instance], Stopping(9))[0]
    assert response.provenance.fallback_reason == provenance_pb2.FALLBACK_REASON_REQUESTED
    assert response.provenance.polish_iterations == 9
    np.testing.assert_allclose(allocation(response), expected.allocation, atol=1e-6)


def test_sub_bands_have_a_budget_each(stub):
    channel = random_precoding(1, 3, 4, bands=2).channel
    response = stub.Allocate(precoding_request(channel, {"max_power": [1.0, 3.0]}))
    precoder = allocation(response)
    assert precoder.shape == (2, 4, 3)
    power = (abs(precoder) ** 2).sum(axis=(1, 2))
    np.testing.assert_allclose(power, [1, 3], rtol=1e-9)
    assert (power <= [1, 3]).all()


def test_energy_efficiency_under_minimum_rates(stub):
    fields = {**EFFICIENT, "noise_power": 0.1, "minimum_rates": [1.0, 0.5, 2.0, 0.0]}
    response = stub.Allocate(precoding_request(CHANNEL, fields))
    rates = decode_tensor("rates", response.provenance.rates)
    assert (rates >= np.array([1.0, 0.5, 2.0, 0.0]) * (1 - 1e-5)).all()
    consumed = 2.0 * (abs(allocation(response).astype(complex)) ** 2).sum() + 6 * 0.1 + 1.0
    assert response.provenance.objective == pytest.approx(rates.sum() / consumed)
    assert response.provenance.solver == "dinkelbach_wmmse"
    assert "MINIMUM_RATES" not in response.provenance.fallback_detail


@pytest.mark.parametrize("policy", [messages.POLICY_AUTO, messages.POLICY_CLASSICAL])
def test_minimum_rates_out_of_reach_are_named_and_answered_with_the_best_effort(stub, policy):
    fields = {**EFFICIENT, "minimum_rates": 12.0}
    response = stub.Allocate(precoding_request(CHANNEL, fields, policy=policy))
    provenance = response.provenance
    assert provenance.fallback_detail.startswith("MINIMUM_RATES_UNREACHABLE: 4 of 4 users get less than asked")
    assert provenance.solver == "sinr_balancing"
    rates = decode_tensor("rates", provenance.rates)
    np.testing.assert_allclose(rates, rates[0], rtol=1e-4)
    assert provenance.constraint_margin >= 0


@pytest.mark.parametrize(
    ("sent", "fields", "field", "got"),
    [
        (CHANNEL * np.nan, {}, "channel", "nan"),
        (CHANNEL[0], {}, "channel", "shape [6]"),
        (CHANNEL, {"noise_power": -1.0}, "noise_power", "-1.0"),
        (CHANNEL, {"max_power": [1.0, 2.0]}, "max_power", "shape [2]"),
        (CHANNEL, {"minimum_rates": 1.0}, "minimum_rates", "some"),
        (CHANNEL, {"objective": 2}, "power_model", "nothing"),
        (CHANNEL, {"objective": 9}, "objective", "9"),
        (CHANNEL, {"objective": 2, "power_model": problems_pb2.PowerModel(circuit_power=-1)}, "power_model", "-1"),
    ],
)
def test_bad_input_is_refused_by_field(stub, sent, fields, field, got):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Allocate(precoding_request(sent, fields))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    details = error_details_pb2.ErrorInfo()
    assert any(detail.Unpack(details) for detail in rpc_status.from_call(caught.value).details)
    assert details.metadata["field"].split(".")[0] == field
    assert got in details.metadata["got"]


@pytest.mark.parametrize("shape", [(41, 2), (2, 300), (30, 2, 30)])
def test_what_is_too_large_is_refused_for_its_size(stub, shape):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Allocate(precoding_request(np.ones(shape, np.complex64)))
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
