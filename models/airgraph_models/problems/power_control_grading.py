"""Rounds and rates the answers of many power-control instances at once: long vectors instead of many short ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.sum_rate import rates_of
from airgraph_models.problems.family import Graded
from airgraph_models.problems.power_control_instance import PowerControl
from airgraph_models.problems.validation import FloatArray


def grade_powers(instances: Sequence[PowerControl], powers: Sequence[FloatArray]) -> list[Graded]:
    r"""The powers as they are sent, with their rates and their weighted sum rate.

    .. math:: r_k = \log_2\left(1 + \frac{g_{kk} p_k}{\sigma_k^2 + \sum_{j \ne k} g_{kj} p_j}\right).

    Args:
        instances: At least one, of any sizes, dense or sparse, all of one precision.
        powers: ``[K]`` powers of each, within its budgets.
    """
    ends = list(accumulate(instance.size for instance in instances))
    spans = [slice(end - instance.size, end) for instance, end in zip(instances, ends, strict=True)]
    sent, exact = rounded_within_budgets(_joined(powers), _joined([i.max_power for i in instances]), instances[0].dtype)
    noise = _joined([instance.noise_power for instance in instances])
    received = _joined([instance.received(exact[span]) for instance, span in zip(instances, spans, strict=True)])
    rates = rates_of(received, _joined([instance.direct for instance in instances]) * exact, noise)
    weighted = _joined([instance.weights for instance in instances]) * rates
    objectives = np.add.reduceat(weighted, [span.start for span in spans]).tolist()
    return [
        Graded(sent[span], exact[span], rates[span], objective, (-0.0, objective))
        for span, objective in zip(spans, objectives, strict=True)
    ]


def rounded_within_budgets(
    power: FloatArray, max_power: FloatArray, dtype: np.dtype[np.floating]
) -> tuple[npt.NDArray[np.floating], FloatArray]:
    """Rounds towards zero where the nearest number would exceed the budget; gives the same in double precision too."""
    rounded: npt.NDArray[np.floating] = power.astype(dtype)
    exact: FloatArray = rounded.astype(np.float64)
    over = exact > max_power
    if not np.count_nonzero(over):
        return rounded, exact
    rounded = np.where(over, np.nextafter(rounded, dtype.type(0)), rounded)
    return rounded, rounded.astype(np.float64)


def _joined(vectors: Sequence[FloatArray]) -> FloatArray:
    return vectors[0] if len(vectors) == 1 else np.concatenate(vectors)
