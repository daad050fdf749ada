"""What every precoding network has to show: the paper's equations, symmetry, the budget, and equal exports."""

import numpy as np
import pytest
import torch
from exported import assert_forms_agree
from hypothesis import given, settings
from hypothesis import strategies as st
from precoding_by_hand import (
    model_gnn_by_hand,
    structured_gnn_by_hand,
    unfolded_precoding_by_hand,
    vanilla_gnn_by_hand,
    vanilla_gnn_fc_by_hand,
)

from airgraph_models.classical.downlink import downlink_rates
from airgraph_models.classical.linear_precoding import regularised_zero_forcing, with_equal_power, with_sum_power
from airgraph_models.classical.reduced_wmmse import reduced_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.gnn.model_gnn import ModelGNN, ModelGNNArchitecture
from airgraph_models.gnn.real_matrices import embedded, extracted, newton_schulz
from airgraph_models.gnn.structured_gnn import StructuredGNN
from airgraph_models.gnn.unfolded_precoding import UnfoldedPrecoding, UnfoldedPrecodingArchitecture
from airgraph_models.gnn.vanilla_gnn import POOLINGS, VanillaGNN, VanillaGNNArchitecture
from airgraph_models.gnn.vanilla_gnn_fc import VanillaGNNFC, VanillaGNNFCArchitecture

ANTENNAS, USERS = 5, 3
NETWORKS = {
    "model-gnn": ModelGNN,
    "model-gnn for energy efficiency": lambda: ModelGNN(ModelGNNArchitecture((32, 32, 32, 8))),
    "model-gnn, random start": lambda: ModelGNN(ModelGNNArchitecture((6, 4), newton_schulz=False)),
    "model-gnn, small": lambda: ModelGNN(ModelGNNArchitecture((4, 2))),
    **{
        f"vanilla-gnn, {pooling}": lambda pooling=pooling: VanillaGNN(VanillaGNNArchitecture((8, 6, 4), pooling))
        for pooling in POOLINGS
    },
    "vanilla-gnn without ReLU": lambda: VanillaGNN(VanillaGNNArchitecture((8, 6), "sum", relu=False)),
    "vanilla-gnn-fc": lambda: VanillaGNNFC(VanillaGNNFCArchitecture(4, 6, 5, 3)),
    "bnn": StructuredGNN,
    "unfolded": UnfoldedPrecoding,
    "unfolded, small": lambda: UnfoldedPrecoding(UnfoldedPrecodingArchitecture(2, 1)),
}
BY_HAND = {
    "model": model_gnn_by_hand,
    "vanilla": vanilla_gnn_by_hand,
    "vanilla-gnn-fc": vanilla_gnn_fc_by_hand,
    "bnn": structured_gnn_by_hand,
    "unfolded": unfolded_precoding_by_hand,
}


def by_hand(name):
    """The longest name that begins this one."""
    return BY_HAND[max((known for known in BY_HAND if name.startswith(known)), key=len)]


