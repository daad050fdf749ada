"""What a network in the Gram domain sees of a precoding instance, and how its answer becomes a precoder.

With the normalised channel's Gram matrix A, a few steps of `dual_ascent` from equal shares lead to shares q and their
error matrix E: a user has its own level ``A_kk``, its share, rate and gradient there, and its weight; a pair the
correlations ``|A_kj|`` and ``|E_kj|`` of its users, over the roots of the diagonal. The network corrects q. All of it
stays the same under a unitary turn of the antennas and under each user's phase.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from airgraph_models.classical.downlink import ComplexArray, FloatArray, adjoint, normalised
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
        channel: ``[K, N]`` normalised channel.
        gram: ``[K, K]`` its Gram matrix.
        share: ``[K]`` shares that the ascent led to.
        graph: Features.
        statistics: For the check of the training domain.
    """

    channel: ComplexArray
    gram: ComplexArray
    share: FloatArray
    graph: DenseUsers
    statistics: dict[str, float]


def gram_view(instance: Precoding) -> GramView:
    """The view of an instance of one band and spectral efficiency."""
    unit = normalised(instance.channel, instance.noise_power, instance.max_power)
    gram = unit @ adjoint(unit)
    users = instance.size
    largest = instance.weights.max()
    weight = instance.weights / largest if largest > 0 else np.ones(users)
    share, error = first_steps(gram, weight, STEPS)
    own = gram.diagonal().real
    level = np.log1p(own)
    rate = -np.log(error.diagonal().real)
    user = np.stack(
        [
            np.log(share * users) * LOG_SCALE,
            level * LOG_SCALE,
            rate * LOG_SCALE,
            (rate - np.log1p(own * share)) * LOG_SCALE,
            dual_gradient(error, weight) / np.maximum(rate, SMALLEST),
            weight,
            np.log(np.maximum(weight, SMALLEST)) * LOG_SCALE,
            np.full(users, np.log(users) * LOG_SCALE),
        ],
        axis=-1,
    )
    pair = np.stack([_correlation(gram), _correlation(error)], axis=-1)
    statistics = {
        "level": float(level.mean()),
        "strongest_level": float(level.max()),
        "ascended_rate": float(rate.mean()),
    }
    return GramView(unit, gram, share, DenseUsers(user.astype(np.float32), pair.astype(np.float32)), statistics)


def _correlation(matrix: ComplexArray) -> FloatArray:
    """``|m_kj| / sqrt(m_kk m_jj)``, zero on the diagonal."""
    size = np.abs(matrix)
    root = np.sqrt(size.diagonal() + TINY)
    found: FloatArray = size / (root[:, None] * root)
    np.fill_diagonal(found, 0.0)
    return found


def precoder_of_shares(instance: Precoding, view: GramView, share: FloatArray) -> ComplexArray:
    """The precoder ``[N, K]`` on the budget that ``share [K]`` describes."""
    coefficients = dual_coefficients(view.gram, share)
    precoder: ComplexArray = np.sqrt(instance.max_power) * (adjoint(view.channel) @ coefficients)
    return precoder
