"""The network is the equations of its docstring, whatever the layout, and knows neither the nodes' order nor a unit."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from instances import dense_twin, random_power_control, seeds

from airgraph_models.gnn.aligned import (
    LOG_SCALE,
    SMALLEST_COST,
    SMALLEST_SHARE,
    WISH_RANGE,
    AlignedArchitecture,
    exact_sigmoid,
)
from airgraph_models.gnn.random_graphs import random_gains
from airgraph_models.problems import POWER_CONTROL, Links, PowerControl
from airgraph_models.problems.gain_blocks import DenseGains, SparseGains, build_gain_blocks, in_rows
from airgraph_models.problems.layouts import GAIN_BLOCKS
from airgraph_training.export import check_agreement, tensors, to_onnx, to_torchscript

ARCHITECTURES = {
    "default": AlignedArchitecture(),
    "one step, one channel": AlignedArchitecture(hidden=5, channels=1, memory=2, steps=1),
    "wide": AlignedArchitecture(hidden=11, channels=3, memory=4, steps=3),
}


def random_network(architecture, seed=0):
    """Random weights, those that start at zero among them."""
    torch.manual_seed(seed)
    network = architecture.build().eval()
    with torch.no_grad():
        network.first.normal_()
    return network


@pytest.fixture(params=list(ARCHITECTURES))
def network(request):
    return random_network(ARCHITECTURES[request.param])


NETWORK = random_network(AlignedArchitecture())


def answer(network, *graphs):
    with torch.no_grad():
        return network(*tensors(build_gain_blocks(list(graphs)))).numpy()


def shares(network, instance):
    return answer(network, POWER_CONTROL.view(instance, GAIN_BLOCKS).graph)[:, 0]


def linear(layer, vector):
    return layer.weight.detach().numpy().astype(float) @ vector + layer.bias.detach().numpy().astype(float)


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, float)))


def pair_by_pair(network, snr, weight):
    """The docstring's equations, one pair and one link at a time, in double precision."""
    pairs = len(weight)
    channels = network.channels
    first = network.first.detach().numpy().astype(float)[0]
    power = [1.0] * pairs
    virtual = [sigmoid(first[:channels])] * pairs
    memory = [np.tanh(first[channels:])] * pairs
    for step in network.steps:
        rest, asked, hidden, known, price = [], [], [], [], []
        for k in range(pairs):
            level, other_levels = 1.0, np.ones(channels)
            for j in range(pairs):
                if j != k:
                    level = level + snr[k, j] * power[j]
                    other_levels = other_levels + snr[k, j] * virtual[j]
            own = snr[k, k] * power[k]
            total = level + own
            direct = np.log([1 + snr[k, k], max(snr[k, k], SMALLEST_SHARE), max(weight[k], SMALLEST_SHARE)])
            logs = [np.log(max(power[k], SMALLEST_SHARE)), np.log(level), *np.log(other_levels), np.log(total)]
            fixed = [LOG_SCALE * direct[0], weight[k], LOG_SCALE * direct[1], LOG_SCALE * direct[2]]
            seen = np.concatenate([fixed, [power[k]], virtual[k], memory[k], LOG_SCALE * np.array(logs)])
            h = np.maximum(linear(step.receiver, seen), 0)
            rest.append(level)
            asked.append(direct[1] + direct[2] - np.log(level))
            hidden.append(h)
            known.append(seen)
            price.append((weight[k] * own / (level * total), sigmoid(linear(step.price, h)) / level))
        following = []
        for k in range(pairs):
            disturbance, virtual_cost = 0.0, np.zeros(channels)
            for j in range(pairs):
                if j != k:
                    disturbance += snr[j, k] * price[j][0]
                    virtual_cost = virtual_cost + snr[j, k] * price[j][1]
            cost = np.concatenate([[snr[k, k] * price[k][0] + disturbance, disturbance], virtual_cost])
            log_cost = np.log(np.maximum(cost, SMALLEST_COST))
            # log of alpha^2 g^2 p / (I^2 c^2)
            wish = 2 * (asked[k] - log_cost[0]) + np.log(max(power[k], SMALLEST_SHARE))
            wish = min(max(wish, WISH_RANGE[0]), WISH_RANGE[1])
            seen = np.concatenate([hidden[k], known[k], LOG_SCALE * log_cost, [LOG_SCALE * wish]])
            raw = linear(step.update, np.maximum(linear(step.hidden, seen), 0))
            following.append((sigmoid(2 * raw[0] + raw[1] * wish), sigmoid(raw[2 : 2 + channels]), raw[2 + channels :]))
        power = [state[0] for state in following]
        virtual = [state[1] for state in following]
        memory = [np.tanh(state[2]) for state in following]
    return np.array(power)


