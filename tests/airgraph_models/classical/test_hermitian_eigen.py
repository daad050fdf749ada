import numpy as np
import pytest
from hypothesis import given
from instances import seeds

from airgraph_models.classical.hermitian_eigen import hermitian_eigen


@pytest.mark.parametrize("antennas", [1, 2, 3, 5])
@given(seed=seeds)
def test_the_eigenbasis_rebuilds_the_matrix(antennas, seed):
    rng = np.random.default_rng(seed)
    root = rng.standard_normal((7, antennas, antennas)) + 1j * rng.standard_normal((7, antennas, antennas))
    root *= 10.0 ** rng.integers(-6, 6, (7, 1, 1))
    root[0] = 0
    root[1, :, 1:] = 0
    matrix = root @ np.swapaxes(root.conj(), -1, -2)
    values, vectors = hermitian_eigen(matrix)
    rebuilt = (vectors * values.T[:, None, :]) @ np.swapaxes(vectors.conj(), -1, -2)
    scale = np.maximum(np.abs(matrix).max(axis=(1, 2), keepdims=True), 1e-300)
    np.testing.assert_allclose(rebuilt / scale, matrix / scale, atol=1e-9)
    identity = np.swapaxes(vectors.conj(), -1, -2) @ vectors
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(antennas), identity.shape), atol=1e-9)
    assert (values >= 0).all()
