import pytest
import torch

from airgraph_models.gnn.power_mlp import PowerMLP, PowerMLPArchitecture


def test_it_is_the_perceptron_of_all_amplitudes():
    torch.manual_seed(0)
    network = PowerMLP(PowerMLPArchitecture(3, hidden=(8, 5), batch_norm=False)).double()
    first, _, second, _ = network.hidden
    snr = torch.rand(2, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = snr.sqrt().reshape(2, 9)
    for linear in (first, second):
        x = torch.relu(x @ linear.weight.T + linear.bias)
    expected = torch.sigmoid(x @ network.power.weight.T + network.power.bias)
    torch.testing.assert_close(network(snr, torch.ones(2, 3, dtype=torch.float64)), expected)


@pytest.mark.parametrize("weighted", [False, True])
def test_it_reads_the_weights_only_where_asked(weighted):
    torch.manual_seed(0)
    network = PowerMLP(PowerMLPArchitecture(4, weighted=weighted)).eval()
    snr = torch.rand(1, 4, 4, generator=torch.Generator().manual_seed(0))
    changed = (network(snr, torch.ones(1, 4)) != network(snr, torch.zeros(1, 4))).any()
    assert bool(changed) == weighted


def test_another_number_of_pairs_is_refused():
    network = PowerMLP(PowerMLPArchitecture(4)).eval()
    with pytest.raises(RuntimeError):
        network(torch.ones(1, 5, 5), torch.ones(1, 5))
