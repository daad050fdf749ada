"""The Gram-domain network: equivariant under users and antennas, the same alone and in a batch, blind to N."""

import io

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from airgraph_models.gnn.gram import GramArchitecture
from airgraph_models.problems import PRECODING, Precoding
from airgraph_models.problems.errors import UnsupportedInstanceError
from airgraph_models.problems.gram_blocks import build_gram_blocks
from airgraph_models.problems.precoding_gram import PAIR_FEATURES, USER_FEATURES, gram_view
from airgraph_training.export import check_agreement, onnx_session, run_onnx, tensors, to_onnx, to_torchscript

shapes = st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(0, 99))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return GramArchitecture(USER_FEATURES, PAIR_FEATURES, width=16, message=8, rounds=2).build().eval()


def drawn(users, antennas, seed):
    rng = np.random.default_rng(seed)
    channel = rng.normal(size=(users, antennas)) + 1j * rng.normal(size=(users, antennas))
    return Precoding.create(channel, weights=rng.uniform(0.1, 1, users), noise_power=0.1, max_power=2.0), rng


def precoder(network, instance):
    view = PRECODING.view(instance)
    with torch.inference_mode():
        share = network(*tensors(build_gram_blocks([view.graph]))).numpy()
    return view.read(share)


def unitary(rng, size):
    return np.linalg.qr(rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size)))[0]


@settings(max_examples=25)
@given(shapes)
def test_users_may_be_renamed_antennas_turned_and_phases_changed(network, shape):
    instance, rng = drawn(*shape)
    users, antennas = instance.channel.shape
    answer = precoder(network, instance)
    order, turn = rng.permutation(users), unitary(rng, antennas)
    phase = np.exp(2j * np.pi * rng.uniform(size=users))
    changed = Precoding.create(
        (phase[:, None] * instance.channel)[order] @ turn,
        weights=instance.weights[order],
        noise_power=0.1,
        max_power=2.0,
    )
    expected = (turn.conj().T @ answer)[:, order]
    # Stream k turns with its user's phase or not: rates and powers are the same.
    np.testing.assert_allclose(
        np.abs(changed.channel @ precoder(network, changed)), np.abs(changed.channel @ expected), atol=1e-4
    )


@settings(max_examples=25)
@given(shapes)
def test_the_budget_is_used_and_kept_after_rounding(network, shape):
    instance, _ = drawn(*shape)
    answer = precoder(network, instance)
    assert PRECODING.margin(instance, answer) == pytest.approx(0.0, abs=1e-6)
    rounded = PRECODING.rounded(instance, PRECODING.project(instance, answer))
    assert PRECODING.margin(instance, rounded.astype(complex)) >= 0


def test_more_antennas_in_the_same_span_change_nothing(network):
    instance, rng = drawn(4, 6, 0)
    wide = Precoding.create(
        instance.channel @ unitary(rng, 20)[:6], weights=instance.weights, noise_power=0.1, max_power=2.0
    )
    objectives = [PRECODING.objective(i, precoder(network, i)) for i in (instance, wide)]
    assert objectives[0] == pytest.approx(objectives[1], rel=1e-5)


def test_an_instance_answers_alone_as_in_a_batch_in_every_format(network):
    graphs = [gram_view(drawn(users, 8, users)[0]).graph for users in (3, 1, 12, 7)]
    joined = build_gram_blocks(graphs)
    session = onnx_session(to_onnx(network))
    scripted = torch.jit.load(io.BytesIO(to_torchscript(network)))
    with torch.inference_mode():
        together = joined.split(network(*tensors(joined)).numpy())
        assert np.abs(run_onnx(session, joined) - np.concatenate(together)).max() < 1e-5
        assert np.abs(scripted(*tensors(joined)).numpy() - np.concatenate(together)).max() < 1e-5
        for graph, part in zip(graphs, together, strict=True):
            alone = network(*tensors(build_gram_blocks([graph]))).numpy()
            np.testing.assert_allclose(part, alone, atol=1e-6)
            assert part.sum() == pytest.approx(1.0, abs=1e-5)
    assert check_agreement(network, to_onnx(network), to_torchscript(network)) < 1e-5


def test_what_the_network_does_not_take_is_said():
    rng = np.random.default_rng(0)
    with pytest.raises(UnsupportedInstanceError):
        PRECODING.view(Precoding.create(rng.normal(size=(2, 3, 4)) + 0j))


def test_users_without_channels_and_levels_far_apart_stay_finite(network):
    channel = drawn(6, 8, 1)[0].channel * np.array([0, 1e-9, 1e-3, 1, 1e3, 1e4])[:, None]
    assert np.isfinite(precoder(network, Precoding.create(channel))).all()
    assert np.isfinite(precoder(network, Precoding.create(np.zeros((3, 2), complex)))).all()
