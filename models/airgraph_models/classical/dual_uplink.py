r"""The dual uplink of a downlink: K shares of the budget, one a user, describe a whole precoder.

With the normalised channel H (noise and budget one), its Gram matrix :math:`A = H H^H` and shares q of the budget,
:math:`\sum_k q_k = 1`, let

.. math::
    F = (Q^{-1} + A)^{-1}, \qquad \mathrm{SINR}_k = q_k / F_{kk} - 1, \qquad
    R(q) = -\sum_k \alpha_k \log_2 (F_{kk} / q_k)

These are the SINRs of K users who send with powers q in the dual uplink, behind its MMSE receivers;
:math:`F = Q^{1/2} E Q^{1/2}` with E the error matrix of those. By the duality of uplink and downlink (Boche and
Schubert 2002; Viswanath and Tse 2003) the same receivers are beams that reach the same SINRs in the downlink, with the
same sum power. All SINRs that are worth having come from some q: the precoder is

.. math::
    V = H^H F \operatorname{diag}(y)^{1/2}, \qquad
    F_{kk} (q_k - F_{kk}) y_k - \sum_{j \ne k} |F_{kj}|^2 y_j = q_k^2

The optimal structure is (2) of paper 004; equal shares make F the inverse of RZF.
"""

from __future__ import annotations

import math

from airgraph_models.arrays.namespace import namespace_of
from airgraph_models.classical.downlink import ComplexArray, FloatArray

LEAST_SHARE = 1e-9
"""Below it a user is silent: its SINR is zero up to rounding."""


def regularised_inverse(gram: ComplexArray, share: FloatArray) -> ComplexArray:
    """``F = (Q^-1 + A)^-1``.

    Args:
        gram: ``[..., K, K]`` Gram matrices of normalised channels.
        share: ``[..., K]`` shares q, positive; their leading axes are the result's.
    """
    xp = namespace_of(share)
    users = share.shape[-1]
    system: ComplexArray = xp.empty((*share.shape, users), dtype=xp.complex128, like=share)
    system[...] = gram
    # Every (K + 1)-th entry of a matrix in a row is of its diagonal.
    system.reshape(*share.shape[:-1], users * users)[..., :: users + 1] += 1.0 / share
    inverse: ComplexArray = xp.linalg.inv(system)
    return inverse


def dual_rate(inverse: ComplexArray, share: FloatArray, weights: FloatArray) -> FloatArray:
    """``R(q) [...]`` in bit/s/Hz of inverses F ``[..., K, K]``, shares and weights ``[..., K]``."""
    xp = namespace_of(share)
    rate: FloatArray = -xp.add.reduce(weights * xp.log2(inverse.diagonal(0, -2, -1).real / share), axis=-1)
    return rate


def dual_gradient(inverse: ComplexArray, share: FloatArray, weights: FloatArray) -> FloatArray:
    r"""What a user's share gains it and costs the others, in nats.

    .. math::
        \partial R / \partial \log q_j = \alpha_j - \frac{1}{q_j} \sum_k \alpha_k |F_{kj}|^2 / F_{kk}

    Args:
        inverse: F ``[..., K, K]``.
        share: ``[..., K]``.
        weights: ``[..., K]``.

    Returns:
        ``[..., K]``; proportional to q where q is stationary.
    """
    xp = namespace_of(share)
    # Squares of real and imaginary parts side by side: contiguous, and added up once the users are.
    parts = xp.square(inverse.view(xp.float64))
    caused = ((weights / inverse.diagonal(0, -2, -1).real)[..., None, :] @ parts)[..., 0, :]
    gradient: FloatArray = weights - (caused[..., ::2] + caused[..., 1::2]) / share
    return gradient


def dual_coefficients(gram: ComplexArray, share: FloatArray) -> ComplexArray:
    """The coefficients X of the precoder ``H^H X`` on the whole budget, ``[..., K, K]``.

    Args:
        gram: ``[..., K, K]`` Gram matrices of normalised channels.
        share: ``[..., K]`` shares, not negative; their sum is taken as the whole.
    """
    xp = namespace_of(share)
    users = share.shape[-1]
    uplink = share / xp.maximum(xp.add.reduce(share, axis=-1, keepdims=True), LEAST_SHARE)
    active = (gram.diagonal(0, -2, -1).real > 0) & (uplink > LEAST_SHARE)
    everyone = int(xp.count_nonzero(active)) == math.prod(active.shape)
    if not everyone:
        # Who is silent is nobody's neighbour, whatever share stands for it in the inverse.
        gram = xp.where(active[..., :, None] & active[..., None, :], gram, 0.0)
        uplink = xp.where(active, uplink, 1.0)
    inverse = regularised_inverse(gram, uplink)
    parts = xp.square(inverse.view(xp.float64))
    system = -(parts[..., ::2] + parts[..., 1::2])
    own = inverse.diagonal(0, -2, -1).real
    diagonal = system.reshape(*share.shape[:-1], users * users)[..., :: users + 1]
    diagonal[...] = own * (uplink - own)
    wanted = uplink * uplink
    if not everyone:
        diagonal[~active], wanted[~active] = 1.0, 0.0
    downlink = xp.linalg.solve(system, wanted[..., None])[..., 0]
    inverse *= xp.sqrt(xp.maximum(downlink, 0.0))[..., None, :]
    return inverse


def dual_precoder(turned: ComplexArray, gram: ComplexArray, amplitude: FloatArray, share: FloatArray) -> ComplexArray:
    """The precoder ``[..., N, K]`` that shares describe, on the budget up to rounding.

    Args:
        turned: ``[..., N, K]`` adjoint of the normalised channel.
        gram: ``[..., K, K]`` its Gram matrix.
        amplitude: ``[...]`` root of the budget.
        share: ``[..., K]`` shares, not negative.
    """
    precoder: ComplexArray = turned @ (amplitude[..., None, None] * dual_coefficients(gram, share))
    return precoder
