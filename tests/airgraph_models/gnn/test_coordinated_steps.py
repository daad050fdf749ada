"""The unrolled network for several cells: the equations, the symmetries, every budget, and equal exports."""

import numpy as np
import pytest
import torch
from exported import assert_forms_agree
from hypothesis import given, settings
from hypothesis import strategies as st

from airgraph_models.gnn.coordinated_steps import CoordinatedSteps, CoordinatedStepsArchitecture
from airgraph_training.losses import coordinated_objective

CELLS, ANTENNAS, USERS = 3, 4, 2
SIZES = CoordinatedStepsArchitecture(layers=3, state=4, hidden=6)


def channels(batch, cells=CELLS, users=USERS, antennas=ANTENNAS, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, cells, users, cells, antennas, 2)
    return (2.0 * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype)


def random_network(dtype=torch.float64):
    """Weights near the first ones, those that start at zero among them."""
    torch.manual_seed(1)
    network = CoordinatedSteps(SIZES).to(dtype)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network.eval()


def complex_precoders(network, channel):
    return torch.view_as_complex(network(channel).detach().contiguous()).numpy()


class ByHand:
    """One instance, user by user, in numpy: ``row[m]`` are a transmitter's channels to the users of all cells."""

    def __init__(self, channel):
        self.cells, self.users = channel.shape[:2]
        self.rows = np.moveaxis(channel, 2, 0).reshape(self.cells, self.cells * self.users, -1)
        self.everyone = range(self.cells * self.users)
        self.x = np.zeros((self.cells, self.cells * self.users, self.users), complex)
        for k in self.everyone:
            self.x[k // self.users, k, k % self.users] = 1 / np.linalg.norm(self.rows[k // self.users, k])
        self.momentum = np.zeros_like(self.x)
        self.scale()

    def precoders(self):
        return np.stack([self.rows[m].conj().T @ self.x[m] for m in range(self.cells)])

    def scale(self):
        norm = np.sqrt((np.abs(self.precoders()) ** 2).sum(axis=(1, 2), keepdims=True))
        self.x, self.momentum = self.x / norm, self.momentum / norm

    def step(self, layer, state):
        """The next state ``[U, S]``; X and P move on."""
        beams, home = self.precoders(), [k // self.users for k in self.everyone]
        heard = np.array(
            [[self.rows[home[i], k] @ beams[home[i], :, i % self.users] for i in self.everyone] for k in self.everyone]
        )
        power = np.abs(heard) ** 2
        own = power.diagonal()
        noise = 1 + power.sum(axis=1) - own
        weight = own / (noise * (own + noise))
        price = weight @ power + layer.floor
        spent = [np.linalg.norm(beams[home[k], :, k % self.users]) ** 2 for k in self.everyone]
        reach = (np.abs(self.rows) ** 2).sum(axis=2)
        hidden, out = ([p.detach().numpy() for p in part.parameters()] for part in (layer.hidden, layer.update))
        after, gates = np.zeros_like(state), []
        for k in self.everyone:
            mates = [i for i in self.everyone if home[i] == home[k]]
            logs = np.log(
                [own[k] + layer.floor, noise[k], price[k], spent[k] + layer.floor, reach[home[k], k] + layer.floor]
            )
            hears = sum(power[k, i] / (own[k] + noise[k]) * state[i] for i in self.everyone)
            paid = sum(weight[i] * power[i, k] / price[k] * state[i] for i in self.everyone)
            means = [state[mates].mean(axis=0), state.mean(axis=0)]
            known = np.concatenate([logs, [np.log(1 + own[k] / noise[k])], state[k], hears, paid, *means])
            found = out[0] @ np.maximum(hidden[0] @ known + hidden[1], 0) + out[1]
            after[k] = state[k] + found[: state.shape[1]]
            gates.append(found[state.shape[1] :])
        for m in range(self.cells):
            z = np.zeros_like(self.x[m])
            for j in self.everyone:
                for k in range(self.users):
                    i = m * self.users + k
                    z[j, k] = -np.exp(gates[j][1]) * weight[j] * heard[j, i]
                    if i == j:
                        z[j, k] += np.exp(gates[j][0]) * heard[j, j] / noise[j]
            mu = np.real(np.trace(heard[:, m * self.users : (m + 1) * self.users].conj().T @ z))
            mu = max(mu, layer.floor)
            for j in self.everyone:
                curb = mu + np.exp(gates[j][1]) * weight[j] * reach[m, j]
                for k in range(self.users):
                    i = m * self.users + k
                    length = np.exp(gates[i][3] + gates[j][4 if home[j] == m else 5]) / curb
                    self.momentum[m, j, k] = gates[i][2] * self.momentum[m, j, k] + length * (
                        z[j, k] - mu * self.x[m, j, k]
                    )
                    self.x[m, j, k] = 2 / (1 + np.exp(-gates[i][6])) * self.x[m, j, k] + self.momentum[m, j, k]
        self.scale()
        return after


@pytest.mark.parametrize(("cells", "users", "antennas"), [(3, 2, 2), (2, 1, 3), (1, 3, 2)])
def test_the_network_is_its_equations_user_by_user(cells, users, antennas):
    network = random_network()
    channel = channels(2, cells, users, antennas)
    wanted = []
    for one in torch.view_as_complex(channel).numpy():
        by_hand = ByHand(one)
        state = np.zeros((cells * users, SIZES.state))
        for layer in network.layers:
            state = by_hand.step(layer, state)
        wanted.append(by_hand.precoders())
    np.testing.assert_allclose(complex_precoders(network, channel), np.stack(wanted), rtol=0, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), cells=st.integers(1, 4), users=st.integers(1, 3), antennas=st.integers(1, 4))
def test_renumbering_cells_and_in_each_its_users_and_antennas_renumbers_the_beams(seed, cells, users, antennas):
    network = random_network()
    channel = channels(2, cells, users, antennas, seed)
    generator = torch.Generator().manual_seed(seed)
    cell = torch.randperm(cells, generator=generator)
    user = torch.stack([torch.randperm(users, generator=generator) for _ in range(cells)])
    antenna = torch.stack([torch.randperm(antennas, generator=generator) for _ in range(cells)])
    # Cell m of the renumbered instance is cell[m], whose user k is user[m, k] and antenna n is antenna[m, n].
    seen = channel[:, cell[:, None, None, None], user[:, :, None, None], cell[:, None], antenna]
    wanted = network(channel)[:, cell[:, None, None], antenna[:, :, None], user[:, None]]
    torch.testing.assert_close(network(seen), wanted, rtol=0, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 99), cells=st.integers(1, 3), users=st.integers(1, 3), antennas=st.integers(1, 4))
