r"""The networks of paper 000 for cell-free power control, on large-scale fading alone.

All read the fading :math:`u_{mk}`, ``[B, M, K]``, as :math:`x_{mk}`: its logarithm standardised over the training set,
or where inputs are added up linearly its root (`AmplitudeInput`). They answer powers in 0..1, ``[B, K]``, of which the
largest is one. ReLU is the activation; sums over nodes are means, so that they keep their scale where there are more of
them.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

WIDTH = 64
STATE, HEAD_LAYERS = 128, 3
"""Width of what is not kept for every access point, and hidden layers of the last MLP, which the paper leaves open."""
HIDDEN = 256
LARGEST_LOGIT = 12.0


class FadingInput(nn.Module):
    """Standardised logarithm of the fading."""

    mean: Tensor
    deviation: Tensor

    def __init__(self) -> None:
        """Identity until `standardise` has been called."""
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("deviation", torch.ones(()))

    def standardise(self, fading: Tensor) -> None:
        """Takes the statistics of a training set ``[n, M, K]``."""
        level = torch.log(fading)
        self.mean.copy_(level.mean())
        self.deviation.copy_(level.std())

    def forward(self, fading: Tensor) -> Tensor:
        """``[B, M, K]`` to ``[B, M, K]``."""
        scaled: Tensor = (torch.log(fading) - self.mean) / self.deviation
        return scaled


class AmplitudeInput(nn.Module):
    """Root of the fading over its standard deviation: in a sum over access points the nearest counts, as in truth.

    With logarithms the farthest would, and HetGNN, which adds up its inputs, ends 0.17 lower (M = 30, K = 6).
    """

    deviation: Tensor

    def __init__(self) -> None:
        """Identity scale until `standardise` has been called."""
        super().__init__()
        self.register_buffer("deviation", torch.ones(()))

    def standardise(self, fading: Tensor) -> None:
        """Takes the statistics of a training set ``[n, M, K]``."""
        self.deviation.copy_(torch.sqrt(fading).std())

    def forward(self, fading: Tensor) -> Tensor:
        """``[B, M, K]`` to ``[B, M, K]``."""
        scaled: Tensor = torch.sqrt(fading) / self.deviation
        return scaled


def _head(width: int) -> nn.Sequential:
    widths = (width, *(STATE for _ in range(HEAD_LAYERS)))
    hidden = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]
    return nn.Sequential(*hidden, nn.Linear(STATE, 1))


def _power(logit: Tensor) -> Tensor:
    """Powers ``[B, K]`` of logits ``[B, K]``: shares over the largest of them, as more power for all raises every SINR.

    To the gradient the largest is a constant. As part of it, it takes away what moves the user of the largest share,
    and training ends lower than without any scaling.
    """
    share = torch.sigmoid(logit.clamp(-LARGEST_LOGIT, LARGEST_LOGIT))
    return share / share.amax(dim=1, keepdim=True).detach()


class CFPCGNN(nn.Module):
    r"""CF-PCGNN: access points speak once, then users among themselves.

    .. math::
        d_k^{(1)} = \frac{1}{M} \sum_m \sigma(w x_{mk}), \qquad
        d_k^{(2)} = \sigma\Bigl(W_2 d_k^{(1)} + \frac{1}{K} \sum_j W_1 d_j^{(1)}\Bigr), \qquad
        p_k = \text{MLP}(d_k^{(2)})

    Source: paper 000, (22)-(23), with a bias beside w.
    """

    def __init__(self, width: int = WIDTH) -> None:
        """Random weights."""
        super().__init__()
        self.inputs = FadingInput()
        self.heard = nn.Linear(1, width)
        self.own = nn.Linear(width, STATE)
        self.others = nn.Linear(width, STATE, bias=False)
        self.head = _head(STATE)

    def forward(self, fading: Tensor) -> Tensor:
        """Powers ``[B, K]`` from fading ``[B, M, K]``."""
        first = torch.relu(self.heard(self.inputs(fading).unsqueeze(-1))).mean(dim=1)
        second = torch.relu(self.own(first) + self.others(first.mean(dim=1, keepdim=True)))
        return _power(self.head(second).squeeze(-1))


class HetGNN(nn.Module):
    r"""HetGNN: messages both ways between access points m and users k, T rounds from empty states.

    .. math::
        d_k \leftarrow \sigma\Bigl(W_5 d_k + \frac{1}{M} \sum_m W_1 d_m + w_2 x_{mk}\Bigr), \qquad
        d_m \leftarrow \sigma\Bigl(W_6 d_m + \frac{1}{K} \sum_k W_3 d_k + w_4 x_{mk}\Bigr), \qquad
        p_k = \text{MLP}(d_k)

    Source: paper 000, (13), three layers.
    """

    def __init__(self, width: int = WIDTH, layers: int = 3) -> None:
        """Random weights."""
        super().__init__()
        self.inputs = AmplitudeInput()
        self.width = width
        self.to_users = nn.ModuleList([nn.Linear(2 * width + 1, width) for _ in range(layers)])
        self.to_points = nn.ModuleList([nn.Linear(2 * width + 1, width) for _ in range(layers)])
        self.head = _head(width)

    def forward(self, fading: Tensor) -> Tensor:
        """Powers ``[B, K]`` from fading ``[B, M, K]``."""
        level = self.inputs(fading)
        batch, points, users = level.shape
        user, point = level.new_zeros(batch, users, self.width), level.new_zeros(batch, points, self.width)
        at_user, at_point = level.mean(dim=1).unsqueeze(-1), level.mean(dim=2).unsqueeze(-1)
        for to_user, to_point in zip(self.to_users, self.to_points, strict=True):
            heard = point.mean(dim=1, keepdim=True).expand(-1, users, -1)
            told = user.mean(dim=1, keepdim=True).expand(-1, points, -1)
            user, point = (
                torch.relu(to_user(torch.cat([user, heard, at_user], dim=2))),
                torch.relu(to_point(torch.cat([point, told, at_point], dim=2))),
            )
        return _power(self.head(user).squeeze(-1))


class CellFreeMLP(nn.Module):
    """Three dense layers over all of the fading, for one number of access points and users."""

    def __init__(self, access_points: int, users: int, hidden: int = HIDDEN) -> None:
        """Random weights."""
        super().__init__()
        self.inputs = FadingInput()
        self.layers = nn.Sequential(
            nn.Linear(access_points * users, hidden),
            nn.ReLU(),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Linear(hidden, users),
        )

    def forward(self, fading: Tensor) -> Tensor:
        """Powers ``[B, K]`` from fading ``[B, M, K]``."""
        return _power(self.layers(self.inputs(fading).flatten(1)))
