import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import seeds

from airgraph_models.classical.beam_network import DenseBeamNetwork, SparseBeamNetwork


def complex_normal(rng, *shape):
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


@given(seeds, st.integers(1, 6), st.integers(1, 3), st.booleans(), st.sampled_from([0.0, 0.3, 0.8]))
def test_links_in_any_order_give_the_sums_of_the_dense_array(seed, receivers, antennas, one_to_one, density):
    rng = np.random.default_rng(seed)
    transmitters = receivers if one_to_one else int(rng.integers(1, 5))
    serving = np.arange(receivers) if one_to_one else rng.integers(0, transmitters, receivers)
    # Some receivers hear nothing, not even their own transmitter.
    kept = rng.permutation(np.argwhere(rng.uniform(size=(receivers, transmitters)) < density))
    channel = np.zeros((receivers, transmitters, antennas), complex)
    channel[kept[:, 0], kept[:, 1]] = complex_normal(rng, len(kept), antennas)
    dense = DenseBeamNetwork(channel, serving)
    sparse = SparseBeamNetwork(channel[kept[:, 0], kept[:, 1]], kept[:, 0], kept[:, 1], serving, transmitters)
    np.testing.assert_array_equal(sparse.direct, dense.direct)
    price = rng.uniform(size=receivers)
    np.testing.assert_allclose(sparse.leakage(price), dense.leakage(price), atol=1e-12)
    beams, values = complex_normal(rng, 2, receivers, antennas), rng.uniform(size=(2, receivers))
    for found, expected in zip(sparse.received(beams), dense.received(beams), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(sparse.per_transmitter(values), dense.per_transmitter(values), rtol=1e-12)


@pytest.mark.parametrize("one_to_one", [True, False])
@pytest.mark.parametrize("antennas", [1, 2, 3])
def test_beams_in_a_stack_are_heard_as_each_alone(antennas, one_to_one):
    rng = np.random.default_rng(0)
    receiver, transmitter = np.nonzero(rng.uniform(size=(9, 9)) < 0.5)
    serving = np.arange(9) if one_to_one else rng.integers(0, 9, 9)
    network = SparseBeamNetwork(complex_normal(rng, receiver.size, antennas), receiver, transmitter, serving, 9)
    beams = complex_normal(rng, 4, 9, antennas)
    own, heard = network.received(beams)
    for stacked_own, stacked_heard, alone in zip(own, heard, beams, strict=True):
        for stacked, single in zip((stacked_own, stacked_heard), network.received(alone), strict=True):
            np.testing.assert_array_equal(stacked, single)
