import torch

from airgraph_models.gnn.uwgnn import UWGNN, UWGNNArchitecture
from airgraph_models.gnn.wcgcn import WCGCN, WCGCNArchitecture

PAIRS = 5


def test_it_is_equations_13_to_17_of_paper_003():
    torch.manual_seed(0)
    network = UWGNN(UWGNNArchitecture(hidden=7, message=6, variable=3)).double()
    generator = torch.Generator().manual_seed(1)
    snr = torch.empty(1, PAIRS, PAIRS, dtype=torch.float64).exponential_(generator=generator)
    weights = torch.rand(1, PAIRS, dtype=torch.float64, generator=generator)
    h, pairs = snr[0].sqrt(), range(PAIRS)
    v = torch.ones(PAIRS, dtype=torch.float64)
    for _ in range(3):
        node = [torch.stack([weights[0, i], h[i, i], v[i]]) for i in pairs]
        u, w, following = [], [], []
        for i in pairs:
            alpha = torch.stack(
                [network.interference(torch.cat([torch.stack([h[i, j], h[j, i]]), node[j]])) for j in pairs if j != i]
            ).amax(dim=0)
            u.append(network.receiver(torch.cat([alpha, node[i]])))
            w.append(network.weight(torch.cat([node[i], u[i]])))
        for i in pairs:
            alpha = torch.stack(
                [network.price(torch.cat([torch.stack([h[j, i], h[i, j]]), u[j], w[j]])) for j in pairs if j != i]
            ).amax(dim=0)
            update = network.update(torch.cat([node[i], u[i], w[i], alpha]))
            following.append(torch.sigmoid(network.amplitude(update))[0])
        v = torch.stack(following)
    torch.testing.assert_close(network(snr, weights)[0], v * v)


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_papers_widths_and_half_the_parameters_of_its_table_2():
    network = UWGNN()
    mlps = (network.interference, network.receiver, network.weight, network.price, network.update)
    linear = [[layer for layer in mlp if isinstance(layer, torch.nn.Linear)] for mlp in mlps]
    linear[-1].append(network.amplitude)
    widths = [[layers[0].in_features, *(layer.out_features for layer in layers)] for layers in linear]
    assert widths == [[5, 8, 16], [19, 8, 4], [7, 8, 4], [10, 8, 16], [27, 8, 1]]
    assert parameters(network) == 953 == 1906 / 2


def test_wcgcn_at_its_published_widths_has_half_the_parameters_of_table_2_too():
    network = WCGCN(WCGCNArchitecture(node_features=2, link_features=2, antennas=0, message=(16, 32), update=16))
    assert network.message_in.in_features == 5
    assert network.update_in.in_features == 35
    assert parameters(network) == 1233 == 2466 / 2


def test_the_layers_share_their_weights():
    assert parameters(UWGNN(UWGNNArchitecture(layers=1))) == parameters(UWGNN(UWGNNArchitecture(layers=5)))
