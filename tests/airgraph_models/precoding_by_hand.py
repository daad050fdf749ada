"""The papers' precoding networks, one edge at a time, in double precision: what the fast ones are held against."""

import numpy as np


def budgeted(precoder):
    return precoder / np.sqrt((np.abs(precoder) ** 2).sum())


def parts(vector):
    """A complex vector as real parts, then imaginary parts."""
    return np.concatenate([vector.real, vector.imag])


def joined(vector):
    half = len(vector) // 2
    return vector[:half] + 1j * vector[half:]


def model_gnn_by_hand(network, channel):
    """(12)-(15) of paper 004 without the term (c), for one ``channel [K, N]``."""
    users, antennas = channel.shape
    scaled = channel / (float(network.rms) * np.sqrt(antennas))
    state = {(n, k): np.array([scaled[k, n].conj()]) for n in range(antennas) for k in range(users)}
    for number, layer in enumerate(network.layers):
        inputs = 2 * len(state[0, 0])
        own, p0, q = (w.detach().numpy() for w in (layer.own, layer.over_antennas, layer.over_users))
        s0, s1, q0, q1 = own[:, :inputs], own[:, inputs:], q[:, :inputs], q[:, inputs:]
        a = {
            (j, k): sum(scaled[j, n] * state[n, k] for n in range(antennas)) for j in range(users) for k in range(users)
        }
        second = {(n, k): sum(a[j, k] * state[n, j] for j in range(users)) for n, k in state}
        after = {}
        for n, k in state:
            after[n, k] = joined(
                s0 @ parts(state[n, k])
                + s1 @ parts(second[n, k])
                + p0 @ sum(parts(state[i, k]) for i in range(antennas))
                + q0 @ sum(parts(state[n, j]) for j in range(users))
                + q1 @ sum(parts(second[n, j]) for j in range(users))
            )
        if number < network.last:
            for k in range(users):
                norm = np.sqrt(sum((np.abs(after[n, k]) ** 2).sum() for n in range(antennas)))
                for n in range(antennas):
                    after[n, k] = after[n, k] / norm * np.sqrt(len(after[n, k]))
        state = after
    return budgeted(np.array([[state[n, k][0] for k in range(users)] for n in range(antennas)]))
