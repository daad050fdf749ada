"""The cell-free networks of paper 000 against plain loops over its formulas."""

import numpy as np
import pytest
import torch

from airgraph_models.gnn.cell_free_networks import CFPCGNN, CellFreeMLP, HetGNN

FADING = torch.from_numpy(10 ** np.random.default_rng(0).uniform(-13, -8, (4, 5, 3))).float()


def built(kind, *arguments):
    torch.manual_seed(1)
    network = kind(*arguments)
    network.inputs.standardise(FADING)
    return network.eval()


def relu(values):
    return np.maximum(values, 0.0)


def weights(layer):
    return (layer.weight.detach().numpy(), 0.0 if layer.bias is None else layer.bias.detach().numpy())


def heads(network, states):
    *hidden, last = [weights(layer) for layer in network.head if isinstance(layer, torch.nn.Linear)]
    shares = []
    for state in states:
        for matrix, bias in hidden:
            state = relu(matrix @ state + bias)
        shares.append(1 / (1 + np.exp(-(last[0] @ state + last[1])[0])))
    return shares / np.max(shares)


def test_cf_pcgnn_is_equations_22_and_23():
    network = built(CFPCGNN)
    level = network.inputs(FADING).numpy()
    (heard, bias), (own, own_bias), (others, _) = (weights(getattr(network, n)) for n in ("heard", "own", "others"))
    for sample in range(4):
        first = [np.mean([relu(heard[:, 0] * level[sample, m, k] + bias) for m in range(5)], axis=0) for k in range(3)]
        second = [relu(own @ first[k] + own_bias + others @ np.mean(first, axis=0)) for k in range(3)]
        expected = heads(network, second)
        np.testing.assert_allclose(network(FADING)[sample].detach().numpy(), expected, rtol=1e-4)


def test_hetgnn_is_equation_13():
    network = built(HetGNN)
    level = network.inputs(FADING).numpy()
    for sample in range(4):
        users, points = [np.zeros(64)] * 3, [np.zeros(64)] * 5
        for to_user, to_point in zip(network.to_users, network.to_points, strict=True):
            (to_k, bias_k), (to_m, bias_m) = weights(to_user), weights(to_point)
            heard, told = np.mean(points, axis=0), np.mean(users, axis=0)
            users, points = (
                [
                    relu(to_k @ np.concatenate([users[k], heard, [level[sample, :, k].mean()]]) + bias_k)
                    for k in range(3)
                ],
                [relu(to_m @ np.concatenate([points[m], told, [level[sample, m].mean()]]) + bias_m) for m in range(5)],
            )
        expected = heads(network, users)
        np.testing.assert_allclose(network(FADING)[sample].detach().numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize("kind", [CFPCGNN, HetGNN])
def test_renaming_users_and_access_points_renames_the_powers(kind):
    network = built(kind)
    points, users = torch.tensor([3, 0, 4, 2, 1]), torch.tensor([2, 0, 1])
    torch.testing.assert_close(network(FADING[:, points][:, :, users]), network(FADING)[:, users])
    assert network(FADING[:, :, :2]).shape == (4, 2)


def test_the_mlp_knows_one_size_and_names_no_symmetry():
    network = built(CellFreeMLP, 5, 3)
    power = network(FADING)
    assert power.shape == (4, 3)
    assert ((power > 0) & (power <= 1)).all()
    with pytest.raises(RuntimeError):
        network(FADING[:, :, :2])


@pytest.mark.parametrize(("kind", "sizes"), [(CFPCGNN, ()), (HetGNN, ()), (CellFreeMLP, (5, 3))])
def test_one_user_sends_at_full_power_and_still_moves_the_weights(kind, sizes):
    network = built(kind, *sizes)
    largest = network(FADING).amax(dim=1)
    torch.testing.assert_close(largest, torch.ones(4), rtol=0, atol=0)
    largest.sum().backward()
    assert sum(p.grad.abs().sum() for p in network.parameters() if p.grad is not None) > 0
