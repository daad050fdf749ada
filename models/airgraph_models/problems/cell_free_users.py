"""What a network sees of a cell-free instance: the linear couplings between its users, on a common scale.

F and u may be scaled together without moving the optimum: they are divided by the mean load at full power.
"""

from __future__ import annotations

import numpy as np

from airgraph_models.problems.cell_free_instance import CellFree
from airgraph_models.problems.gram_blocks import DenseUsers

SMALLEST, LARGEST = 1e-30, 1e30
"""What single precision holds."""


def cell_free_users(instance: CellFree) -> DenseUsers:
    """Users with noise u and own coupling F_kk; pairs with F, victim first."""
    coupling = instance.coupling
    scale = (coupling.matrix.sum(axis=1) + coupling.noise).mean()
    matrix = np.clip(coupling.matrix / scale, 0.0, LARGEST).astype(np.float32)
    noise = np.clip(coupling.noise / scale, SMALLEST, LARGEST).astype(np.float32)
    user = np.stack([noise, matrix.diagonal()], axis=-1)
    pair = matrix[..., None].copy()
    users = np.arange(instance.size)
    pair[users, users] = 0.0
    return DenseUsers(user, pair)


def cell_free_statistics(graph: DenseUsers) -> dict[str, float]:
    """What is compared with a model's training domain, in natural logarithms.

    The mean and the standard deviation over the users of the interference over the noise at full power, and the
    standard deviation of the noise.
    """
    noise = np.log(graph.user[:, 0].astype(np.float64))
    heard = graph.user[:, 1].astype(np.float64) + graph.pair[..., 0].sum(axis=1, dtype=np.float64)
    ratio = np.log(np.maximum(heard, SMALLEST)) - noise
    return {
        "interference_over_noise": float(ratio.mean()),
        "interference_spread": float(ratio.std()),
        "noise_spread": float(noise.std()),
    }
