"""What a network in the Gram domain sees of a precoding instance, and how its answer becomes a precoder.

With the normalised channel's Gram matrix A, a few steps of `dual_ascent` from equal shares lead to shares q and their
error matrix E: a user has its own level ``A_kk``, its share, rate and gradient there, and its weight; a pair the
correlations ``|A_kj|`` and ``|E_kj|`` of its users, over the roots of the diagonal. The network corrects q. All of it
stays the same under a unitary turn of the antennas and under each user's phase.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from airgraph_models.classical.downlink import ComplexArray, FloatArray, adjoint
from airgraph_models.classical.dual_ascent import first_steps
from airgraph_models.classical.dual_uplink import dual_coefficients, dual_gradient
from airgraph_models.problems.gram_blocks import DenseUsers
from airgraph_models.problems.precoding_instance import Precoding

USER_FEATURES, PAIR_FEATURES = 8, 2
STEPS = 4
"""Of the ascent that leads to the features: the first ones gain the most."""
LOG_SCALE = 0.2
"""Brings logarithms of 0 to 100 dB to the order of one."""
SMALLEST = 1e-4
"""Of weights inside a logarithm."""
TINY = 1e-30


@dataclass(frozen=True)
class GramView:
    """One instance in the Gram domain.

    Attributes:
        share: ``[K]`` shares that the ascent led to.
        graph: Features.
        statistics: For the check of the training domain.
    """

    share: FloatArray
    graph: DenseUsers
    statistics: dict[str, float]


def gram_view(instance: Precoding) -> GramView:
    """The view of an instance of one band and spectral efficiency."""
    gram = instance.gram
    users = instance.size
    largest = instance.weights.max()
    weight = instance.weights / largest if largest > 0 else np.ones(users)
    share, error = first_steps(gram, weight, STEPS, instance.equal_error)
    own = gram.diagonal().real
    level = np.log1p(own)
    diagonal = error.diagonal().real
    rate = -np.log(diagonal)
    # Filled in place: stacking and converting would take as long as two steps of the ascent.
    user = np.empty((users, USER_FEATURES), np.float32)
    user[:, 0] = np.log(share * users) * LOG_SCALE
    user[:, 1] = level * LOG_SCALE
    user[:, 2] = rate * LOG_SCALE
    user[:, 3] = (rate - np.log1p(own * share)) * LOG_SCALE
    user[:, 4] = dual_gradient(error, weight) / np.maximum(rate, SMALLEST)
    user[:, 5] = weight
    user[:, 6] = np.log(np.maximum(weight, SMALLEST)) * LOG_SCALE
    user[:, 7] = math.log(users) * LOG_SCALE
    pair = np.empty((users, users, PAIR_FEATURES), np.float32)
    pair[..., 0] = _correlation(gram, own)
    pair[..., 1] = _correlation(error, diagonal)
    pair.reshape(-1, PAIR_FEATURES)[:: users + 1] = 0.0
    statistics = {
        "level": float(level.mean()),
        "strongest_level": float(level.max()),
        "ascended_rate": float(rate.mean()),
    }
    return GramView(share, DenseUsers(user, pair), statistics)


def _correlation(matrix: ComplexArray, diagonal: FloatArray) -> FloatArray:
    """``|m_kj| / sqrt(m_kk m_jj)`` of a matrix with that diagonal."""
    root = np.sqrt(diagonal + TINY)
    found: FloatArray = np.abs(matrix) / (root[:, None] * root)
    return found


def precoder_of_shares(instance: Precoding, share: FloatArray) -> ComplexArray:
    """The precoder ``[N, K]`` or ``[B, N, K]`` on the budget that ``share [K]`` or ``[B, K]`` describes."""
    coefficients = dual_coefficients(instance.gram, share)
    amplitude = np.sqrt(instance.max_power)[..., None, None]
    precoder: ComplexArray = adjoint(instance.normalised_channel) @ (amplitude * coefficients)
    return precoder
