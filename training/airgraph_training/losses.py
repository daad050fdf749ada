r"""The problems' objectives in torch, and the unsupervised loss (paper 001, section V).

Noise and budgets are one; batches hold B instances of K nodes each.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

SMALLEST_SHARE = 1e-12
"""Of the dual uplink, inside a logarithm."""


def power_control_objective(share: Tensor, channel: Tensor, weights: Tensor) -> Tensor:
    r"""Weighted sum rate :math:`\sum_k \alpha_k \log_2(1 + g_{kk} p_k / (1 + \sum_{j \ne k} g_{kj} p_j))`.

    Args:
        share: ``[B, K, 1]`` power over budget.
        channel: ``[B, K, K, 1]`` gain times budget over noise, receiver first.
        weights: ``[B, K]`` rate weights.

    Returns:
        ``[B]`` bit/s/Hz.
    """
    gain = channel[..., 0]
    heard = gain * share.squeeze(-1).unsqueeze(1)
    return _weighted_rate(heard, weights)


def beamforming_objective(beams: Tensor, channel: Tensor, weights: Tensor) -> Tensor:
    r"""Weighted sum rate :math:`\sum_k \alpha_k \log_2(1 + |h_{kk} v_k|^2 / (1 + \sum_{j \ne k} |h_{kj} v_j|^2))`.

    Args:
        beams: ``[B, K, 2N]`` beams over the root of the budget, (re, im) pairs.
        channel: ``[B, K, K, 2N]`` channels times root of budget over noise, (re, im) pairs in the beams' frames.
        weights: ``[B, K]`` rate weights.

    Returns:
        ``[B]`` bit/s/Hz.
    """
    real, imag = channel[..., 0::2], channel[..., 1::2]
    beam_real, beam_imag = beams[..., 0::2].unsqueeze(1), beams[..., 1::2].unsqueeze(1)
    signal_real = (real * beam_real - imag * beam_imag).sum(dim=-1)
    signal_imag = (real * beam_imag + imag * beam_real).sum(dim=-1)
    return _weighted_rate(signal_real.square() + signal_imag.square(), weights)


def precoding_objective(precoder: Tensor, channel: Tensor) -> Tensor:
    r"""Sum rate :math:`\sum_k \log_2(1 + |t_{kk}|^2 / (1 + \sum_{i \ne k} |t_{ki}|^2))` with T = H V.

    Args:
        precoder: ``[B, N, K, 2]`` precoders over the root of the budget, (re, im) last.
        channel: ``[B, K, N, 2]`` channels times root of budget over noise, (re, im) last.

    Returns:
        ``[B]`` bit/s/Hz.
    """
    return precoding_rates(precoder, channel).sum(dim=1)


def precoding_rates(precoder: Tensor, channel: Tensor) -> Tensor:
    """Each user's rate ``[B, K]`` in bit/s/Hz, of the arguments of `precoding_objective`."""
    heard = torch.view_as_real(torch.view_as_complex(channel) @ torch.view_as_complex(precoder.contiguous()))
    return _rates(heard.square().sum(dim=-1))


def coordinated_objective(precoder: Tensor, channel: Tensor) -> Tensor:
    r"""Sum rate of M cells whose users hear all transmitters, as `precoding_objective` of the beams of all.

    Args:
        precoder: ``[B, M, N, K, 2]`` precoders over the roots of the budgets, (re, im) last.
        channel: ``[B, M, K, M, N, 2]``, cell, user, transmitter, antenna, times root of budget over noise.

    Returns:
        ``[B]`` bit/s/Hz.
    """
    by_transmitter = torch.view_as_complex(channel).movedim(3, 1).flatten(2, 3)
    heard = by_transmitter @ torch.view_as_complex(precoder.contiguous())
    power = torch.view_as_real(heard.transpose(1, 2).flatten(2)).square().sum(dim=-1)
    return _weighted_rate(power, torch.ones_like(power[..., 0]))


class _DualRate(torch.autograd.Function):
    """`dual_rate` with the gradient that `airgraph_models.classical.dual_uplink` has in closed form: one inverse."""

    @staticmethod
    def forward(context: Any, log_share: Tensor, gram: Tensor, weights: Tensor) -> Tensor:
        root = torch.exp(0.5 * log_share.double())
        system = root.unsqueeze(2) * gram * root.unsqueeze(1)
        error = torch.linalg.inv(system + torch.eye(gram.shape[1], dtype=gram.dtype, device=gram.device))
        own = error.diagonal(dim1=1, dim2=2).real
        power = error.real.square() + error.imag.square()
        caused = ((weights / own).unsqueeze(1) @ power).squeeze(1)
        context.save_for_backward(weights - caused)
        return -(weights * torch.log2(own)).sum(dim=1)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = context.saved_tensors
        return (gradients[0].unsqueeze(1) * gradient / math.log(2.0)).float(), None, None


