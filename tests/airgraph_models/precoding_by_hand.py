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


def normed(state, users, antennas):
    """Each user's features over their norm, times the root of the number of complex channels."""
    after = {}
    for k in range(users):
        norm = np.sqrt(sum((state[n, k] ** 2).sum() for n in range(antennas)))
        for n in range(antennas):
            after[n, k] = state[n, k] / norm * np.sqrt(len(state[n, k]) / 2)
    return after


def first_features(channel, rms):
    users, antennas = channel.shape
    scaled = channel / (float(rms) * np.sqrt(antennas))
    return {(n, k): parts(np.array([scaled[k, n].conj()])) for n in range(antennas) for k in range(users)}


def pooled(pooling, values, everyone, width):
    if pooling == "max":
        return np.max(values, axis=0) if values else np.zeros(width)
    return sum(values, np.zeros(width)) / (everyone if pooling == "mean" else 1)


def vanilla_layers_by_hand(body, channel):
    """(4) of paper 004, edge by edge: features of the last layer."""
    users, antennas = channel.shape
    state = first_features(channel, body.rms)
    for number, layer in enumerate(body.layers):
        s, p, q = (w.detach().numpy() for w in (layer.own, layer.over_antennas, layer.over_users))
        after = {}
        for n, k in state:
            by_antenna = [p @ state[i, k] for i in range(antennas) if i != n]
            by_user = [q @ state[n, j] for j in range(users) if j != k]
            after[n, k] = (
                s @ state[n, k]
                + pooled(layer.pooling, by_antenna, antennas, len(s))
                + pooled(layer.pooling, by_user, users, len(s))
            )
        if number < body.last:
            if body.relu:
                after = {edge: np.maximum(value, 0) for edge, value in after.items()}
            after = normed(after, users, antennas)
        state = after
    return state


def as_matrix(state, users, antennas):
    return np.array([[joined(state[n, k])[0] for k in range(users)] for n in range(antennas)])


def vanilla_gnn_by_hand(network, channel):
    """(4) and (7) of paper 004."""
    return budgeted(as_matrix(vanilla_layers_by_hand(network.body, channel), *channel.shape))


def shared_perceptron(module, vectors):
    """``vectors`` by antenna through two shared layers."""
    for number, layer in enumerate((module.first, module.second)):
        w, b, u = (x.detach().numpy() for x in (layer.own.weight, layer.own.bias, layer.mean.weight))
        mean = sum(vectors) / len(vectors)
        vectors = [w @ x + u @ mean + b for x in vectors]
        if number == 0:
            vectors = [np.maximum(x, 0) for x in vectors]
    return vectors


def vanilla_gnn_fc_by_hand(network, channel):
    """(10) of paper 004, user by user."""
    users, antennas = channel.shape
    matched = first_features(channel, network.rms)
    state = matched
    for processing, combination in zip(network.processing, network.combination, strict=True):
        known = {k: [np.concatenate([matched[n, k], state[n, k]]) for n in range(antennas)] for k in range(users)}
        sent = {k: shared_perceptron(processing, known[k]) for k in range(users)}
        after = {}
        for k in range(users):
            others = [
                sum((sent[j][n] for j in range(users) if j != k), np.zeros_like(sent[0][0])) for n in range(antennas)
            ]
            found = shared_perceptron(
                combination, [np.concatenate(pair) for pair in zip(known[k], others, strict=True)]
            )
            after.update({(n, k): found[n] for n in range(antennas)})
        state = normed(after, users, antennas)
    return budgeted(as_matrix(state, users, antennas))


def softmax(values):
    grown = np.exp(values - values.max())
    return grown / grown.sum()


def structured_gnn_by_hand(network, channel):
    """(2) of paper 004 with an exact inverse over the antennas and the powers that the Vanilla-GNN gives."""
    users, antennas = channel.shape
    state = vanilla_layers_by_hand(network.body, channel)
    logits = np.array([sum(state[n, k] for n in range(antennas)) / antennas for k in range(users)])
    virtual, power = softmax(logits[:, 0]), softmax(logits[:, 1])
    leakage = np.eye(antennas, dtype=complex)
    for j in range(users):
        leakage += virtual[j] * np.outer(channel[j].conj(), channel[j])
    columns = []
    for k in range(users):
        direction = np.linalg.inv(leakage) @ channel[k].conj()
        columns.append(np.sqrt(power[k]) * direction / np.linalg.norm(direction))
    return budgeted(np.array(columns).T)


def unfolded_precoding_by_hand(network, channel):
    """The docstring of `UnfoldedPrecoding` in complex numbers, user by user."""
    users = len(channel)
    gram = channel @ channel.conj().T
    x = np.eye(users, dtype=complex)
    for layer in network.layers:
        heard = gram @ x
        spent = np.trace(x.conj().T @ gram @ x).real
        u, w = np.zeros(users, complex), np.zeros(users)
        for k in range(users):
            total = sum(abs(heard[k, i]) ** 2 for i in range(users)) + spent
            rest = total - abs(heard[k, k]) ** 2
            u[k] = heard[k, k] / total
            w[k] = np.exp(layer.log_offset.item()) + abs(heard[k, k]) ** 2 / rest
        price = np.exp(layer.log_price.item()) * sum(w * np.abs(u) ** 2)
        c = np.diag(np.sqrt(w) * u)
        inner = price * np.eye(users) + c.conj().T @ gram @ c
        inverse = layer.scale.item() * np.diag(1 / np.diag(inner))
        for first, second in layer.taylor.detach().numpy():
            inverse = first * inverse + second * inverse @ inner @ inverse
        x = c @ inverse @ np.diag(np.sqrt(w))
    return budgeted(channel.conj().T @ x)
