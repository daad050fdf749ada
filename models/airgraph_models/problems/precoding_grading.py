"""Rounds and rates precoders of one shape at once: the answers and the closed forms that guard them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import downlink_rates
from airgraph_models.problems.family import Graded
from airgraph_models.problems.precoding_instance import Precoding
from airgraph_models.problems.rounding import rounded_within
from airgraph_models.problems.validation import ComplexArray, FloatArray

SUMMING = 1e-13
"""Share of the budget left unused, so that a caller who sums in another order finds nothing over it."""


def used_share(precoder: ComplexArray, max_power: FloatArray) -> FloatArray:
    """Used share ``[...]`` of budgets ``[...]`` by precoders ``[..., N, K]``."""
    if precoder.ndim == 2:
        # A third of the time of squares and their sum.
        return np.asarray(np.vdot(precoder, precoder).real / max_power)
    share: FloatArray = np.add.reduce(squared(precoder), axis=(-2, -1)) / max_power
    return share


def within_budgets(precoder: ComplexArray, max_power: FloatArray) -> ComplexArray:
    """Precoders ``[..., N, K]``, each that is over its budget ``[...]`` scaled down by one factor."""
    used = used_share(precoder, max_power)
    if np.count_nonzero(used > 1.0) == 0:
        return precoder
    scaled: ComplexArray = precoder / np.sqrt(np.maximum(used, 1.0))[..., None, None]
    return scaled


def rounded_precoders(
    precoder: ComplexArray, max_power: FloatArray, dtype: np.dtype[np.complexfloating]
) -> tuple[npt.NDArray[np.complexfloating], ComplexArray]:
    """See `rounded_within`: of precoders ``[..., N, K]`` with budgets ``[...]``."""

    def over(exact: ComplexArray) -> npt.NDArray[np.bool_]:
        return used_share(exact, max_power) > 1.0 - SUMMING

    return rounded_within(precoder, dtype, over, max(0.5 * float(np.finfo(dtype).eps), SUMMING))


def grade_precoders(instances: Sequence[Precoding], precoders: Sequence[ComplexArray]) -> list[Graded]:
    """The precoders as they are sent, with their rates and their weighted sum rate.

    Args:
        instances: At least one, of spectral efficiency in one band, all of one shape and precision.
        precoders: ``[N, K]`` of each, within its budget.
    """
    budget = np.array([instance.max_power for instance in instances])
    sent, exact = rounded_precoders(np.array(precoders), budget, instances[0].dtype)
    channel = np.array([instance.channel for instance in instances])
    noise = np.array([instance.noise_power for instance in instances])
    rates = downlink_rates(channel, noise, exact)
    weights = np.array([instance.weights for instance in instances])
    objectives = np.add.reduce(weights * rates, axis=-1).tolist()
    return [Graded(sent[i], exact[i], rates[i], objective, (0.0, objective)) for i, objective in enumerate(objectives)]
