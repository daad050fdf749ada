"""ECGNN and PCGNN against the papers' formulas, one pair at a time."""

import pytest
import torch

from airgraph_models.gnn.dense_channels import other_pairs
from airgraph_models.gnn.ecgnn import ECGNN, ECGNNArchitecture
from airgraph_models.gnn.edge_convolution import LinkNorm
from airgraph_models.gnn.pcgnn import PCGNN, PCGNNArchitecture

PAIRS = 5


@pytest.fixture
def instance():
    generator = torch.Generator().manual_seed(3)
    snr = torch.empty(1, PAIRS, PAIRS, dtype=torch.float64).exponential_(generator=generator)
    return snr, torch.rand(1, PAIRS, dtype=torch.float64, generator=generator)


def messages(layer, states, links, k):
    """sigma(W1 d_k + W2 e_jk + W3 d_j) of all j but k."""
    return torch.stack(
        [
            torch.relu(
                layer.own.weight @ states[k]
                + layer.own.bias
                + layer.link.weight @ links[j, k]
                + layer.other.weight @ states[j]
            )
            for j in range(PAIRS)
            if j != k
        ]
    )


def test_ecgnn_is_equation_12_of_paper_000(instance):
    torch.manual_seed(0)
    network = ECGNN(ECGNNArchitecture(messages=(7, 6, 5), both_directions=False, batch_norm=False)).double()
    snr, weights = instance
    h = snr[0].sqrt()
    states = [torch.stack([weights[0, k], h[k, k]]) for k in range(PAIRS)]
    # h_jk is the channel from transmitter j to receiver k.
    links = {(j, k): h[k, j : j + 1] for j in range(PAIRS) for k in range(PAIRS)}
    for layer in network.layers:
        states = [messages(layer, states, links, k).sum(dim=0) / (PAIRS - 1) for k in range(PAIRS)]
    expected = torch.stack([torch.sigmoid(network.power(network.readout(state)))[0] for state in states])
    torch.testing.assert_close(network(snr, weights)[0], expected)


@pytest.mark.parametrize("skip", [False, True])
def test_pcgnn_is_equations_20_and_21_of_paper_000(instance, skip):
    torch.manual_seed(0)
    network = PCGNN(PCGNNArchitecture(messages=(7, 6, 5), skip=skip, batch_norm=False)).double()
    snr, weights = instance
    h = snr[0].sqrt()
    embedded = [network.node(torch.stack([h[k, k], weights[0, k]])) for k in range(PAIRS)]
    links = {
        (j, k): torch.relu(network.link(torch.stack([h[k, j], h[j, k]]))) for j in range(PAIRS) for k in range(PAIRS)
    }
    states = embedded
    for layer in network.layers:
        states = [messages(layer, states, links, k).amax(dim=0) for k in range(PAIRS)]
    read = [torch.cat([state, first]) if skip else state for state, first in zip(states, embedded, strict=True)]
    expected = torch.stack([torch.sigmoid(network.power(network.readout(state)))[0] for state in read])
    torch.testing.assert_close(network(snr, weights)[0], expected)


def test_link_statistics_leave_the_diagonal_out():
    values = torch.rand(4, PAIRS, PAIRS, 3, generator=torch.Generator().manual_seed(0))
    others = other_pairs(values[..., 0])
    values[:, ~others] = 1e6
    norm = LinkNorm(3)
    normalised = norm.train()(values, others)[:, others].reshape(-1, 3)
    torch.testing.assert_close(normalised.mean(dim=0), torch.zeros(3), rtol=0, atol=1e-5)
    torch.testing.assert_close(normalised.std(dim=0, correction=0), torch.ones(3), rtol=0, atol=1e-3)
    assert norm.norm.running_mean.max() < 1
