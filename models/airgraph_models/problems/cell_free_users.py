"""What a network sees of a cell-free instance: the linear couplings between its users, on a common scale.

F and u may be scaled together without moving the optimum: they are divided by the mean load at full power.
"""

from __future__ import annotations

import math

import numpy as np

from airgraph_models.problems.cell_free_instance import CellFree
from airgraph_models.problems.gram_blocks import DenseUsers
from airgraph_models.problems.validation import FloatArray

SMALLEST, LARGEST = 1e-30, 1e30
"""What single precision holds."""


def cell_free_users(instance: CellFree) -> DenseUsers:
    """Users with noise u and own coupling F_kk; pairs with F, victim first."""
    coupling, users = instance.coupling, instance.size
    scale = (coupling.matrix.sum() + coupling.noise.sum()) / users
    matrix = np.minimum(coupling.matrix / scale, LARGEST).astype(np.float32)
    user = np.empty((users, 2), np.float32)
    user[:, 0] = np.minimum(np.maximum(coupling.noise / scale, SMALLEST), LARGEST)
    user[:, 1] = matrix.diagonal()
    matrix.reshape(-1)[:: users + 1] = 0.0
    return DenseUsers(user, matrix[..., None])


def cell_free_statistics(graph: DenseUsers) -> dict[str, float]:
    """What is compared with a model's training domain, in natural logarithms.

    The mean and the standard deviation over the users of the interference over the noise at full power, and the
    standard deviation of the noise.
    """
    noise = np.log(graph.user[:, 0].astype(np.float64))
    heard = graph.user[:, 1] + graph.pair[..., 0].sum(axis=1, dtype=np.float64)
    ratio = np.log(np.maximum(heard, SMALLEST)) - noise
    mean, spread = _mean_and_spread(ratio)
    return {
        "interference_over_noise": mean,
        "interference_spread": spread,
        "noise_spread": _mean_and_spread(noise)[1],
    }


def _mean_and_spread(values: FloatArray) -> tuple[float, float]:
    """Of few values: numpy's own standard deviation costs five times as much."""
    mean = values.sum() / len(values)
    apart = values - mean
    return float(mean), math.sqrt(apart @ apart / len(values))
