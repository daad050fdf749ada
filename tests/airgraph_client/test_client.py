import grpc
import numpy as np
import pytest

import airgraph_client
from airgraph.v1 import allocator_pb2
from airgraph_client import (
    AirGraphError,
    Answer,
    Beamforming,
    Client,
    InvalidInstance,
    ModelNotFound,
    Overloaded,
    PowerControl,
    PowerModel,
    ServerError,
    Timings,
    Unavailable,
)
from airgraph_client.tensors import read_tensor


def test_power_control(client):
    answer = client.control_power(np.eye(3))
    np.testing.assert_array_equal(answer.power, np.ones(3))
    assert answer.power.dtype == np.float64
    assert answer.problem == "power_control"
    np.testing.assert_array_equal(answer.rates, [1.5, 3.0])
    assert (answer.objective, answer.baseline_objective) == (4.5, 4.0)
    assert (answer.solver, answer.model, answer.fallback_reason) == ("learned", "wcgcn:3", None)
    assert (answer.constraint_margin, answer.polish_iterations, answer.batch_size) == (0.25, 7, 2)
    assert answer.timings == Timings(decode=1, queue=2, inference=3, decision=4, polish=5, total=15)
    assert answer.shadow is None
    with pytest.raises(AttributeError, match="no beamformer"):
        _ = answer.beamformer


def test_beamforming(client):
    answer = client.beamform(np.ones((2, 2, 4), np.complex64), noise_power=0.1)
    assert answer.beamformer.shape == (2, 4)
    assert answer.beamformer.dtype == np.complex64
    with pytest.raises(AttributeError, match="no power"):
        _ = answer.power


def test_options_reach_the_server(client, fake):
    answer = client.control_power(
        np.eye(2),
        policy="classical",
        model="wcgcn:3",
        max_polish_iterations=0,
        classical_iterations=30,
        shadow=True,
        priority=2,
        request_id="cell 7",
    )
    (request,) = fake.requests
    assert request.policy == allocator_pb2.POLICY_CLASSICAL
    assert (request.model.name, request.model.version) == ("wcgcn", "3")
    assert request.HasField("max_polish_iterations")
    assert request.max_polish_iterations == 0
    assert request.classical_iterations == 30
    assert request.shadow
    assert request.priority == 2
    assert answer.request_id == "cell 7"
    assert (answer.model, answer.fallback_reason) == (None, "REQUESTED")
    assert answer.shadow is not None
    assert (answer.shadow.model, answer.shadow.fallback_reason) == ("wcgcn:3", "OUT_OF_DOMAIN")


def test_options_left_out_are_left_to_the_server(client, fake):
    client.control_power(np.eye(2))
    (request,) = fake.requests
    assert [field.name for field, _ in request.ListFields()] == ["policy", "power_control"]


def test_the_calls_timeout_overrides_the_clients(client, fake):
    client.control_power(np.eye(2))
    assert fake.deadline == pytest.approx(10, abs=2)
    client.control_power(np.eye(2), timeout=3)
    assert fake.deadline == pytest.approx(3, abs=2)


def test_metadata_goes_with_every_call(target, fake):
    with Client(target, metadata=(("authorization", "Bearer of news"),)) as client:
        client.control_power(np.eye(2))
    assert fake.metadata["authorization"] == "Bearer of news"


@pytest.mark.parametrize(
    "options", [{"policy": "best"}, {"max_polish_iterations": -1}, {"classical_iterations": 2**32}]
)
def test_a_bad_option_is_refused_before_the_call(client, fake, options):
    with pytest.raises(InvalidInstance) as caught:
        client.control_power(np.eye(2), **options)
    assert caught.value.field == next(iter(options))
    assert not fake.requests


@pytest.mark.parametrize(
    "kind",
    [
        "InvalidInstance",
        "ModelNotFound",
        "ModelCannotServe",
        "DeadlineMissed",
        "Overloaded",
        "Unavailable",
        "NotImplementedByServer",
        "Denied",
        "ServerError",
    ],
)
def test_each_failure_is_an_exception_of_its_own(client, fake, failures, kind):
    fake.failure = failures[kind]
    with pytest.raises(AirGraphError) as caught:
        client.control_power(np.eye(2))
    assert type(caught.value) is getattr(airgraph_client, kind)
    assert caught.value.message == fake.failure.message
    assert caught.value.code.value[0] == fake.failure.code


def test_an_invalid_field_says_what_was_expected(client):
    with pytest.raises(InvalidInstance) as caught:
        client.control_power(-np.eye(2))
    error = caught.value
    assert (error.field, error.expected, error.got) == ("gain", "entries >= 0", "-1")


