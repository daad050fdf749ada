r"""Unfolded precoding WMMSE: five layers of WMMSE whose matrix inverses are a few learned Taylor steps.

With the Gram matrix :math:`A = H H^H` of the channel in units of noise and budget and V = H^H X, each layer runs

.. math::
    T &= A X, \qquad r_k = \sum_i |t_{ki}|^2 + \mathrm{tr}(X^H A X), \qquad u_k = t_{kk} / r_k, \qquad
    w_k = e^{\beta} + \frac{|t_{kk}|^2}{r_k - |t_{kk}|^2}

    M &= \eta I + C^H A C, \qquad C = \mathrm{diag}(\sqrt{w} u), \qquad \eta = e^{\theta} \sum_k w_k |u_k|^2

    Y &\leftarrow x_t Y + y_t Y M Y \;\; (t = 1 .. S) \quad \text{from} \quad Y = z\, \mathrm{diag}(M)^{-1}, \qquad
    X = C\, Y\, \mathrm{diag}(\sqrt{w})

from MRT. Learned are beta, theta, x, y and z of every layer, 3 + 2S numbers. With beta = theta = 0 and an exact inverse
a layer is an iteration of reduced WMMSE (`airgraph_models.classical.reduced_wmmse`).

Source: paper 004's reference [13], Hu et al., "Iterative algorithm induced deep-unfolding neural networks: precoding
design for multiuser MIMO systems", IEEE Trans. Wireless Communications 2021, as paper 004 uses it: five layers. Its
idea is kept: every inverse is replaced by products that begin from the reciprocals of the diagonal and follow the
first-order Taylor expansion of an inverse, with learned factors. Departures: its factors are free matrices, which know
one size and one numbering of antennas and users; what is equivariant to both, and to rotations, is a multiple of the
identity, so ours are numbers, and S steps take the place of one. The inverse is the K x K one of reduced WMMSE, which
gives the same iterates as the N x N one.
"""

# No postponed annotations here: TorchScript reads the classes' annotations as types.
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from airgraph_models.gnn.precoding_features import on_the_budget
from airgraph_models.gnn.real_matrices import embedded, extracted

SMALLEST_POWER = 1e-24
FIRST_SCALE = 0.5
"""Of the diagonal's reciprocals: the spectrum of the scaled matrix may reach four."""


@dataclass(frozen=True)
class UnfoldedPrecodingArchitecture:
    """Sizes of an unfolded WMMSE.

    Attributes:
        layers: Number of WMMSE iterations.
        steps: Taylor steps of each inverse.
    """

    layers: int = 5
    steps: int = 3


class UnfoldedLayer(nn.Module):
    """One WMMSE iteration with a learned inverse."""

    def __init__(self, steps: int) -> None:
        """Starts as WMMSE with ``steps`` Newton-Schulz steps."""
        super().__init__()
        self.log_offset, self.log_price = nn.Parameter(torch.zeros(())), nn.Parameter(torch.zeros(()))
        self.scale = nn.Parameter(torch.tensor(FIRST_SCALE))
        self.taylor = nn.Parameter(torch.tensor([[2.0, -1.0]]).repeat(steps, 1))
        self.steps, self.smallest = steps, SMALLEST_POWER

    def forward(self, gram: Tensor, coefficient: Tensor, identity: Tensor) -> Tensor:
        """The next X, embedded as `airgraph_models.gnn.real_matrices` has it.

        Args:
            gram: ``[B, 2K, 2K]`` A.
            coefficient: ``[B, 2K, 2K]`` X.
            identity: ``[B, 2K, 2K]``.
        """
        users = gram.shape[1] // 2
        heard = torch.matmul(gram, coefficient)
        # Each complex entry stands twice in an embedded matrix.
        spent = 0.5 * (coefficient * heard).sum(dim=(1, 2)).clamp(min=self.smallest)[:, None]
        total = heard[:, :users].square().sum(dim=2) + spent
        real = heard[:, :users, :users].diagonal(dim1=1, dim2=2)
        imag = heard[:, users:, :users].diagonal(dim1=1, dim2=2)
        own = real.square() + imag.square()
        weight = torch.exp(self.log_offset) + own / torch.maximum(total - own, spent)
        root = torch.sqrt(weight)
        price = torch.exp(self.log_price) * (weight * own / total / total).sum(dim=1) + self.smallest
        left = embedded(torch.stack([root * real / total, root * imag / total], dim=2)[:, :, None] * _eye(identity))
        inner = price[:, None, None] * identity + torch.matmul(left.transpose(1, 2), torch.matmul(gram, left))
        inverse = identity * (self.scale / inner.diagonal(dim1=1, dim2=2))[:, None, :]
        for step in range(self.steps):
            second = torch.matmul(torch.matmul(inverse, inner), inverse)
            inverse = self.taylor[step, 0] * inverse + self.taylor[step, 1] * second
        found = torch.matmul(left, inverse) * torch.cat([root, root], dim=1)[:, None, :]
        # X has no scale: rates and the next layer are those of V on the budget.
        return found * torch.rsqrt(found.square().mean(dim=(1, 2), keepdim=True).clamp(min=self.smallest))


def _eye(identity: Tensor) -> Tensor:
    """``[B, K, K, 1]`` of an embedded identity."""
    users = identity.shape[1] // 2
    return identity[:, :users, :users, None]


class UnfoldedPrecoding(nn.Module):
    """Unfolded WMMSE for one transmitter, any numbers of users and antennas."""

    def __init__(self, architecture: UnfoldedPrecodingArchitecture | None = None) -> None:
        """WMMSE with Newton-Schulz steps; the layers of the paper by default."""
        super().__init__()
        sizes = architecture or UnfoldedPrecodingArchitecture()
        self.layers = nn.ModuleList(UnfoldedLayer(sizes.steps) for _ in range(sizes.layers))

    def forward(self, channel: Tensor) -> Tensor:
        r"""Precoder ``[B, N, K, 2]`` over the root of the budget, :math:`\lVert V \rVert_F = 1`.

        Args:
            channel: ``[B, K, N, 2]`` channels times root of budget over noise.
        """
        whole = embedded(channel)
        turned = whole.transpose(1, 2)
        gram = torch.matmul(whole, turned)
        ones = torch.ones_like(gram)
        identity = torch.triu(ones) * torch.tril(ones)
        coefficient = identity
        for layer in self.layers:
            coefficient = layer(gram, coefficient, identity)
        return on_the_budget(extracted(torch.matmul(turned, coefficient)))
