r"""The dual uplink of a downlink: K shares of the budget, one a user, describe a whole precoder.

With the normalised channel H (noise and budget one), its Gram matrix :math:`A = H H^H` and shares q of the budget,
:math:`\sum_k q_k = 1`, let

.. math::
    E = (I + Q^{1/2} A Q^{1/2})^{-1}, \qquad \mathrm{SINR}_k = 1 / E_{kk} - 1, \qquad
    R(q) = -\sum_k \alpha_k \log_2 E_{kk}

These are the SINRs of K users who send with powers q in the dual uplink, behind its MMSE receivers. By the duality of
uplink and downlink (Boche and Schubert 2002; Viswanath and Tse 2003) the same receivers are beams that reach the same
SINRs in the downlink, with the same sum power. All SINRs that are worth having come from some q: the precoder is

.. math::
    V = H^H Q^{1/2} E \operatorname{diag}(x)^{1/2}, \qquad
    x_k E_{kk} (1 - E_{kk}) - \sum_{j \ne k} |E_{kj}|^2 x_j = q_k

The optimal structure is (2) of paper 004; equal shares are RZF's directions.
"""

from __future__ import annotations

import numpy as np

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import ComplexArray, FloatArray

LEAST_SHARE = 1e-9
"""Below it a user is silent: its entry of E is one up to rounding."""


def error_matrix(gram: ComplexArray, share: FloatArray) -> ComplexArray:
    """``E = (I + Q^(1/2) A Q^(1/2))^-1``.

    Args:
        gram: ``[..., K, K]`` Gram matrices of normalised channels.
        share: ``[..., K]`` shares q, not negative.
    """
    users = share.shape[-1]
    root = np.sqrt(share)
    system = root[..., :, None] * gram
    system *= root[..., None, :]
    # Every (K + 1)-th entry of a matrix in a row is of its diagonal.
    system.reshape(*share.shape[:-1], users * users)[..., :: users + 1] += 1.0
    return np.asarray(np.linalg.inv(system), np.complex128)


def dual_rate(error: ComplexArray, weights: FloatArray) -> FloatArray:
    """``R(q) [...]`` in bit/s/Hz of error matrices ``[..., K, K]`` and weights ``[..., K]``."""
    own = error.diagonal(0, -2, -1).real
    rate: FloatArray = -np.add.reduce(weights * np.log2(own), axis=-1)
    return rate


def dual_gradient(error: ComplexArray, weights: FloatArray) -> FloatArray:
    r"""What a user's share gains it and costs the others, in nats.

    .. math::
        \partial R / \partial \log q_j = \alpha_j (1 - E_{jj}) - \sum_{k \ne j} \alpha_k |E_{kj}|^2 / E_{kk}

    Args:
        error: ``[..., K, K]``.
        weights: ``[..., K]``.

    Returns:
        ``[..., K]``; proportional to q where q is stationary.
    """
    own = error.diagonal(0, -2, -1).real
    # Squares of real and imaginary parts side by side: contiguous, and added up once the users are.
    parts = np.square(np.ascontiguousarray(error).view(np.float64))
    caused = ((weights / own)[..., None, :] @ parts)[..., 0, :]
    caused = caused[..., ::2] + caused[..., 1::2]
    # The sum over k has k = j in it, which is alpha_j E_jj.
    gradient: FloatArray = weights - caused
    return gradient


def dual_coefficients(gram: ComplexArray, share: FloatArray) -> ComplexArray:
    """The coefficients X of the precoder ``H^H X`` on the whole budget, ``[..., K, K]``.

    Args:
        gram: ``[..., K, K]`` Gram matrices of normalised channels.
        share: ``[..., K]`` shares, not negative; their sum is taken as the whole.
    """
    users = share.shape[-1]
    uplink = share / np.maximum(share.sum(axis=-1, keepdims=True), LEAST_SHARE)
    active = (gram.diagonal(0, -2, -1).real > 0) & (uplink > LEAST_SHARE)
    uplink = np.where(active, uplink, 0.0)
    error = error_matrix(gram, uplink)
    diagonal = error.diagonal(0, -2, -1).real
    system = -squared(error)
    system.reshape(*share.shape[:-1], users * users)[..., :: users + 1] = np.where(
        active, diagonal * (1.0 - diagonal), 1.0
    )
    downlink = np.linalg.solve(system, uplink[..., None])[..., 0]
    error *= np.sqrt(uplink)[..., :, None]
    error *= np.sqrt(np.maximum(downlink, 0.0))[..., None, :]
    return error
