import numpy as np
import pytest

from airgraph.v1 import allocator_pb2, problems_pb2
from airgraph_client import Beamforming, Links, PowerControl, PowerModel, Precoding
from airgraph_client.tensors import read_tensor


def message_of(instance):
    request = allocator_pb2.AllocateRequest()
    instance.put_into(request)
    return getattr(request, request.WhichOneof("problem"))


def test_defaults_travel_as_absent_fields():
    message = message_of(PowerControl(np.eye(2)))
    assert [field.name for field, _ in message.ListFields()] == ["gain"]


def test_every_field_of_a_beamforming_instance_travels():
    channel = np.ones((3, 2, 4), np.complex64)
    message = message_of(
        Beamforming(
            channel,
            weights=[1, 2, 3],
            noise_power=0.5,
            max_power=np.array([1.0, 2.0]),
            serving_transmitter=[0, 1, 1],
            max_antenna_power=0.25,
        )
    )
    assert list(message.channel.shape) == [3, 2, 4]
    np.testing.assert_array_equal(read_tensor(message.weights), [1, 2, 3])
    assert read_tensor(message.noise_power) == 0.5
    np.testing.assert_array_equal(read_tensor(message.max_power), [1, 2])
    np.testing.assert_array_equal(read_tensor(message.serving_transmitter), [0, 1, 1])
    assert read_tensor(message.max_antenna_power) == 0.25
    assert not message.HasField("links")


@pytest.mark.parametrize(
    ("more", "nodes"),
    [
        ({}, 3),
        ({"weights": [1.0]}, 3),
        ({"weights": np.ones(5)}, 5),
        ({"max_power": np.ones(4)}, 4),
    ],
)
def test_number_of_pairs_of_a_sparse_network(more, nodes):
    message = message_of(PowerControl(np.ones(4), links=([0, 1, 2, 0], [0, 1, 2, 2]), **more))
    assert message.num_nodes == nodes
    np.testing.assert_array_equal(read_tensor(message.links.receiver), [0, 1, 2, 0])
    np.testing.assert_array_equal(read_tensor(message.links.transmitter), [0, 1, 2, 2])


def test_number_of_pairs_given_outright():
    links = Links([0], [0], num_receivers=7)
    assert message_of(PowerControl([1.0], links=links)).num_nodes == 7


@pytest.mark.parametrize(
    ("more", "receivers", "transmitters"),
    [
        ({}, 3, 2),
        ({"serving_transmitter": [0, 1, 1, 1]}, 4, 2),
        ({"noise_power": np.ones(5), "max_power": np.ones(6)}, 5, 6),
    ],
)
def test_numbers_of_receivers_and_transmitters_of_a_sparse_network(more, receivers, transmitters):
    message = message_of(Beamforming(np.ones((3, 2), np.complex64), links=([0, 1, 2], [0, 1, 1]), **more))
    assert (message.num_receivers, message.num_transmitters) == (receivers, transmitters)


def test_every_field_of_a_precoding_instance_travels():
    message = message_of(
        Precoding(
            np.ones((2, 3, 4), np.complex64),
            noise_power=[1, 2, 3],
            max_power=np.array([1.0, 2.0]),
            weights=0.5,
            objective="ee",
            min_rates=2,
            power_model=PowerModel(0.1, 2.0, 3.0),
        )
    )
    assert list(message.channel.shape) == [2, 3, 4]
    np.testing.assert_array_equal(read_tensor(message.noise_power), [1, 2, 3])
    np.testing.assert_array_equal(read_tensor(message.max_power), [1, 2])
    assert read_tensor(message.weights) == 0.5
    assert message.objective == problems_pb2.PRECODING_OBJECTIVE_ENERGY_EFFICIENCY
    assert read_tensor(message.minimum_rates) == 2
    power = message.power_model
    assert (power.circuit_power, power.constant_power, power.amplifier_inefficiency) == (0.1, 2.0, 3.0)
    plain = message_of(Precoding(np.ones((3, 4))))
    assert [field.name for field, _ in plain.ListFields()] == ["channel", "objective"]
    assert plain.objective == problems_pb2.PRECODING_OBJECTIVE_SPECTRAL_EFFICIENCY
