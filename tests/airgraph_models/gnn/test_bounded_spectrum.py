"""A bound of the spectrum that a precoding network sees: only where it is exceeded, the same for every export."""

import pytest
import torch
from exported import assert_forms_agree

from airgraph_models.gnn.bounded_spectrum import BoundedSpectrum
from airgraph_models.gnn.model_gnn import ModelGNN, ModelGNNArchitecture

SHARE = 0.9


def channels(batch, users=3, antennas=5, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, users, antennas, 2, generator=generator, dtype=torch.float64).to(dtype)


def largest_eigenvalue(network, channel):
    """Of the Gram matrix over the number of antennas, in the network's unit, ``[B]``."""
    plain = torch.view_as_complex(channel.contiguous()) / network.network.rms
    return torch.linalg.matrix_norm(plain, ord=2).square() / channel.shape[2]


@pytest.fixture
def network():
    torch.manual_seed(1)
    inner = ModelGNN(ModelGNNArchitecture((6, 4)))
    inner.standardise(channels(40))
    return BoundedSpectrum(inner.double(), SHARE).eval()


def test_the_bound_is_in_the_networks_unit(network):
    channel = 2.0 * channels(20)
    before = network.bounded(channel)
    assert (before != channel).any()
    network.network.standardise(3.0 * channels(40))
    torch.testing.assert_close(network.bounded(3.0 * channel), 3.0 * before)


@pytest.mark.parametrize("users", [1, 3, 8])
def test_no_eigenvalue_is_above_the_bound_and_small_spectra_are_left_alone(network, users):
    channel = channels(60, users) * torch.linspace(0.2, 1e3, 60).double()[:, None, None, None]
    largest = SHARE * (1 + (users / 5) ** 0.5) ** 2
    before, after = (largest_eigenvalue(network, given) for given in (channel, network.bounded(channel)))
    assert (after <= largest * (1 + 1e-12)).all()
    bounded = before > largest
    assert bounded.any()
    # The estimate is at most K^(1/8) times the eigenvalue.
    assert (after[bounded] >= largest * users ** (-1 / 8) * (1 - 1e-12)).all()
    small = before <= largest * users ** (-1 / 8)
    assert small.any()
    torch.testing.assert_close(network.bounded(channel)[small], channel[small], rtol=0, atol=0)


def test_directions_are_those_of_the_network_itself_on_the_bounded_channel(network):
    channel = 4.0 * channels(5)
    torch.testing.assert_close(network(channel), network.network(network.bounded(channel)))
    torch.testing.assert_close(network(channel), network(1e9 * channel))
    assert network(torch.zeros_like(channel)).abs().max() == 0


def test_single_precision_bears_channels_of_many_decades(network):
    single = BoundedSpectrum(network.network.float(), SHARE)
    channel = channels(4, dtype=torch.float32) * torch.tensor([1e-12, 1.0, 1e5, 1e8])[:, None, None, None]
    assert torch.isfinite(single(channel)).all()


def test_renumbering_renumbers_and_an_instance_is_answered_as_alone(network):
    channel = 3.0 * channels(2)
    user, antenna = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 4, 0, 2])
    precoder = network(channel)
    turned = network(channel[:, user][:, :, antenna])
    torch.testing.assert_close(turned, precoder[:, antenna][:, :, user], rtol=0, atol=1e-9)
    torch.testing.assert_close(network(channel[1:])[0], precoder[1], rtol=0, atol=1e-12)


def test_eager_torchscript_and_onnx_agree_at_other_sizes_than_the_exported(network):
    network = network.float()
    others = [2.0 * channels(*size, dtype=torch.float32) for size in ((1, 4, 9), (3, 2, 4), (2, 1, 1))]
    assert_forms_agree(network, channels(2, dtype=torch.float32), "BKN", others)