def dual_uplink_objective(share: Tensor, gram: Tensor, weights: Tensor) -> Tensor:
    r"""Weighted sum rate that shares of the dual uplink reach, ``R(q)`` of `airgraph_models.classical.dual_uplink`.

    Args:
        share: ``[B, K, 1]`` shares of the budget; those of an instance add up to one.
        gram: ``[B, K, K]`` complex128 Gram matrices of the normalised channels.
        weights: ``[B, K]`` rate weights.

    Returns:
        ``[B]`` bit/s/Hz.
    """
    log_share = torch.log(share.squeeze(-1).clamp(min=SMALLEST_SHARE))
    rate: Tensor = _DualRate.apply(log_share, gram, weights.double())  # type: ignore[no-untyped-call]
    return rate


SHARPNESS = 50.0
"""Of the smooth minimum, at most K^(1/50) below the true one; at 10 its maximum lay 2% below the largest minimum."""


def cell_free_objective(share: Tensor, coupling: Tensor, weights: Tensor) -> Tensor:
    r"""Smooth lower envelope of the smallest rate, :math:`\log_2(1 + (\sum_k \text{SINR}_k^{-\beta})^{-1/\beta})`.

    The smallest rate itself moves one user at a time, which makes the training swing (paper 000, VI-B).

    Args:
        share: ``[B, K, 1]`` powers in 0..1.
        coupling: ``[B, K, K + 1]``, F and u of `airgraph_models.problems.cell_free_instance.Coupling` side by side.
        weights: ``[B, K]``, not used: the smallest rate has none.

    Returns:
        ``[B]`` bit/s/Hz.
    """
    load = torch.matmul(coupling[:, :, :-1], share).squeeze(-1) + coupling[:, :, -1]
    sinr = torch.log(share.squeeze(-1).clamp(min=SMALLEST_SHARE)) - torch.log(load)
    smallest = -torch.logsumexp(-SHARPNESS * sinr, dim=1) / SHARPNESS
    return torch.log1p(torch.exp(smallest)) / math.log(2.0)


PREFERENCE = 300.0
"""For the best of several starts: how sharply its share of the gradient depends on what it captures."""


def hybrid_objective(answer: Tensor, f_opt: Tensor, weights: Tensor) -> Tensor:
    r"""Alignment :math:`\|F_\text{RF}^H F_\text{opt}\|_F / \sqrt{L N_s}` of an answer's phases and their digital half.

    Each chain answers with the best of its H starts; a start that comes close has a share, so that it learns too.

    Args:
        answer: ``[B, Nt, 2 H]``, H real parts and H imaginary ones.
        f_opt: ``[B, R, L, Ns]`` complex64, the digital precoder by chains, of power Ns.
        weights: ``[B, Nt]``, not used.

    Returns:
        ``[B]`` in 0..1.
    """
    count, chains, length, streams = f_opt.shape
    real, imag = answer.reshape(count, chains, length, -1).chunk(2, dim=3)
    phases = torch.sgn(torch.complex(real, imag))
    heard = f_opt.conj().transpose(2, 3) @ phases
    power = torch.view_as_real(heard).square().sum(dim=(2, 4))
    relative = power.detach() / power.detach().amax(dim=2, keepdim=True).clamp(min=SMALLEST_SHARE)
    share = torch.softmax(PREFERENCE * relative, dim=2)
    return torch.sqrt((share * power).sum(dim=(1, 2)) / (length * streams))


def _weighted_rate(heard: Tensor, weights: Tensor) -> Tensor:
    """``heard [B, K, K]`` received powers, receiver first, to ``[B]`` weighted sum rates."""
    return (weights * _rates(heard)).sum(dim=1)


def _rates(heard: Tensor) -> Tensor:
    """``heard [B, K, K]`` received powers, receiver first, to rates ``[B, K]`` in bit/s/Hz."""
    own = heard.diagonal(dim1=1, dim2=2)
    # The diagonal is left out of the sum, not subtracted: at 100 dB float32 would lose the interference.
    others = torch.eye(heard.shape[1], dtype=torch.bool, device=heard.device)
    interference = heard.masked_fill(others, 0.0).sum(dim=2)
    return torch.log1p(own / (1.0 + interference)) / math.log(2.0)


def relative_loss(objective: Tensor) -> Tensor:
    """Mean of ``-log(objective)``: minus the objective, each instance's gradient over its own objective.

    So instances of five pairs and of fifty count alike, as they do in the mean ratios that are reported.
    """
    return -torch.log(objective.clamp(min=1e-6)).mean()
