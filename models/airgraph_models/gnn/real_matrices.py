"""Complex matrices as real ones of twice the size: products and inverses that every runtime knows."""

import torch
from torch import Tensor


def embedded(matrix: Tensor) -> Tensor:
    """``[[Re, -Im], [Im, Re]]``, ``[..., 2R, 2C]``, of a complex ``[..., R, C, 2]``; products stay products."""
    real, imag = matrix[..., 0], matrix[..., 1]
    return torch.cat([torch.cat([real, -imag], dim=-1), torch.cat([imag, real], dim=-1)], dim=-2)


def extracted(matrix: Tensor) -> Tensor:
    """Real and imaginary parts ``[..., 2, R, C]`` of an embedded matrix ``[..., 2R, 2C]``."""
    rows, columns = matrix.shape[-2] // 2, matrix.shape[-1] // 2
    return torch.stack([matrix[..., :rows, :columns], matrix[..., rows:, :columns]], dim=-3)


def newton_schulz(matrix: Tensor, start: Tensor, steps: int) -> Tensor:
    r"""Inverse of ``matrix [..., R, R]`` by :math:`X \leftarrow 2X - XBX`, which doubles the exact digits each step.

    Args:
        matrix: B.
        start: With a spectral radius of ``I - start @ matrix`` below one.
        steps: Number of iterations.
    """
    inverse = start
    for _ in range(steps):
        inverse = 2.0 * inverse - torch.matmul(torch.matmul(inverse, matrix), inverse)
    return inverse
