"""Multi-antenna WMMSE as a plain loop over the users: the yardstick for the vectorised one.

The same algorithm, one user at a time, as it is usually written: sums over the other users are array operations,
then a linear solve for each user, and a bisection in the eigenbasis where the budget is exceeded.
"""

import numpy as np


def beamforming_wmmse_loop(channel, noise_power, max_power, beams, iterations):
    """WMMSE on ``channel [K, K, N]`` from feasible ``beams [K, N]``."""
    users = len(channel)
    beams = beams.copy()
    for _ in range(iterations):
        receiver = np.zeros(users, complex)
        weight = np.zeros(users)
        for k in range(users):
            heard = (channel[k] * beams).sum(axis=-1)
            total = (np.abs(heard) ** 2).sum() + noise_power[k]
            receiver[k] = heard[k] / total
            weight[k] = 1 / (1 - abs(heard[k]) ** 2 / total)
        for k in range(users):
            price = weight * np.abs(receiver) ** 2
            leakage = (channel[:, k].conj().T * price) @ channel[:, k]
            target = weight[k] * receiver[k] * channel[k, k].conj()
            beams[k] = _budgeted(leakage, target, max_power[k])
    return beams


def _budgeted(leakage, target, budget):
    values, vectors = np.linalg.eigh(leakage)
    inside = np.abs(vectors.conj().T @ target) ** 2

    def power(mu):
        return (inside / (values + mu) ** 2).sum()

    mu = 0.0
    if values.min() <= 1e-12 * values.max() or power(0.0) > budget:
        low, high = 0.0, np.sqrt(inside.sum() / budget)
        while high - low > 1e-9 * high:
            middle = (low + high) / 2
            low, high = (middle, high) if power(middle) > budget else (low, middle)
        mu = high
    return np.linalg.solve(leakage + mu * np.eye(len(target)), target)
