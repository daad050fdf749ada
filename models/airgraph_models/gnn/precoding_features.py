r"""What the precoding networks share: complex numbers as two real channels, and power that meets the budget.

Features are ``[..., J, N, K]``, one vector of J = 2C real numbers for each edge between an antenna n and a user k; the
first C are the real parts of C complex channels, the last C their imaginary parts. A channel comes as
``[..., K, N, 2]`` and a precoder goes as ``[..., N, K, 2]``, with (re, im) last, as complex numbers lie in memory.
The user hears :math:`y = H V s` with no conjugate, so that what the papers write :math:`h_j^H d_k` is the entry (j, k)
of H D here, and their first features :math:`h_{nk}` are those of :math:`H^H`, which maximum-ratio transmission sends.
"""

import torch
from torch import Tensor, nn

SMALLEST_POWER = 1e-24
"""Under which silence stays silence; an argument's default below, as TorchScript knows no file's constants."""


def matched_features(channel: Tensor) -> Tensor:
    """``H^H`` as features ``[..., 2, N, K]`` of a channel ``[..., K, N, 2]``."""
    real, imag = channel[..., 0], channel[..., 1]
    return torch.stack([real.transpose(-1, -2), -imag.transpose(-1, -2)], dim=-3)


def heard(channel: Tensor, features: Tensor) -> Tensor:
    """``H D_c`` of every complex channel c, ``[..., J, K, K]``: entry (j, k) is what user j hears of stream k."""
    half = features.shape[-3] // 2
    real, imag = channel[..., 0].unsqueeze(-3), channel[..., 1].unsqueeze(-3)
    stacked = torch.cat([features[..., :half, :, :], features[..., half:, :, :]], dim=-2)
    return torch.cat(
        [
            torch.matmul(torch.cat([real, -imag], dim=-1), stacked),
            torch.matmul(torch.cat([imag, real], dim=-1), stacked),
        ],
        dim=-3,
    )


def weighted_sums(features: Tensor, weights: Tensor) -> Tensor:
    """``D_c A_c`` of every complex channel: features ``[..., J, N, K]`` times weights ``[..., J, K, K]``."""
    half = features.shape[-3] // 2
    real, imag = features[..., :half, :, :], features[..., half:, :, :]
    stacked = torch.cat([weights[..., :half, :, :], weights[..., half:, :, :]], dim=-2)
    return torch.cat(
        [
            torch.matmul(torch.cat([real, -imag], dim=-1), stacked),
            torch.matmul(torch.cat([imag, real], dim=-1), stacked),
        ],
        dim=-3,
    )


def normalised_features(features: Tensor, smallest: float = SMALLEST_POWER) -> Tensor:
    r"""The activation :math:`X / \lVert X \rVert` of each user's features, times :math:`\sqrt C`.

    Its vector in a complex channel then has a norm near one, whatever the size. A user without a channel keeps zeros.
    """
    power = 2.0 * features.square().mean(dim=-3, keepdim=True).sum(dim=-2, keepdim=True)
    return features * torch.rsqrt(power.clamp(min=smallest))


def on_the_budget(features: Tensor, smallest: float = SMALLEST_POWER) -> Tensor:
    r"""The last layer: features ``[..., 2, N, K]`` to a ``[..., N, K, 2]`` with :math:`\lVert V \rVert_F = 1`."""
    power = features.square().sum(dim=-1, keepdim=True).sum(dim=-2, keepdim=True).sum(dim=-3, keepdim=True)
    scaled = features * torch.rsqrt(power.clamp(min=smallest))
    return torch.stack([scaled[..., 0, :, :], scaled[..., 1, :, :]], dim=-1)


def per_root_antennas(channel: Tensor) -> Tensor:
    r"""A channel ``[..., K, N, 2]`` over :math:`\sqrt N`, counted in tensors so that an exported graph counts too."""
    return channel * torch.rsqrt(torch.ones_like(channel[..., 0]).sum(dim=-1)[..., None, None])


def users_per_antenna(channel: Tensor) -> Tensor:
    """K / N of channels ``[B, K, N, 2]`` as ``[1, 1]``, counted in tensors so that an exported graph counts too."""
    ones = torch.ones_like(channel[:1, :, :, 0])
    return ones.sum(dim=1)[:, :1] / ones.sum(dim=2)[:, :1]


class OnTheBudget(nn.Module):
    """A network whose last features are scaled to the budget, as those for spectral efficiency are."""

    def features(self, channel: Tensor) -> Tensor:
        """Output of the last layer ``[B, 2, N, K]``, before it is scaled to the budget."""
        raise NotImplementedError

    def forward(self, channel: Tensor) -> Tensor:
        r"""Precoder ``[B, N, K, 2]`` over the root of the budget, :math:`\lVert V \rVert_F = 1`.

        Args:
            channel: ``[B, K, N, 2]`` channels times root of budget over noise.
        """
        return on_the_budget(self.features(channel))