@pytest.mark.parametrize("pairs", [1, 2, 7])
@pytest.mark.parametrize("snr_db", [-10, 10, 30])
def test_it_is_the_equations_of_its_docstring(network, pairs, snr_db):
    instance = random_power_control(pairs, pairs, weighted=True, snr_db=snr_db)
    expected = pair_by_pair(network, instance.snr, instance.weights / instance.weights.max())
    np.testing.assert_allclose(shares(network, instance), expected, atol=2e-5)
    # No saturated answers: the comparison above would then compare nothing.
    assert ((expected > 1e-4) & (expected < 1 - 1e-4)).all()


def test_it_is_its_equations_where_a_power_is_silent_or_full_anyway():
    """Wishes far beyond their range: a deaf pair, one that nobody disturbs, one without a channel or weight."""
    gain = np.array([[1e-3, 200.0, 5.0, 1.0], [0.0, 1e5, 0.0, 0.0], [40.0, 3.0, 2.0, 1.0], [1.0, 7.0, 0.0, 0.0]])
    network = random_network(AlignedArchitecture(steps=2), 1)
    for weights in (np.array([1e-3, 1.0, 0.5, 0.2]), np.array([1.0, 0.0, 0.5, 0.2])):
        instance = PowerControl.create(gain, weights=weights)
        np.testing.assert_allclose(
            shares(network, instance), pair_by_pair(network, gain, weights / weights.max()), atol=2e-5
        )


@given(seeds, st.integers(2, 15), st.floats(-10, 50))
def test_renumbered_pairs_get_the_same_answer(seed, pairs, snr_db):
    instance = random_power_control(seed, pairs, weighted=True, snr_db=snr_db)
    order = np.random.default_rng(seed).permutation(pairs)
    renamed = PowerControl.create(
        instance.gain[np.ix_(order, order)],
        weights=instance.weights[order],
        noise_power=instance.noise_power[order],
        max_power=instance.max_power[order],
    )
    np.testing.assert_allclose(shares(NETWORK, renamed), shares(NETWORK, instance)[order], atol=1e-4)


@given(seeds, st.integers(1, 10), st.integers(-60, 60), st.integers(-60, 60), st.booleans())
def test_the_units_of_power_noise_and_weight_do_not_matter(seed, pairs, power_unit, noise_unit, sparse):
    instance = random_power_control(seed, pairs, sparse=sparse, weighted=True)
    rescaled = PowerControl.create(
        instance.gain * 2.0 ** (noise_unit - power_unit),
        weights=instance.weights * 2.0**power_unit,
        noise_power=instance.noise_power * 2.0**noise_unit,
        max_power=instance.max_power * 2.0**power_unit,
        links=instance.links,
    )
    view, other = (POWER_CONTROL.view(i, GAIN_BLOCKS) for i in (instance, rescaled))
    power, scaled = view.read(answer(NETWORK, view.graph)), other.read(answer(NETWORK, other.graph))
    np.testing.assert_allclose(scaled, power * 2.0**power_unit, rtol=1e-3)
    assert other.statistics == pytest.approx(view.statistics, rel=1e-4, abs=1e-6)


@given(st.lists(st.tuples(seeds, st.integers(1, 12), st.booleans()), min_size=2, max_size=4))
def test_a_union_answers_as_its_parts(parts):
    graphs = [random_gains(np.random.default_rng(seed), pairs, dense=dense) for seed, pairs, dense in parts]
    alone = np.concatenate([answer(NETWORK, graph) for graph in graphs])
    np.testing.assert_allclose(answer(NETWORK, *graphs), alone, atol=1e-4)