def test_overload_says_when_to_come_back(client, fake, failures):
    fake.failure = failures["Overloaded"]
    with pytest.raises(Overloaded) as caught:
        client.control_power(np.eye(2))
    assert caught.value.retry_after == pytest.approx(0.25)


def test_nobody_there():
    with Client("127.0.0.1:1") as client, pytest.raises(Unavailable) as caught:
        client.control_power(np.eye(2), timeout=5)
    assert caught.value.code is grpc.StatusCode.UNAVAILABLE


def test_a_batch_fails_one_by_one(client, fake):
    good, bad = PowerControl(np.eye(3)), PowerControl(-np.eye(2))
    beams = Beamforming(np.ones((2, 2, 2), np.complex64))
    first, second, third = client.allocate_batch([good, bad, beams], request_id="slot")
    assert isinstance(first, Answer)
    assert isinstance(second, InvalidInstance)
    assert second.field == "gain"
    assert isinstance(third, Answer)
    assert third.beamformer.shape == (2, 2)
    assert [request.request_id for request in fake.requests] == ["slot/0", "slot/1", "slot/2"]


def test_a_batch_may_fail_as_a_whole(client):
    with pytest.raises(InvalidInstance):
        client.allocate_batch([PowerControl(np.eye(3)), PowerControl(-np.eye(2))], raise_on_error=True)


def test_an_empty_batch_has_no_answers(client):
    assert client.allocate_batch([]) == []


def test_an_answer_without_an_allocation_is_the_servers_fault(client, fake, monkeypatch):
    monkeypatch.setattr(
        fake, "solve", lambda _: allocator_pb2.AllocateResult(response=allocator_pb2.AllocateResponse())
    )
    with pytest.raises(ServerError, match="no allocation"):
        client.control_power(np.eye(2))


def test_models_and_their_cards(client):
    (model,) = client.models()
    assert (model.name, model.version, model.state, model.max_nodes) == ("wcgcn", "3", "READY", None)
    description = client.describe("wcgcn")
    assert description.model == model
    assert description.card == {"source": "arXiv 2007.07632"}
    with pytest.raises(ModelNotFound):
        client.describe("unheard of")


def test_status(client, health_of):
    status = client.status()
    assert status.serving
    assert [model.name for model in status.models] == ["wcgcn"]
    health_of.enter_graceful_shutdown()
    status = client.status()
    assert not status.serving
    assert (status.health, status.models) == ("NOT_SERVING", ())


def test_waiting_for_the_server(client, health_of):
    client.wait_until_serving(timeout=5)
    health_of.enter_graceful_shutdown()
    with pytest.raises(Unavailable, match="NOT_SERVING"):
        client.wait_until_serving(timeout=0.2, poll=0.05)


def test_precoding(client, fake):
    answer = client.precode(np.ones((3, 4), np.complex64), noise_power=0.1)
    assert answer.precoder.shape == (4, 3)
    assert answer.precoder.dtype == np.complex64
    with pytest.raises(AttributeError, match="no beamformer"):
        _ = answer.beamformer
    sub_bands = client.precode(
        np.ones((2, 3, 4), complex), max_power=[1.0, 2.0], objective="ee", min_rates=0.5, power_model=PowerModel(1.0)
    )
    assert sub_bands.precoder.shape == (2, 4, 3)
    with pytest.raises(InvalidInstance) as caught:
        client.precode(np.ones((3, 4)), objective="max-min")
    assert caught.value.field == "objective"


def test_cell_free_power(client, fake):
    answer = client.control_cell_free_power(np.full((5, 3), 1e-10), 1e11, pilots=[0, 1, 1], pilot_length=2)
    assert answer.problem == "cell_free"
    np.testing.assert_array_equal(answer.power, [0.5, 0.5, 0.5])
    sent = fake.requests[-1].cell_free
    assert (sent.snr, sent.pilot_length) == (1e11, 2)
    np.testing.assert_array_equal(read_tensor(sent.pilots), [0, 1, 1])
    sequences = np.arange(6).reshape(2, 3) + 1j
    client.control_cell_free_power(np.full((5, 3), 1e-10), 1e11, pilots=sequences, pilot_length=2)
    # A column a user for the caller, a row a user on the wire.
    np.testing.assert_array_equal(read_tensor(fake.requests[-1].cell_free.pilots), sequences.T)
    for pilots in (np.ones((1, 2, 3)), ["a"]):
        with pytest.raises(InvalidInstance):
            client.control_cell_free_power(np.full((5, 3), 1e-10), 1e11, pilots=pilots, pilot_length=2)
    with pytest.raises(InvalidInstance):
        client.control_cell_free_power(np.full((5, 3), 1e-10), 1e11, pilot_length=0)
