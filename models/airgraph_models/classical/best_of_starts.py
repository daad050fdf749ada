"""Multi-start: a local algorithm from many starts at once, and the best of its answers.

"WMMSE 100 times" (paper 001, section V-A; paper 003, table I) and "Best FPLinQ" (paper 000, section VI-A) are the best
of 100 random starts; the papers take them for the best rate that is known.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from airgraph_models.classical.random_power import Law, random_power
from airgraph_models.classical.scalar_wmmse import Crosstalk, FloatArray, ScalarSolution
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.sum_rate import weighted_sum_rate


class PowerSolver(Protocol):
    """What `scalar_wmmse`, `fplinq` and `fplinq_scheduling` are."""

    def __call__(
        self,
        crosstalk: Crosstalk,
        weights: FloatArray,
        noise_power: FloatArray,
        max_power: FloatArray,
        start: FloatArray,
        stopping: Stopping,
        /,
    ) -> ScalarSolution:
        """Powers ``[..., S, K]`` from starts ``[..., S, K]``."""


def best_of_starts(
    solver: PowerSolver,
    crosstalk: Crosstalk,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    start: FloatArray,
    stopping: Stopping,
) -> ScalarSolution:
    """Solves from every start in one batch and keeps, for each instance, the answer of largest weighted sum rate.

    Args:
        solver: The algorithm.
        crosstalk: The gains.
        weights: ``[..., 1, K]`` rate weights.
        noise_power: ``[..., 1, K]`` noise powers, positive.
        max_power: ``[..., 1, K]`` budgets.
        start: ``[..., S, K]`` feasible powers.
        stopping: When the solver ends.

    Returns:
        Powers ``[..., 1, K]``, and the iterations spent on each start.
    """
    solution = solver(crosstalk, weights, noise_power, max_power, start, stopping)
    rate = weighted_sum_rate(crosstalk, weights, noise_power, solution.power)
    best = rate.argmax(axis=-1)[..., None, None]
    return ScalarSolution(np.take_along_axis(solution.power, best, axis=-2), solution.iterations)


def best_of_random_starts(
    solver: PowerSolver,
    crosstalk: Crosstalk,
    weights: FloatArray,
    noise_power: FloatArray,
    max_power: FloatArray,
    stopping: Stopping,
    *,
    starts: int = 100,
    seed: int = 0,
    law: Law = "amplitude",
) -> ScalarSolution:
    """`best_of_starts` from ``starts`` draws of `random_power`, the same ones for the same seed.

    Args:
        solver: The algorithm.
        crosstalk: The gains.
        weights: ``[..., 1, K]`` rate weights.
        noise_power: ``[..., 1, K]`` noise powers, positive.
        max_power: ``[..., 1, K]`` budgets.
        stopping: When the solver ends.
        starts: S, how many starts an instance.
        seed: Of the draws.
        law: Of the draws.
    """
    start = random_power(max_power, starts, np.random.default_rng(seed), law)
    return best_of_starts(solver, crosstalk, weights, noise_power, max_power, start, stopping)
