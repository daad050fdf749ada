"""Requests of one call that are decided as one get what each would have got, and harm each other as little."""

import json
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from requests_to import power_control_request

from airgraph.v1 import allocator_pb2, provenance_pb2
from airgraph_server.allocation import Allocation, CallScope
from airgraph_server.errors import DeadlineMissedError, InvalidInstanceError, ModelNotFoundError
from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings
from airgraph_server.together import MOST_JOINED, Gatherer

LEARNED = allocator_pb2.POLICY_LEARNED


class Plane:
    """A data plane of its own."""

    def __init__(self, **options):
        chosen, self.metrics = Settings(**options), Metrics()
        self.registry = Registry(chosen, self.metrics)
        self.registry.load()
        self.allocation = Allocation(chosen, self.registry, self.metrics)
        self.model = self.registry.find("power_control", None)[0]

    def answer(self, *requests, **scope):
        return self.allocation.allocate(requests, CallScope(**scope))

    def value(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture(scope="module")
def plane():
    made = Plane()
    yield made
    made.allocation.close()


@pytest.fixture
def fresh(request):
    made = Plane(**getattr(request, "param", {}))
    yield made
    made.allocation.close()


def learned(seed, size, precision=np.float64, **fields):
    rng = np.random.default_rng(seed)
    gain = rng.exponential(size=(size, size)).astype(precision)
    fields = {"policy": LEARNED, "noise_power": 0.1, "weights": rng.uniform(size=size), **fields}
    return power_control_request(gain, f"instance {seed}", **fields)


def power_of(response):
    tensor = response.power_control.power
    kind = np.float32 if tensor.dtype == 1 else np.float64
    return np.frombuffer(tensor.data, kind).astype(float)


def assert_the_same(found, expected):
    """But for the times, and the rounding of the network's single precision."""
    np.testing.assert_allclose(power_of(found), power_of(expected), atol=2e-4)
    assert found.power_control.power.shape == expected.power_control.power.shape
    assert found.power_control.power.dtype == expected.power_control.power.dtype
    for name in ("objective", "baseline_objective", "constraint_margin"):
        assert getattr(found.provenance, name) == pytest.approx(getattr(expected.provenance, name), rel=1e-3, abs=1e-3)
    for message in (found, expected):
        message.ClearField("power_control")
        for name in ("objective", "baseline_objective", "constraint_margin", "rates", "timings", "batch_size"):
            message.provenance.ClearField(name)
    assert found == expected


@settings(max_examples=20, deadline=None)
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=8), seed=st.integers(0, 2**16))
def test_together_each_gets_what_it_gets_alone_and_the_long_way(plane, sizes, seed):
    requests = [learned(seed + i, size, (np.float32, np.float64)[seed % 2]) for i, size in enumerate(sizes)]
    together = plane.answer(*requests)
    assert {response.provenance.batch_size for response in together} == {len(sizes)}
    alone = [plane.answer(request)[0] for request in requests]
    long_way, _ = plane.allocation._answer_each(requests, CallScope())
    for found, one, expected in zip(together, alone, long_way, strict=True):
        assert_the_same(allocator_pb2.AllocateResponse.FromString(found.SerializeToString()), one)
        assert_the_same(found, expected)


def test_requests_of_all_kinds_are_answered_in_order(plane):
    requests = [
        learned(0, 4),
        learned(1, 5, policy=allocator_pb2.POLICY_CLASSICAL),
        learned(2, 6, np.float32),
        learned(3, 4, priority=7),
        learned(4, 5, policy=allocator_pb2.POLICY_AUTO),
        learned(5, 6, model=allocator_pb2.ModelPin(name="wcgcn")),
        learned(6, 4, np.float32),
    ]
    found = plane.answer(*requests)
    assert [response.request_id for response in found] == [request.request_id for request in requests]
    assert [response.power_control.power.shape[0] for response in found] == [4, 5, 6, 4, 5, 6, 4]
    solvers = [response.provenance.solver for response in found]
    assert solvers[:4] == ["aligned", "wmmse", "aligned", "aligned"]
    assert solvers[5:] == ["wcgcn", "aligned"]
    # Those of one priority and model came together, whatever stood between them.
    assert [found[i].provenance.batch_size for i in (0, 2, 3, 6)] == [3, 3, 1, 3]


