"""What a network in the Gram domain sees of a precoding instance, and how its answer becomes a precoder.

With the normalised channel's Gram matrix A, a few steps of `dual_ascent` from equal shares lead to shares q and their
inverse F (`dual_uplink`): a user has its own level ``A_kk``, its share, rate and gradient there, and its weight; a pair
the correlations ``|A_kj|`` and ``|F_kj|`` of its users, over the roots of the diagonal. The network corrects q. All of
it stays the same under a unitary turn of the antennas and under each user's phase.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from airgraph_models.classical.downlink import ComplexArray, FloatArray
from airgraph_models.classical.dual_ascent import further_steps
from airgraph_models.classical.dual_uplink import (
    LEAST_SHARE,
    dual_gradient,
    dual_precoder,
    dual_rate,
    regularised_inverse,
)
from airgraph_models.problems.gram_blocks import DenseUsers
from airgraph_models.problems.precoding_instance import Precoding
from airgraph_models.problems.row_table import Float32Array

USER_FEATURES, PAIR_FEATURES = 8, 2
STEPS = 4
"""Of the ascent from equal shares that leads to the features: the first ones gain the most."""
LOG_SCALE = 0.2
"""Brings logarithms of 0 to 100 dB to the order of one."""
SCALES = np.array([LOG_SCALE] * 4 + [1.0] * 2 + [LOG_SCALE] * 2)[:, None]
"""Of the features of a user."""
SMALLEST = 1e-4
"""Of weights inside a logarithm."""
TINY = 1e-30


@dataclass(frozen=True)
class GramView:
    """One instance in the Gram domain.

    Attributes:
        share: ``[K]`` shares that the ascent led to.
        rate: ``[K]`` their rates, in nats.
        graph: Features.
    """

    share: FloatArray
    rate: FloatArray
    graph: DenseUsers


def gram_view(instance: Precoding) -> GramView:
    """The view of an instance of one band and spectral efficiency."""
    gram = instance.gram
    users = instance.size
    largest = instance.weights.max()
    weight = instance.weights / largest if largest > 0 else np.ones(users)
    # The scale of the weights is of no matter to a step.
    share, inverse = further_steps(gram, weight, instance.first_share, STEPS - 1)
    own, diagonal = gram.diagonal().real, inverse.diagonal().real
    rate = np.log(share / diagonal)
    # Filled in place, a row a feature: stacking and converting would take as long as two steps of the ascent.
    user = np.empty((USER_FEATURES, users))
    np.log(share * users, out=user[0])
    np.log1p(own, out=user[1])
    user[2] = rate
    np.subtract(rate, np.log1p(own * share), out=user[3])
    np.divide(dual_gradient(inverse, share, weight), np.maximum(rate, SMALLEST), out=user[4])
    user[5] = weight
    np.log(np.maximum(weight, SMALLEST), out=user[6])
    user[7] = math.log(users)
    user *= SCALES
    pair = np.empty((users, users, PAIR_FEATURES), np.float32)
    _correlate(gram, own, pair[..., 0])
    _correlate(inverse, diagonal, pair[..., 1])
    pair.reshape(-1, PAIR_FEATURES)[:: users + 1] = 0.0
    return GramView(share, rate, DenseUsers(user.T.astype(np.float32, order="C"), pair))


def _correlate(matrix: ComplexArray, diagonal: FloatArray, found: Float32Array) -> None:
    """Writes ``|m_kj| / sqrt(m_kk m_jj)`` of a matrix with that diagonal."""
    root = np.sqrt(diagonal + TINY)
    np.divide(np.abs(matrix), root[:, None] * root, out=found, casting="same_kind")


def gram_statistics(instance: Precoding, view: GramView) -> dict[str, float]:
    """What is compared with a model's training domain: levels, and the rate that the ascent led to, in nats."""
    level = np.log1p(instance.gram.diagonal().real)
    return {
        "level": float(np.add.reduce(level)) / level.size,
        "strongest_level": float(level.max()),
        "ascended_rate": float(np.add.reduce(view.rate)) / level.size,
    }


def precoder_of_shares(instance: Precoding, share: FloatArray) -> ComplexArray:
    """The precoder ``[N, K]`` or ``[B, N, K]`` on the budget that ``share [K]`` or ``[B, K]`` describes."""
    return dual_precoder(instance.normalised_adjoint, instance.gram, np.sqrt(instance.max_power), share)


def rate_of_shares(instance: Precoding, share: FloatArray) -> float:
    """Weighted sum rate of that precoder, bit/s/Hz, of ``share [K]``."""
    uplink = np.maximum(share, LEAST_SHARE)
    uplink /= np.add.reduce(uplink)
    return float(dual_rate(regularised_inverse(instance.gram, uplink), uplink, instance.weights))
