"""Eigenbases of many small Hermitian matrices at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from airgraph_models.arrays.namespace import namespace_of

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]

TINY = 1e-150


def hermitian_eigen(matrix: ComplexArray) -> tuple[FloatArray, ComplexArray]:
    """Eigenvalues ``[N, ...]`` (not below zero) and eigenvectors ``[..., N, N]`` of ``matrix [..., N, N]``.

    The short axis of the eigenvalues comes first: sums over it are then additions of long rows.
    The matrix is positive semidefinite up to rounding. Two antennas have a closed form: LAPACK spends
    more on each call than on the 2 x 2 matrix.
    """
    if matrix.shape[-1] == 2:
        return _two_by_two(matrix)
    xp = namespace_of(matrix)
    values, vectors = xp.linalg.eigh(matrix)
    return xp.ascontiguousarray(xp.moveaxis(xp.maximum(values, 0.0), -1, 0)), vectors


def _two_by_two(matrix: ComplexArray) -> tuple[FloatArray, ComplexArray]:
    """[[a, c], [conj(c), d]] has eigenvalues m +- s with m = (a + d) / 2, s^2 = ((a - d) / 2)^2 + |c|^2."""
    xp = namespace_of(matrix)
    a, d, c = matrix[..., 0, 0].real, matrix[..., 1, 1].real, matrix[..., 0, 1]
    half, mean = 0.5 * (a - d), 0.5 * (a + d)
    cross = c.real * c.real + c.imag * c.imag
    spread = xp.sqrt(half * half + cross)
    # Eigenvector of the large value: (s + (a-d)/2, conj(c)) or (c, s - (a-d)/2), whichever does not cancel. Of a
    # multiple of the identity every vector is one: the floor makes it a unit vector.
    main = xp.maximum(spread + xp.abs(half), TINY)
    scale = 1.0 / xp.sqrt(main * main + cross)
    main, c = main * scale, c * scale
    lean = half >= 0
    first = xp.where(lean, main, c)
    second = xp.where(lean, c.conj(), main)
    vectors = xp.empty(matrix.shape, dtype=xp.complex128, like=matrix)
    vectors[..., 0, 1] = first
    vectors[..., 1, 1] = second
    vectors[..., 0, 0] = -second.conj()
    vectors[..., 1, 0] = first.conj()
    return xp.stack([xp.maximum(mean - spread, 0.0), mean + spread]), vectors
