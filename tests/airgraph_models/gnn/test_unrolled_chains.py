"""The unrolled chains: the alternation before training, equivariant, alone as in a batch, the same in every format."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import random_hybrid, seeds

from airgraph_models.classical.hybrid_alternation import alternate, blocks_of, phases
from airgraph_models.classical.stopping import Stopping
from airgraph_models.gnn.unrolled_chains import UnrolledChainsArchitecture
from airgraph_models.problems import HYBRID_PRECODING
from airgraph_models.problems.chain_blocks import build_chain_blocks
from airgraph_models.problems.hybrid_chains import MOST_STREAMS, hybrid_chains
from airgraph_training.export import check_agreement, onnx_session, run_onnx, tensors, to_onnx, to_torchscript


def answer(network, *instances):
    """``[N, H]`` complex ends of every antenna."""
    with torch.inference_mode():
        output = network(*tensors(build_chain_blocks([hybrid_chains(one) for one in instances]))).numpy()
    real, imag = np.split(output.astype(np.float64), 2, axis=1)
    return real + 1j * imag


@pytest.fixture(scope="module")
def network():
    """With a momentum that does something."""
    torch.manual_seed(0)
    built = UnrolledChainsArchitecture(rounds=5, starts=3).build()
    with torch.no_grad():
        built.momentum.fill_(0.5)
    return built.eval()


hybrids = st.builds(
    lambda seed, chains, each, streams: random_hybrid(seed, chains, each, min(streams, chains)),
    seeds,
    st.integers(1, 5),
    st.integers(1, 8),
    st.integers(1, MOST_STREAMS),
)


@given(hybrids)
def test_with_hard_phases_and_no_momentum_it_is_the_alternation(instance):
    torch.manual_seed(1)
    plain = UnrolledChainsArchitecture(rounds=4, starts=2).build().eval()
    with torch.no_grad():
        plain.log_softness.fill_(-40.0)
    ends = answer(plain, instance)
    blocks = blocks_of(instance.f_opt, instance.chains)
    weights = plain.start[: 2 * instance.streams].detach().numpy().astype(np.float64)
    for h in range(2):
        start = phases(blocks @ (weights[0::2, h] + 1j * weights[1::2, h]))
        expected, _ = alternate(blocks, start, Stopping(4))
        reached = phases(ends[:, h]).reshape(expected.shape)
        heard = [np.linalg.norm(np.einsum("rls,rl->rs", blocks.conj(), s)) for s in (reached, expected)]
        assert heard[0] == pytest.approx(heard[1], rel=1e-4)


@given(hybrids, seeds)
def test_antennas_may_be_renamed_and_turned(network, instance, seed):
    rng = np.random.default_rng(seed)
    length = instance.antennas // instance.chains
    order = (np.arange(instance.chains)[:, None] * length + rng.permutation(length)).reshape(-1)
    turn = np.exp(2j * np.pi * rng.uniform(size=instance.antennas))
    moved = type(instance)(turn[:, None] * instance.f_opt[order], instance.chains, "partial", instance.dtype)
    np.testing.assert_allclose(answer(network, moved), turn[:, None] * answer(network, instance)[order], atol=1e-3)


@settings(max_examples=25)
@given(st.lists(hybrids, min_size=2, max_size=4))
def test_an_instance_answers_alone_as_in_a_batch(network, instances):
    together = np.split(answer(network, *instances), np.cumsum([one.antennas for one in instances])[:-1])
    for one, rows in zip(instances, together, strict=True):
        np.testing.assert_allclose(rows, answer(network, one), atol=1e-6)


@given(hybrids)
def test_the_answer_read_is_feasible_and_fills_the_power(network, instance):
    ends = answer(network, instance)
    allocation = HYBRID_PRECODING.view(instance).read(np.concatenate([ends.real, ends.imag], axis=1))
    np.testing.assert_allclose(HYBRID_PRECODING.project(instance, allocation), allocation, atol=1e-12)
    assert HYBRID_PRECODING.margin(instance, allocation) == pytest.approx(0.0, abs=1e-9)


def test_every_format_answers_the_same(network):
    joined = build_chain_blocks([hybrid_chains(random_hybrid(n, n, 4, 2)) for n in (3, 2, 6)])
    onnx_model, script = to_onnx(network), to_torchscript(network)
    scripted = torch.jit.load(io.BytesIO(script))
    with torch.inference_mode():
        eager, other = (kind(*tensors(joined)).numpy() for kind in (network, scripted))
    np.testing.assert_allclose(other, eager, atol=1e-6)
    np.testing.assert_allclose(run_onnx(onnx_session(onnx_model), joined), eager, atol=1e-6)
    assert check_agreement(network, onnx_model, script) <= 1e-5


def test_a_chain_that_hears_nothing_is_no_number_out_of_range(network):
    instance = random_hybrid(0, 3, 4, 2)
    silent = instance.f_opt.copy()
    silent[:4] = 0
    ends = answer(network, type(instance)(silent, 3, "partial", instance.dtype))
    assert np.isfinite(ends).all()
    assert (ends[:4] == 0).all()