def test_a_bad_instance_fails_alone(plane):
    bad = learned(1, 3, noise_power=np.array([1.0, np.nan, 1.0]))
    first, refused, last = plane.answer(learned(0, 4), bad, learned(2, 5))
    assert isinstance(refused, InvalidInstanceError)
    assert refused.field == "noise_power"
    assert (first.provenance.solver, last.provenance.solver) == ("aligned", "aligned")


def test_a_model_that_is_not_there_is_told_to_who_asked_for_it(plane):
    missing = learned(1, 3, model=allocator_pb2.ModelPin(name="no such"))
    found, refused = plane.answer(learned(0, 4), missing)
    assert isinstance(refused, ModelNotFoundError)
    assert found.provenance.solver == "aligned"


def test_large_messages_are_cut_so_that_others_get_their_turn(plane):
    requests = [learned(i, 2) for i in range(2 * MOST_JOINED + 1)]
    parts = Gatherer(Settings(), plane.registry).gather(requests, None, lambda: False)
    assert [len(part.positions) for part in parts] == [MOST_JOINED, MOST_JOINED, 1]
    found = plane.answer(*requests)
    assert [response.request_id for response in found] == [request.request_id for request in requests]


def broken(inputs):
    raise RuntimeError("a defect")


def test_a_network_that_fails_leaves_each_its_fallback(fresh):
    fresh.model._runtime.run = broken
    for response in fresh.answer(learned(0, 3), learned(1, 4)):
        assert response.provenance.fallback_reason == provenance_pb2.FALLBACK_REASON_RUNTIME_ERROR
        assert response.provenance.solver == "wmmse"


def test_what_is_not_finite_concerns_only_its_own(fresh):
    run = fresh.model._runtime.run

    def spoiled(inputs):
        output = run(inputs)
        output[len(output) - 5 :] = np.nan if len(output) in (5, 8) else output[len(output) - 5 :]
        return output

    fresh.model._runtime.run = spoiled
    first, second = fresh.answer(learned(0, 3), learned(1, 5))
    assert (first.provenance.solver, first.provenance.fallback_reason) == ("aligned", 0)
    assert second.provenance.fallback_reason == provenance_pb2.FALLBACK_REASON_NON_FINITE


@pytest.mark.parametrize("scope", [{"deadline": 0.0}, {"abandoned": lambda: True}])
def test_what_is_late_or_left_never_reaches_the_network(fresh, scope):
    ran = []
    fresh.model._runtime.run = ran.append
    outcomes = fresh.answer(learned(0, 3), learned(1, 4), **scope)
    assert [type(outcome) for outcome in outcomes] == [DeadlineMissedError] * 2
    assert ran == []
    assert fresh.value("airgraph_deadline_missed_total") == 2.0


def test_each_answer_is_counted_and_recorded(tmp_path):
    plane = Plane(audit_file=tmp_path / "audit.jsonl")
    told = []

    class Span:
        trace_id = ""

        def answered(self, facts, stages):
            told.append((facts, [stage.name for stage in stages]))

    plane.answer(learned(0, 3), learned(1, 4), span=Span())
    plane.allocation.close()
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert [line["request_id"] for line in lines] == ["instance 0", "instance 1"]
    assert plane.value("airgraph_answers_total", problem="power_control", solver="aligned") == 2.0
    assert plane.value("airgraph_stage_seconds_count", problem="power_control", stage="inference") == 2.0
    assert plane.value("airgraph_objective_over_baseline_count", problem="power_control") == 2.0
    assert plane.value("airgraph_batch_graphs_sum") == 2.0
    assert [(facts["airgraph.request_id"], facts["airgraph.nodes"], facts["airgraph.links"]) for facts, _ in told] == [
        ("instance 0", 3, 9),
        ("instance 1", 4, 16),
    ]
    assert told[0][1] == ["decode", "queue", "inference", "decision", "encode"]


@pytest.mark.parametrize("bad", [False, True])
def test_one_that_comes_on_a_stream_is_answered_too(plane, bad):
    request = learned(3, 4, noise_power=-1.0) if bad else learned(3, 4)
    outcomes = []
    done = threading.Event()
    plane.allocation.submit(request, CallScope(), lambda outcome: (outcomes.append(outcome), done.set()))
    assert done.wait(20)
    if bad:
        assert isinstance(outcomes[0], InvalidInstanceError)
    else:
        assert_the_same(outcomes[0], plane.answer(request)[0])