def test_turned_antennas_turn_the_beams_and_phases_of_users_change_no_rate(seed, cells, users, antennas):
    network = random_network()
    channel = torch.view_as_complex(channels(2, cells, users, antennas, seed))
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(cells, antennas, antennas, dtype=torch.complex128, generator=generator)
    turn = torch.linalg.qr(drawn)[0]
    phase = torch.exp(2j * torch.pi * torch.rand(2, cells, users, dtype=torch.float64, generator=generator))
    seen = phase[..., None, None] * torch.einsum("bmkjn,jnl->bmkjl", channel, turn)
    answer = torch.view_as_complex(network(torch.view_as_real(channel)))
    wanted = torch.einsum("jnl,bjnk->bjlk", turn.conj(), answer) * phase.conj()[:, :, None]
    found = torch.view_as_complex(network(torch.view_as_real(seen)))
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)


def test_every_transmitter_uses_its_budget_after_every_layer_and_an_instance_is_answered_as_it_is_alone():
    network = random_network()
    channel = channels(4)
    by_layer = network.after_each_layer(channel)
    assert len(by_layer) == SIZES.layers
    assert torch.equal(by_layer[-1], network(channel))
    for answer in by_layer:
        assert answer.shape == (4, CELLS, ANTENNAS, USERS, 2)
        torch.testing.assert_close(answer.square().sum(dim=(2, 3, 4)), torch.ones(4, CELLS, dtype=torch.float64))
    for one in range(4):
        torch.testing.assert_close(network(channel[one : one + 1])[0], by_layer[-1][one], rtol=0, atol=1e-12)


def test_first_weights_climb_from_matched_filters():
    channel = channels(8)
    rates = [coordinated_objective(answer, channel) for answer in CoordinatedSteps().double().after_each_layer(channel)]
    real, imag = (torch.stack([channel[:, m, :, m, :, part] for m in range(CELLS)], dim=1) for part in (0, 1))
    matched = torch.stack([real, -imag], dim=-1).transpose(2, 3)
    matched = matched / matched.square().sum(dim=(2, 4), keepdim=True).sqrt() / USERS**0.5
    assert (rates[0] > coordinated_objective(matched, channel)).all()
    assert (rates[3] > rates[0]).all()


def test_users_differ_and_every_weight_has_a_finite_gradient():
    network = random_network()
    channel = channels(4)
    channel[0, 1, 0] = 0.0
    channel[1] = 0.0
    precoder = network(channel)
    assert torch.isfinite(precoder).all()
    assert precoder[2:].std(dim=3).min() > 1e-4
    (precoder * torch.randn_like(precoder)).sum().backward()
    for parameter in network.parameters():
        assert torch.isfinite(parameter.grad).all()
        assert parameter.grad.abs().max() > 0


def test_eager_torchscript_and_onnx_agree_at_other_sizes_than_the_exported():
    network = random_network(torch.float32)
    others = [channels(*size, dtype=torch.float32) for size in ((1, 2, 3, 6), (3, 3, 1, 2), (2, 1, 2, 3))]
    assert_forms_agree(network, channels(2, dtype=torch.float32), "BMKJN", others)
