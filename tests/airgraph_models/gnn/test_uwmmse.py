import numpy as np
import pytest
import torch

from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.gnn.uwmmse import UWMMSE, GraphFilter, UWMMSEArchitecture


@pytest.mark.parametrize("layers", [1, 4])
def test_with_slope_one_and_offset_zero_it_is_wmmse(layers):
    network = UWMMSE(UWMMSEArchitecture(layers=layers)).double()
    for layer in network.layers:
        for name, bias in (("slope", 1e3), ("offset", -1e3)):
            part = getattr(layer, name)
            for linear in (part.gather_out, part.own_out):
                torch.nn.init.zeros_(linear.weight)
                torch.nn.init.constant_(linear.bias, bias)
    rng = np.random.default_rng(0)
    snr, weights = 10 * rng.exponential(size=(6, 8, 8)), rng.uniform(size=(6, 1, 8))
    ones = np.ones((6, 1, 8))
    expected = scalar_wmmse(Crosstalk.dense(snr), weights, ones, ones, ones, Stopping(layers)).power[:, 0]
    power = network(torch.from_numpy(snr), torch.from_numpy(weights[:, 0]))
    np.testing.assert_allclose(power.detach().numpy(), expected, rtol=0, atol=1e-9)


def test_a_graph_filter_gathers_from_the_receivers_that_a_pair_disturbs():
    torch.manual_seed(0)
    network = GraphFilter(3).double()
    generator = torch.Generator().manual_seed(0)
    h = torch.rand(4, 4, dtype=torch.float64, generator=generator)
    x = torch.rand(4, 1, dtype=torch.float64, generator=generator)

    def convolve(gather, own, features):
        return torch.stack(
            [gather(sum(h[j, k] * features[j] for j in range(4))) + own(h[k, k] * features[k]) for k in range(4)]
        )

    hidden = torch.relu(convolve(network.gather_in, network.own_in, x))
    expected = torch.sigmoid(convolve(network.gather_out, network.own_out, hidden))[:, 0]
    torch.testing.assert_close(network(h[None], x[:, 0][None])[0], expected)


def test_each_layer_has_two_filters_of_32_parameters():
    assert sum(parameter.numel() for parameter in UWMMSE().parameters()) == 4 * 2 * 32
