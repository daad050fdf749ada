"""Model-GNN whose steps depend on the number of users: it begins as a Model-GNN, and the load alone moves its steps."""

import pytest
import torch
from exported import assert_forms_agree

from airgraph_models.gnn.model_gnn import ModelGNN, ModelGNNArchitecture
from airgraph_models.gnn.stepped_model_gnn import SteppedModelGNN

SIZES = ModelGNNArchitecture((6, 4))


def channels(batch, users=3, antennas=5, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, users, antennas, 2, generator=generator, dtype=torch.float64).to(dtype)


@pytest.fixture
def untrained():
    torch.manual_seed(1)
    return SteppedModelGNN(SIZES).double().eval()


@pytest.fixture
def network(untrained):
    with torch.no_grad():
        for parameter in untrained.steps.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return untrained


def of_the_same_weights(network):
    plain = ModelGNN(SIZES).double().eval()
    plain.load_state_dict(network.state_dict(), strict=False)
    return plain


def test_it_begins_as_a_model_gnn(untrained):
    channel = channels(4)
    torch.testing.assert_close(untrained(channel), of_the_same_weights(untrained)(channel))


def test_a_step_weighs_the_second_term_of_its_complex_channel(network):
    # The weights of e, scaled by hand for one load, are a Model-GNN that stands for the network at that load alone.
    plain, users, antennas = of_the_same_weights(network), 3, 5
    load = torch.tensor([[users / antennas]]).double()
    steps = torch.exp(network.steps(torch.log(load)))[0].split([1, 3, 2])
    with torch.no_grad():
        for layer, step in zip(plain.layers, steps, strict=True):
            inputs = 2 * len(step)
            for weight in (layer.own, layer.over_users):
                weight[:, inputs:] *= torch.cat([step, step])
    torch.testing.assert_close(network(channels(4)), plain(channels(4)))
    assert (network(channels(4, users + 1)) - plain(channels(4, users + 1))).abs().max() > 1e-3


def test_every_weight_has_a_gradient(network):
    (network(channels(4)) * torch.randn(4, 5, 3, 2)).sum().backward()
    for parameter in network.parameters():
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().max() > 0


def test_renumbering_renumbers_and_an_instance_is_answered_as_alone(network):
    channel = channels(2)
    user, antenna = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 4, 0, 2])
    precoder = network(channel)
    turned = network(channel[:, user][:, :, antenna])
    torch.testing.assert_close(turned, precoder[:, antenna][:, :, user], rtol=0, atol=1e-9)
    torch.testing.assert_close(network(channel[1:])[0], precoder[1], rtol=0, atol=1e-12)


def test_eager_torchscript_and_onnx_agree_at_other_sizes_than_the_exported(network):
    network = network.float()
    others = [channels(*size, dtype=torch.float32) for size in ((1, 4, 9), (3, 2, 4), (2, 1, 1))]
    assert_forms_agree(network, channels(2, dtype=torch.float32), "BKN", others)
