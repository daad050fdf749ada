"""The tangent kernel is J J^T and its conditioning follows paper 002's definition."""

import numpy as np
import pytest
import torch
from torch import nn

from airgraph_training.studies.tangent_kernel import (
    TwoLayerGraphNetwork,
    TwoLayerPerceptron,
    conditioning,
    tangent_kernel,
)

NODES, FEATURES = 4, 3


@pytest.fixture
def samples():
    return torch.randn(12, NODES, FEATURES, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.fixture(params=["perceptron", "graph network"])
def network(request):
    torch.manual_seed(1)
    if request.param == "perceptron":
        return TwoLayerPerceptron(NODES * FEATURES, 7)
    return TwoLayerGraphNetwork(FEATURES, 7)


def test_the_kernel_of_a_linear_model_is_the_gram_matrix_of_its_inputs(samples):
    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.slope = nn.Parameter(torch.randn(NODES * FEATURES, dtype=torch.float64))

        def forward(self, nodes):
            return self.slope @ nodes.reshape(-1)

    flat = samples.reshape(len(samples), -1)
    np.testing.assert_allclose(tangent_kernel(Linear(), samples), (flat @ flat.T).numpy())


def test_the_kernel_is_that_of_finite_differences(network, samples):
    step, columns = 1e-6, []
    with torch.no_grad():
        for values in network.parameters():
            flat = values.view(-1)
            for i in range(len(flat)):
                flat[i] += step
                above = torch.stack([network(sample) for sample in samples])
                flat[i] -= 2 * step
                below = torch.stack([network(sample) for sample in samples])
                flat[i] += step
                columns.append((above - below) / (2 * step))
    jacobian = torch.stack(columns, dim=1)
    np.testing.assert_allclose(tangent_kernel(network, samples), (jacobian @ jacobian.T).numpy(), rtol=1e-6, atol=1e-8)


def test_the_kernel_is_symmetric_and_positive_semidefinite(network, samples):
    kernel = tangent_kernel(network, samples)
    np.testing.assert_allclose(kernel, kernel.T)
    eigenvalues = np.linalg.eigvalsh(kernel)
    assert eigenvalues[0] >= -1e-10 * eigenvalues[-1]


def test_only_the_graph_network_ignores_the_order_of_the_nodes(samples):
    torch.manual_seed(2)
    shuffled = torch.cat([samples, samples[:, torch.randperm(NODES)]])
    graph = tangent_kernel(TwoLayerGraphNetwork(FEATURES, 7), shuffled)
    plain = tangent_kernel(TwoLayerPerceptron(NODES * FEATURES, 7), shuffled)
    count = len(samples)
    np.testing.assert_allclose(graph[:count, :count], graph[count:, count:])
    assert not np.allclose(plain[:count, :count], plain[count:, count:])


def test_wide_perceptrons_have_the_arc_cosine_kernel(samples):
    torch.manual_seed(3)
    draws = [tangent_kernel(TwoLayerPerceptron(NODES * FEATURES, 4000), samples) for _ in range(5)]
    flat = samples.reshape(len(samples), -1).numpy()
    lengths = np.linalg.norm(flat, axis=1)
    product, scale = flat @ flat.T, np.outer(lengths, lengths)
    cosine = np.clip(product / scale, -1.0, 1.0)
    angle = np.arccos(cosine)
    slopes = product * (np.pi - angle)
    values = scale * (np.sin(angle) + (np.pi - angle) * cosine)
    exact = (slopes + values) / (2 * np.pi)
    assert np.abs(np.mean(draws, axis=0) - exact).max() < 0.05 * exact.max()


def test_a_target_along_one_eigenvector_is_perfectly_conditioned_whatever_the_kernel():
    rng = np.random.default_rng(4)
    basis = np.linalg.qr(np.column_stack([np.ones(6), rng.normal(size=(6, 5))]))[0]
    kernel = basis @ np.diag([50.0, 10.0, 8.0, 4.0, 2.0, 1.0]) @ basis.T
    along = conditioning(kernel, basis[:, 3])
    assert along.target == pytest.approx(1.0)
    assert along.worst == pytest.approx(10.0)
    assert along.rate == pytest.approx(4.0)
    assert along.time == pytest.approx(np.log(10.0) * 10.0 / 4.0, rel=0.07)
    mixed = conditioning(kernel, basis @ rng.normal(size=6))
    assert 1.0 < mixed.start <= mixed.target <= mixed.worst
