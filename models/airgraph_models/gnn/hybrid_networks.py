r"""The networks of paper 000 for partially connected hybrid precoders.

Both read :math:`F_\text{opt}` as ``[B, R, 2, L, Ns, 2]``, the blocks of R chains of L antennas as real matrices
(`airgraph_models.problems.hybrid_chains.real_blocks`), and answer phases ``[B, R, 2, L]``, (re, im) of modulus one,
with the symbols' states :math:`d_\text{symbol} = F_\text{BB}^H`, ``[B, R, 2 Ns]`` as (re, im) pairs, of norm
:math:`\sqrt{N_s / L}`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

ROUNDS = 10
HIDDEN = 512
TINY = 1e-12


def _phases(heard: Tensor) -> Tensor:
    """``[B, R, 2 L, 1]`` to phases ``[B, R, 2, L]``."""
    batch, chains, rows = heard.shape[:3]
    pairs = heard.reshape(batch, chains, 2, rows // 2)
    unit: Tensor = pairs / (torch.linalg.vector_norm(pairs, dim=2, keepdim=True) + TINY)
    return unit


def _symbols(raw: Tensor, length: int) -> Tensor:
    """``[B, R, 2 Ns]`` brought to the power: Ns over L."""
    scale = (raw.shape[2] / 2 / length) ** 0.5
    norm = torch.linalg.vector_norm(raw.flatten(1), dim=1).reshape(-1, 1, 1)
    scaled: Tensor = scale * raw / (norm + TINY)
    return scaled


class HybridGNN(nn.Module):
    r"""The unrolled network: messages between symbols and antennas, weights between the chains.

    .. math::
        d_\text{antenna} = P_X\bigl(F_\text{opt} d_\text{symbol}\bigr), \qquad
        d_\text{symbol} = \sqrt{N_\text{RF} N_s / N_t}\; P_S\bigl(F_\text{opt}^H d_\text{antenna} W_t\bigr)

    with :math:`P_S` dividing by the norm. It begins with the phases of each block's strongest column: the published
    code begins with random ones, and answers differently at every call. W begins as the identity, with which the
    network is the alternation.

    Source: paper 000, (25).
    """

    def __init__(self, chains: int, rounds: int = ROUNDS) -> None:
        """Starts as the alternation."""
        super().__init__()
        self.real = nn.Parameter(torch.eye(chains).repeat(rounds, 1, 1))
        self.imag = nn.Parameter(torch.zeros(rounds, chains, chains))

    def forward(self, block: Tensor) -> tuple[Tensor, Tensor]:
        """Phases ``[B, R, 2, L]`` and the symbols' states ``[B, R, 2 Ns]``."""
        batch, chains, _, length, streams, _ = block.shape
        width = 2 * streams
        matrix = block.reshape(batch, chains, 2 * length, width)
        adjoint = matrix.transpose(2, 3).contiguous()
        pairs = adjoint.reshape(batch, chains, streams, 2, 2 * length)
        # With these rows a symbol's state comes out times the imaginary unit: one product applies complex weights.
        turned = torch.stack([-pairs[:, :, :, 1], pairs[:, :, :, 0]], dim=3).reshape(adjoint.shape)
        both, weights = torch.cat([adjoint, turned], dim=1), torch.cat([self.real, self.imag], dim=2)
        power = block[..., 0].square().sum(dim=(2, 3))
        symbol = nn.functional.one_hot(2 * power.argmax(dim=2), width).to(block.dtype)
        phase = block[..., 0, 0]
        for weight in weights:
            phase = _phases(torch.matmul(matrix, symbol.unsqueeze(3)))
            column = phase.reshape(batch, chains, 2 * length, 1)
            heard = torch.matmul(both, torch.cat([column, column], dim=1))
            # Phases do not change with the power: it is set once, at the end.
            symbol = torch.matmul(weight, heard.squeeze(3))
        return phase, _symbols(symbol, length)


class HybridMLP(nn.Module):
    """Dense layers from the digital precoder to the phases, for one size; the digital half is the best for them.

    Source: paper 000, VI-C.
    """

    def __init__(self, chains: int, length: int, streams: int, hidden: int = HIDDEN) -> None:
        """Random weights."""
        super().__init__()
        antennas = chains * length
        self.layers = nn.Sequential(
            nn.Linear(2 * antennas * streams, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, 2 * antennas),
        )

    def forward(self, block: Tensor) -> tuple[Tensor, Tensor]:
        """Phases ``[B, R, 2, L]`` and the symbols' states ``[B, R, 2 Ns]``."""
        batch, chains, _, length, streams, _ = block.shape
        width = 2 * streams
        # Every entry of the real matrices is there twice: one column a stream holds all of them. Their mean power is
        # one over the number of antennas.
        raw = self.layers((length * chains) ** 0.5 * block[..., 0].flatten(1)).reshape(batch, chains, 2 * length, 1)
        phase = _phases(raw)
        adjoint = block.reshape(batch, chains, 2 * length, width).transpose(2, 3)
        heard = torch.matmul(adjoint, phase.reshape(batch, chains, 2 * length, 1)).squeeze(3)
        return phase, _symbols(heard, length)
