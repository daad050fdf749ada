"""Precoding networks that choose their power: within the budget, by a factor of the number of users alone."""

import numpy as np
import pytest
import torch
from exported import assert_forms_agree

from airgraph_models.classical.downlink import downlink_rates
from airgraph_models.classical.linear_precoding import column_power, regularised_zero_forcing, with_power
from airgraph_models.gnn.efficient_precoding import EfficientPrecoding
from airgraph_models.gnn.model_gnn import ModelGNN, ModelGNNArchitecture
from airgraph_models.gnn.structured_gnn import FreeStructuredGNN
from airgraph_models.gnn.vanilla_gnn import VanillaGNN, VanillaGNNArchitecture

BUDGET = 0.7
"""An antenna."""
INNER = {
    "model-gnn": lambda: ModelGNN(ModelGNNArchitecture((6, 4))),
    "vanilla-gnn": lambda: VanillaGNN(VanillaGNNArchitecture((6, 4))),
    "bnn": FreeStructuredGNN,
}


def channels(batch, users=3, antennas=5, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return 2.0 * torch.randn(batch, users, antennas, 2, generator=generator, dtype=torch.float64).to(dtype)


@pytest.fixture(params=list(INNER))
def network(request):
    torch.manual_seed(1)
    network = EfficientPrecoding(INNER[request.param](), BUDGET).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    return network.eval()


def with_factor(network, logarithm):
    """The same network with one factor for every number of users."""
    with torch.no_grad():
        for parameter in network.factor[-1].parameters():
            parameter.zero_()
        network.factor[-1].bias.fill_(logarithm)
    return network


def power_of(precoder):
    return precoder.square().sum(dim=(1, 2, 3))


def test_power_is_chosen_and_never_over_the_budget(network):
    channel = channels(50)
    spent = {shift: power_of(with_factor(network, shift)(channel)).detach() for shift in (-3.0, -2.5, 6.0)}
    torch.testing.assert_close(spent[-2.5], np.e * spent[-3.0])
    assert spent[-3.0].std() > 1e-4
    torch.testing.assert_close(spent[6.0], torch.full_like(spent[6.0], 5 * BUDGET))
    assert with_factor(network, 6.0)(torch.zeros_like(channel)).abs().max() == 0


def test_the_factor_knows_the_number_of_users_and_every_weight_has_a_gradient(network):
    with torch.no_grad():
        network.factor[-1].weight.fill_(1.0)
        network.factor[0].bias.fill_(1.0)
    factors = [torch.exp(network.factor(torch.log(torch.tensor([[float(k)]]).double()))).item() for k in (2, 3, 8)]
    assert len(set(factors)) == 3
    network = with_factor(network, -3.0)
    with torch.no_grad():
        network.factor[-1].weight.fill_(0.01)
    (network(channels(4)) * torch.randn(4, 5, 3, 2)).sum().backward()
    for parameter in network.parameters():
        assert torch.isfinite(parameter.grad).all()
    assert all(p.grad.abs().max() > 0 for p in network.network.parameters())
    assert network.factor[-1].bias.grad.abs() > 0


def test_renumbering_users_and_antennas_renumbers_the_precoder_and_an_instance_is_answered_as_alone(network):
    channel = channels(2)
    user, antenna = torch.tensor([2, 0, 1]), torch.tensor([3, 1, 4, 0, 2])
    precoder = network(channel)
    turned = network(channel[:, user][:, :, antenna])
    torch.testing.assert_close(turned, precoder[:, antenna][:, :, user], rtol=0, atol=1e-9)
    torch.testing.assert_close(network(channel[1:])[0], precoder[1], rtol=0, atol=1e-12)


def test_an_untrained_bnn_is_rzf_with_one_unit_of_power_a_user():
    channel = channels(4)
    plain = torch.view_as_complex(channel).numpy()
    ones = np.ones((4, 3))
    wanted = with_power(regularised_zero_forcing(plain, ones, np.full(4, 3.0)), ones)
    with torch.no_grad():
        answer = torch.view_as_complex(EfficientPrecoding(FreeStructuredGNN(), 1e3).double()(channel)).numpy()
    np.testing.assert_allclose(column_power(answer), 1.0, rtol=1e-6)
    rates = [downlink_rates(plain, ones, precoder) for precoder in (answer, wanted)]
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-4)


def test_eager_torchscript_and_onnx_agree_at_other_sizes_than_the_exported(network):
    network = network.float()
    others = [channels(*size, dtype=torch.float32) for size in ((1, 4, 9), (3, 2, 4), (2, 1, 1))]
    assert_forms_agree(network, channels(2, dtype=torch.float32), "BKN", others)
