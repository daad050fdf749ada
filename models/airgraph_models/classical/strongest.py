r"""Strongest: full power for a fixed proportion of the pairs, those with the largest direct gain.

    p_k = P_k for the round(proportion K) pairs (at least one) of largest g_kk, else 0

It knows nothing of the interference; in large networks an MLP does no better. Source: paper 001, section V-A, which
leaves the proportion open; `best_proportion` chooses it on a training set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from airgraph_models.classical.scalar_wmmse import Crosstalk, FloatArray
from airgraph_models.classical.sum_rate import weighted_sum_rate


def strongest(crosstalk: Crosstalk, max_power: FloatArray, proportion: float) -> FloatArray:
    """Full power for the pairs of largest direct gain.

    Args:
        crosstalk: The gains.
        max_power: ``[..., 1, K]`` budgets.
        proportion: Share of the pairs that send, above 0 and at most 1.

    Returns:
        ``[..., 1, K]`` powers.

    Raises:
        ValueError: The proportion is outside (0, 1].
    """
    if not 0.0 < proportion <= 1.0:
        raise ValueError(f"proportion must be above 0 and at most 1, got {proportion}")
    pairs = crosstalk.direct.shape[-1]
    senders = max(1, round(proportion * pairs))
    # A stable order: equal gains never switch on more pairs than asked for.
    order = np.argsort(-crosstalk.direct, axis=-1, kind="stable")
    rank = np.argsort(order, axis=-1, kind="stable")
    return np.where(rank < senders, max_power, 0.0)


def best_proportion(
    crosstalk: Crosstalk,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    proportions: Sequence[float] | None = None,
) -> float:
    """The one proportion with the largest mean weighted sum rate over a batch of instances.

    The best proportion falls as K and the SNR grow (on i.i.d. Rayleigh channels at 10 dB one to three pairs of 5 to 50
    send), so it is searched for each setting: over all numbers of pairs by default, the smallest of equals.

    Args:
        crosstalk: The gains of the training instances.
        weights: ``[..., 1, K]`` rate weights.
        noise_power: ``[..., 1, K]`` noise powers, positive.
        max_power: ``[..., 1, K]`` budgets.
        proportions: What to choose from; 1/K, 2/K, ... 1 by default.
    """
    if proportions is None:
        pairs = crosstalk.direct.shape[-1]
        proportions = [senders / pairs for senders in range(1, pairs + 1)]
    rates = [
        weighted_sum_rate(crosstalk, weights, noise_power, strongest(crosstalk, max_power, proportion)).mean()
        for proportion in proportions
    ]
    return proportions[int(np.argmax(rates))]
