"""Paper 000's networks for hybrid precoders: the formula by hand, the alternation before training, their limits."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import random_hybrid, seeds

from airgraph_models.classical.hybrid_alternation import (
    alternate,
    blocks_of,
    captured,
    chain_digital,
    phases,
    strongest_columns,
)
from airgraph_models.classical.stopping import Stopping
from airgraph_models.gnn.hybrid_networks import HybridGNN, HybridMLP
from airgraph_models.problems.hybrid_chains import real_blocks


def answers(network, instance):
    """Phases ``[R, L]`` and digital half ``[R, Ns]``, complex."""
    with torch.inference_mode():
        phase, symbol = network(torch.from_numpy(real_blocks(instance.f_opt, instance.chains))[None])
    phase, symbol = phase[0].double().numpy(), symbol[0].double().numpy()
    return phase[:, 0] + 1j * phase[:, 1], symbol[:, 0::2] - 1j * symbol[:, 1::2]


def by_hand(f_opt, chains, weights):
    """(25) with the whole matrices of the paper; weights ``[T, R, R]`` act on the states from the right."""
    antennas, streams = f_opt.shape
    wired = np.arange(antennas)[:, None] // (antennas // chains) == np.arange(chains)
    analogue = wired * strongest_columns(blocks_of(f_opt, chains)).reshape(-1, 1)
    symbol = None
    for weight in weights:
        if symbol is not None:
            analogue = wired * phases(f_opt @ symbol)
        symbol = f_opt.conj().T @ analogue @ weight
        symbol *= np.sqrt(chains * streams / antennas) / np.linalg.norm(symbol)
    return analogue.sum(axis=1).reshape(chains, -1), symbol.conj().T


@settings(max_examples=25)
@given(seeds, st.integers(1, 5), st.integers(2, 8), st.integers(1, 3))
def test_the_unrolled_network_is_the_formula(seed, chains, each, streams):
    instance = random_hybrid(seed, chains, each, min(streams, chains))
    torch.manual_seed(seed % 1000)
    network = HybridGNN(chains, rounds=3)
    with torch.no_grad():
        network.real.add_(0.3 * torch.randn_like(network.real))
        network.imag.add_(0.3 * torch.randn_like(network.imag))
    # The network's matrices mix chains along the first axis: those of the paper, transposed.
    weights = (network.real + 1j * network.imag).detach().numpy().astype(complex).transpose(0, 2, 1)
    for found, expected in zip(answers(network, instance), by_hand(instance.f_opt, chains, weights), strict=True):
        np.testing.assert_allclose(found, expected, atol=2e-3)


@given(seeds, st.integers(1, 5), st.integers(1, 8), st.integers(1, 3))
def test_untrained_it_is_the_alternation(seed, chains, each, streams):
    instance = random_hybrid(seed, chains, each, min(streams, chains))
    found, digital = answers(HybridGNN(chains, rounds=6), instance)
    blocks = blocks_of(instance.f_opt, chains)
    expected, _ = alternate(blocks, strongest_columns(blocks), Stopping(5))
    assert captured(blocks, found).sum() == pytest.approx(captured(blocks, expected).sum(), rel=1e-3)
    np.testing.assert_allclose(digital, chain_digital(blocks, found), atol=1e-3)


@given(seeds, st.integers(1, 5), st.integers(1, 8), st.integers(1, 3))
def test_both_keep_modulus_and_power(seed, chains, each, streams):
    instance = random_hybrid(seed, chains, each, min(streams, chains))
    torch.manual_seed(0)
    for network in (HybridGNN(chains, rounds=2), HybridMLP(chains, each, instance.streams, hidden=8)):
        phase, digital = answers(network, instance)
        np.testing.assert_allclose(np.abs(phase), 1.0, atol=1e-5)
        assert each * np.linalg.norm(digital) ** 2 == pytest.approx(instance.streams, rel=1e-5)


def test_the_mlp_answers_with_the_best_digital_half():
    instance = random_hybrid(3, 4, 6, 2)
    phase, digital = answers(HybridMLP(4, 6, 2, hidden=16), instance)
    np.testing.assert_allclose(digital, chain_digital(blocks_of(instance.f_opt, 4), phase), atol=1e-5)