@given(seeds, st.integers(1, 8))
def test_a_pair_out_of_reach_of_the_others_changes_nothing_for_them(seed, pairs):
    """As one instance: the same pairs, and one more that hears nobody and disturbs nobody."""
    instance = random_power_control(seed, pairs)
    gain = np.zeros((pairs + 1, pairs + 1))
    gain[:pairs, :pairs] = instance.gain
    gain[pairs, pairs] = 3.0
    common = {
        "noise_power": np.append(instance.noise_power, 0.7),
        "max_power": np.append(instance.max_power, 1.3),
    }
    lonely = PowerControl.create([[3.0]], noise_power=0.7, max_power=1.3)
    expected = np.concatenate([shares(NETWORK, instance), shares(NETWORK, lonely)])
    receiver, transmitter = np.nonzero(gain)
    links = Links.create(receiver, transmitter, pairs + 1, pairs + 1)
    for larger in (
        PowerControl.create(gain, **common),
        PowerControl.create(gain[receiver, transmitter], links=links, **common),
    ):
        np.testing.assert_allclose(shares(NETWORK, larger), expected, atol=1e-4)


@given(seeds, st.integers(1, 14), st.floats(-10, 50))
def test_a_matrix_and_rows_of_links_give_the_same_answer(seed, pairs, snr_db):
    instance = random_power_control(seed, pairs, sparse=True, weighted=True, snr_db=snr_db)
    sparse = POWER_CONTROL.view(instance, GAIN_BLOCKS).graph
    dense = POWER_CONTROL.view(dense_twin(instance), GAIN_BLOCKS).graph
    assert isinstance(sparse, SparseGains)
    assert isinstance(dense, DenseGains)
    expected = answer(NETWORK, dense)
    np.testing.assert_allclose(answer(NETWORK, sparse), expected, atol=1e-4)
    np.testing.assert_allclose(answer(NETWORK, in_rows(dense)), expected, atol=1e-4)


@pytest.mark.parametrize(("name", "seed"), [("default", 0), ("default", 1), *((name, 2) for name in ARCHITECTURES)])
def test_eager_onnx_and_torchscript_agree(name, seed):
    network = random_network(ARCHITECTURES[name], seed)
    assert check_agreement(network, to_onnx(network), to_torchscript(network), seed) <= 1e-5


@pytest.mark.parametrize("seed", range(20))
def test_gradients_are_finite_at_every_level_and_without_weight(seed):
    network = random_network(AlignedArchitecture(), seed)
    for snr_db in (-10, 10, 35, 60):
        for sparse in (False, True):
            plain = random_power_control(seed, 9, sparse=sparse, snr_db=snr_db)
            gain = plain.gain.copy()
            gain.flat[0] = 0.0
            for weights in (np.ones(9), np.zeros(9), np.arange(9.0)):
                instance = dataclasses.replace(plain, gain=gain, weights=weights)
                network.zero_grad()
                output = network(*tensors(build_gain_blocks([POWER_CONTROL.view(instance, GAIN_BLOCKS).graph])))
                output.sum().backward()
                assert torch.isfinite(output).all()
                assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
        assert network.steps[0].receiver.weight.grad.abs().max() > 0


@given(seeds, st.integers(1, 20), st.booleans())
def test_answers_are_shares_of_the_budget(seed, pairs, dense):
    """Also at gains of five orders of magnitude and with weights far larger than any trained ones."""
    network = random_network(AlignedArchitecture(hidden=8, steps=3), seed % 1000)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(10)
    output = answer(network, random_gains(np.random.default_rng(seed), pairs, dense=dense))
    assert output.shape == (pairs, 1)
    assert ((output >= 0) & (output <= 1)).all()


def test_the_sigmoid_is_exact_where_its_logarithm_counts():
    logit = torch.linspace(-28, 28, 500, dtype=torch.float32)
    np.testing.assert_allclose(exact_sigmoid(logit).numpy(), sigmoid(logit.numpy()), rtol=1e-6)
    assert torch.isfinite(torch.log(exact_sigmoid(torch.tensor([-1e30, -1e4, 1e30])))).all()