def channels(batch, users=USERS, antennas=ANTENNAS, seed=0, snr_db=10.0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(batch, users, antennas, 2, generator=generator, dtype=torch.float64)
    return (drawn * (0.5 * 10 ** (snr_db / 10)) ** 0.5).to(dtype)


def random_network(name, dtype=torch.float64):
    """Weights near the first ones, those that start at zero among them."""
    torch.manual_seed(1)
    network = NETWORKS[name]().to(dtype)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    if hasattr(network, "standardise"):
        network.standardise(channels(20, seed=9, dtype=dtype))
    return network.eval()


@pytest.fixture(params=list(NETWORKS))
def network(request):
    return random_network(request.param)


@pytest.mark.parametrize("name", list(NETWORKS))
@pytest.mark.parametrize(("users", "antennas"), [(USERS, ANTENNAS), (1, 2), (4, 2)])
def test_the_network_is_the_papers_equations(name, users, antennas):
    network = random_network(name)
    channel = channels(2, users, antennas)
    wanted = [by_hand(name)(network, one) for one in torch.view_as_complex(channel).numpy()]
    answer = torch.view_as_complex(network(channel).detach().contiguous()).numpy()
    np.testing.assert_allclose(answer, np.stack(wanted), rtol=0, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(list(NETWORKS)),
    seed=st.integers(0, 99),
    users=st.integers(1, 5),
    antennas=st.integers(1, 6),
)
def test_renumbering_users_and_antennas_renumbers_the_precoder(name, seed, users, antennas):
    network = random_network(name)
    channel = channels(2, users, antennas, seed)
    generator = torch.Generator().manual_seed(seed)
    user, antenna = torch.randperm(users, generator=generator), torch.randperm(antennas, generator=generator)
    precoder = network(channel)
    torch.testing.assert_close(
        network(channel[:, user][:, :, antenna]), precoder[:, antenna][:, :, user], rtol=0, atol=1e-9
    )


def test_the_whole_budget_is_used_and_an_instance_is_answered_as_it_is_alone(network):
    channel = channels(4)
    together = network(channel)
    assert together.shape == (4, ANTENNAS, USERS, 2)
    torch.testing.assert_close(together.square().sum(dim=(1, 2, 3)), torch.ones(4, dtype=torch.float64))
    for one in range(4):
        torch.testing.assert_close(network(channel[one : one + 1])[0], together[one], rtol=0, atol=1e-12)


def test_users_differ_and_every_weight_has_a_finite_gradient(network):
    channel = channels(4)
    channel[0, 1] = 0.0
    channel[1] = 0.0
    precoder = network(channel)
    assert torch.isfinite(precoder).all()
    assert precoder[2:].std(dim=2).min() > 1e-4
    (precoder * torch.randn_like(precoder)).sum().backward()
    for parameter in network.parameters():
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().max() > 0


@pytest.mark.parametrize("name", list(NETWORKS))
def test_eager_torchscript_and_onnx_agree_at_other_sizes_than_the_exported(name):
    network = random_network(name, torch.float32)
    others = [channels(*size, dtype=torch.float32) for size in ((1, 4, 9), (3, 2, 4), (2, 1, 1))]
    assert_forms_agree(network, channels(2, dtype=torch.float32), "BKN", others)


def complex_of(pairs):
    return torch.view_as_complex(pairs.detach().contiguous()).numpy()


def test_newton_schulz_is_the_inverse():
    drawn = complex_of(channels(4, 6, 12, snr_db=20.0))
    matrix = torch.view_as_real(torch.from_numpy(np.eye(6) + drawn @ np.swapaxes(drawn, -1, -2).conj()))
    whole = embedded(matrix)
    start = torch.eye(12, dtype=torch.float64) / torch.linalg.matrix_norm(whole)[:, None, None]
    found = extracted(newton_schulz(whole, start, 25)).movedim(1, -1)
    np.testing.assert_allclose(complex_of(found), np.linalg.inv(complex_of(matrix)), rtol=0, atol=1e-9)


@pytest.mark.parametrize(("users", "antennas", "snr_db"), [(4, 8, 0.0), (16, 32, 20.0), (8, 8, 20.0)])
def test_an_untrained_bnn_is_rzf_with_equal_power_in_single_precision(users, antennas, snr_db):
    channel = channels(3, users, antennas, snr_db=snr_db)
    plain = complex_of(channel)
    noise, budget = np.ones((3, users)), np.ones(3)
    wanted = with_equal_power(regularised_zero_forcing(plain, noise, budget), budget)
    with torch.no_grad():
        answer = with_sum_power(complex_of(StructuredGNN()(channel.float())).astype(complex), budget)
    rates = [downlink_rates(plain, noise, precoder).sum(axis=-1) for precoder in (answer, wanted)]
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-3)


def test_an_untrained_unfolding_with_many_taylor_steps_is_wmmse():
    channel = channels(3, 3, 6)
    plain = complex_of(channel)
    ones = np.ones((3, 3))
    start = np.swapaxes(plain, -1, -2).conj()
    wanted = reduced_wmmse(plain, ones, ones, np.ones(3), start, Stopping(4)).precoder
    network = UnfoldedPrecoding(UnfoldedPrecodingArchitecture(layers=4, steps=12)).double()
    np.testing.assert_allclose(complex_of(network(channel)), wanted, rtol=0, atol=1e-6)


def test_an_unknown_pooling_is_named():
    with pytest.raises(ValueError, match=r"pooling.*median"):
        VanillaGNN(VanillaGNNArchitecture(pooling="median"))
