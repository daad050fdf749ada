"""Every bad input is refused by the name of its field, with expected and got."""

import numpy as np
import pytest

from airgraph_models.problems import Beamforming, InvalidInstanceError, Links, PowerControl

GAIN = np.ones((3, 3))
CHANNEL = np.ones((3, 3, 2), complex)


def with_entry(array, value):
    changed = array.astype(np.result_type(array, type(value)))
    changed[0, 1] = value
    return changed


@pytest.mark.parametrize(
    ("make", "field", "got"),
    [
        (lambda: PowerControl.create(with_entry(GAIN, np.nan)), "gain", "nan at index (0, 1)"),
        (lambda: PowerControl.create(with_entry(GAIN, np.inf)), "gain", "inf"),
        (lambda: PowerControl.create(with_entry(GAIN, -1.0)), "gain", "-1.0 at index (0, 1)"),
        (lambda: PowerControl.create(np.ones((3, 2))), "gain", "shape [3, 2]"),
        (lambda: PowerControl.create(np.ones((0, 0))), "gain", "shape [0, 0]"),
        (lambda: PowerControl.create(GAIN.astype(complex)), "gain", "complex128"),
        (lambda: PowerControl.create(GAIN, noise_power=0.0), "noise_power", "0.0"),
        (lambda: PowerControl.create(GAIN, noise_power=-0.1), "noise_power", "-0.1"),
        (lambda: PowerControl.create(GAIN, max_power=0.0), "max_power", "0.0"),
        (lambda: PowerControl.create(GAIN, max_power=[1, 1]), "max_power", "shape [2]"),
        (lambda: PowerControl.create(GAIN, weights=[1, -1, 1]), "weights", "-1.0 at index (1)"),
        (lambda: PowerControl.create(GAIN * 1e300, max_power=1e9), "gain", "inf"),
        (lambda: PowerControl.create(GAIN, noise_power=1e-200), "gain", "1e+200"),
        (lambda: PowerControl.create(GAIN, weights=1e200), "weights", "1e+200"),
        (lambda: Beamforming.create(CHANNEL * 1e200), "channel", "inf"),
        (lambda: Beamforming.create(with_entry(CHANNEL, complex(0, -np.inf))), "channel", "-infj at index (0, 1, 0)"),
        (lambda: Beamforming.create(CHANNEL * 1.001e15), "channel", "1e+30"),
        (lambda: Beamforming.create(CHANNEL.astype(str)), "channel", "dtype"),
        (lambda: Beamforming.create(CHANNEL[0]), "channel", "shape [3, 2]"),
        (lambda: Beamforming.create(np.ones((3, 0, 2))), "channel", "shape [3, 0, 2]"),
        (lambda: Beamforming.create(with_entry(CHANNEL, complex(np.nan))), "channel", "nan"),
        (lambda: Beamforming.create(np.ones((3, 2, 2))), "serving_transmitter", "nothing"),
        (lambda: Beamforming.create(CHANNEL, serving_transmitter=[0, 1, 3]), "serving_transmitter", "3 at"),
        (lambda: Beamforming.create(CHANNEL, serving_transmitter=[0.0, 1, 2]), "serving_transmitter", "float64"),
        (lambda: Beamforming.create(CHANNEL, max_antenna_power=0.0), "max_antenna_power", "0.0"),
        (lambda: Links.create([0, 1], [0, 2], 2, 2), "transmitter", "2 at index (1)"),
        (lambda: Links.create([0, -1], [0, 1], 2, 2), "receiver", "-1 at index (1)"),
        (lambda: Links.create([0, 1], [0], 2, 2), "transmitter", "shape [1]"),
        (lambda: Links.create([0, 0], [1, 1], 2, 2), "receiver", "a pair of 0 twice"),
        (lambda: Links.create([1, 0, 1], [0, 0, 0], 2, 2), "receiver", "a pair of 1 twice"),
        (lambda: Links.create([], [], 0, 0), "num_receivers", "0"),
    ],
)
def test_bad_input_names_field_and_finding(make, field, got):
    with pytest.raises(InvalidInstanceError) as caught:
        make()
    assert caught.value.field == field
    assert got in caught.value.got
    assert caught.value.expected
    assert str(caught.value) == f"{field}: expected {caught.value.expected}, got {caught.value.got}"


def test_a_channel_is_taken_up_to_its_largest_gain_over_the_noise():
    channel = with_entry(CHANNEL, 0.999e15 + 0j)
    np.testing.assert_array_equal(Beamforming.create(channel).channel, channel)


def test_scalars_spread_over_the_nodes():
    instance = PowerControl.create(GAIN, weights=2, noise_power=[0.5], max_power=np.float32(3))
    np.testing.assert_array_equal(instance.weights, [2, 2, 2])
    np.testing.assert_array_equal(instance.noise_power, [0.5, 0.5, 0.5])
    np.testing.assert_array_equal(instance.max_power, [3, 3, 3])


@pytest.mark.parametrize(
    ("given", "answered"), [(np.float32, np.float32), (np.float64, np.float64), (np.int32, np.float64)]
)
def test_the_answer_has_the_precision_of_the_channels(given, answered):
    assert PowerControl.create(GAIN.astype(given)).dtype == answered
