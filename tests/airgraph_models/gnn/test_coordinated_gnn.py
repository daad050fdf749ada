"""Networks for several cells: the equations, the symmetries, every transmitter's budget, and equal exports."""

import numpy as np
import pytest
import torch
from exported import assert_forms_agree
from hypothesis import given, settings
from hypothesis import strategies as st

from airgraph_models.gnn.coordinated_gnn import CoordinatedGNN, CoordinatedGNNArchitecture
from airgraph_models.gnn.model_gnn import ModelGNN, ModelGNNArchitecture

CELLS, ANTENNAS, USERS = 3, 4, 2
ARCHITECTURES = {
    "model-gnn of the paper": CoordinatedGNNArchitecture(),
    "model-gnn, small": CoordinatedGNNArchitecture((4, 2)),
    "model-gnn with gates": CoordinatedGNNArchitecture((6, 4, 4), gates=5),
    "vanilla-gnn": CoordinatedGNNArchitecture((6, 4), model=False),
}


def channels(batch, cells=CELLS, users=USERS, antennas=ANTENNAS, seed=0, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, cells, users, cells, antennas, 2)
    return (2.0 * torch.randn(shape, generator=generator, dtype=torch.float64)).to(dtype)


def random_network(name, dtype=torch.float64):
    """Weights near the first ones, those that start at zero among them."""
    torch.manual_seed(1)
    network = CoordinatedGNN(ARCHITECTURES[name]).to(dtype)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    network.standardise(channels(20, seed=9, dtype=dtype))
    return network.eval()


@pytest.fixture(params=list(ARCHITECTURES))
def network(request):
    return random_network(request.param)


def parts(vector):
    return np.concatenate([vector.real, vector.imag])


def joined(vector):
    half = len(vector) // 2
    return vector[:half] + 1j * vector[half:]


class ByHand:
    """One instance, edge by edge: ``edges[j, n, m, k]`` from antenna n of transmitter j to user k of cell m."""

    def __init__(self, network, channel):
        self.cells, self.users, _, self.antennas = channel.shape
        self.channel = channel / (float(network.rms) * np.sqrt(self.antennas))
        self.kept = {}
        self.everyone = [(m, k) for m in range(self.cells) for k in range(self.users)]
        self.edges = {
            (j, n, m, k): np.array([self.channel[m, k, j, n].conj()])
            for j in range(self.cells)
            for n in range(self.antennas)
            for m, k in self.everyone
        }

    def heard(self, edges, j, listener, stream):
        return sum(self.channel[(*listener, j, n)] * edges[(j, n, *stream)] for n in range(self.antennas))

    def gates(self, gates):
        beam = {(r, i): np.abs(self.heard(self.edges, i[0], r, i)) ** 2 for r in self.everyone for i in self.everyone}
        weights = [w.detach().numpy() for w in gates.perceptron.parameters()]
        opened = {}
        for k in self.everyone:
            others = [i for i in self.everyone if i != k]
            seen = [beam[k, k], sum(beam[k, i] for i in others), sum(beam[i, k] for i in others)]
            hidden = np.maximum(weights[0] @ np.log(np.concatenate(seen) + gates.floor) + weights[1], 0)
            opened[k] = 2 / (1 + np.exp(-(weights[2] @ hidden + weights[3])))
        return opened

    def layer(self, layer, model):
        edges = self.edges
        if model and layer.gates is not None:
            opened = self.gates(layer.gates)
            self.kept = {k: self.kept.get(k, 1.0) * gates.mean() for k, gates in opened.items()}
            edges = {(j, n, m, k): opened[m, k] * edge for (j, n, m, k), edge in edges.items()}
        second = {}
        for (j, n, m, k), _ in edges.items():
            weighted = [self.heard(edges, j, i, (m, k)) * edges[(j, n, *i)] for i in self.everyone]
            second[j, n, m, k] = sum(weighted)
        both = {e: np.concatenate([parts(edges[e]), parts(second[e])]) if model else parts(edges[e]) for e in edges}
        after = {}
        for j, n, m, k in edges:
            update = layer.intra if j == m else getattr(layer, "inter", None)
            if update is None:
                continue
            own, p, q = (w.detach().numpy() for w in (update.own, update.over_antennas, update.over_users))
            columns = {
                cell: sum(parts(edges[cell, i, m, k]) for i in range(self.antennas)) for cell in range(self.cells)
            }
            rows = {cell: sum(both[j, n, cell, i] for i in range(self.users)) for cell in range(self.cells)}
            kinds = [[j], [cell for cell in range(self.cells) if cell != j]]
            places = [[m], [cell for cell in range(self.cells) if cell != m]]
            if j != m:
                third = [cell for cell in range(self.cells) if cell not in (j, m)]
                kinds, places = [[j], [m], third], [[m], [j], third]
            groups = [
                np.concatenate([sum((sums[cell] for cell in some), np.zeros_like(sums[0])) for some in chosen])
                for sums, chosen in ((columns, kinds), (rows, places))
            ]
            after[j, n, m, k] = joined(own @ both[j, n, m, k] + p @ groups[0] + q @ groups[1])
        self.edges = after

    def activate(self, relu):
        edges = {e: joined(np.maximum(parts(v), 0)) for e, v in self.edges.items()} if relu else self.edges
        for (j, n, m, k), edge in edges.items():
            column = [edges[j, i, m, k] for i in range(self.antennas)]
            norm = np.sqrt(sum((np.abs(v) ** 2).sum() for v in column))
            self.edges = {**self.edges, (j, n, m, k): self.kept.get((m, k), 1.0) * edge / norm * np.sqrt(len(edge))}

    def precoders(self):
        shape = (self.cells, self.antennas, self.users)
        beams = np.array(
            [[[self.edges[m, n, m, k][0] for k in range(shape[2])] for n in range(shape[1])] for m in range(shape[0])]
        )
        return beams / np.sqrt((np.abs(beams) ** 2).sum(axis=(1, 2), keepdims=True))


def by_hand(network, channel):
    state = ByHand(network, channel)
    for layer in network.layers:
        state.layer(layer, network.model)
        state.activate(not network.model)
    state.layer(network.last, network.model)
    return state.precoders()


@pytest.mark.parametrize("name", [name for name in ARCHITECTURES if "paper" not in name])
@pytest.mark.parametrize(("cells", "users", "antennas"), [(3, 2, 2), (2, 1, 3), (1, 3, 2)])
def test_the_network_is_its_equations_edge_by_edge(name, cells, users, antennas):
    network = random_network(name)
    channel = channels(2, cells, users, antennas)
    wanted = np.stack([by_hand(network, one) for one in torch.view_as_complex(channel).numpy()])
    answer = torch.view_as_complex(network(channel).detach().contiguous()).numpy()
    np.testing.assert_allclose(answer, wanted, rtol=0, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(
    name=st.sampled_from(list(ARCHITECTURES)),
    seed=st.integers(0, 99),
    cells=st.integers(1, 4),
    users=st.integers(1, 3),
    antennas=st.integers(1, 4),
)
def test_renumbering_cells_and_in_each_its_users_and_antennas_renumbers_the_beams(name, seed, cells, users, antennas):
    network = random_network(name)
    channel = channels(2, cells, users, antennas, seed)
    generator = torch.Generator().manual_seed(seed)
    cell = torch.randperm(cells, generator=generator)
    user = torch.stack([torch.randperm(users, generator=generator) for _ in range(cells)])
    antenna = torch.stack([torch.randperm(antennas, generator=generator) for _ in range(cells)])
    # Cell m of the renumbered instance is cell[m], whose user k is user[m, k] and antenna n is antenna[m, n].
    seen = channel[:, cell[:, None, None, None], user[:, :, None, None], cell[:, None], antenna]
    wanted = network(channel)[:, cell[:, None, None], antenna[:, :, None], user[:, None]]
    torch.testing.assert_close(network(seen), wanted, rtol=0, atol=1e-9)


def test_every_transmitter_uses_its_budget_and_an_instance_is_answered_as_it_is_alone(network):
    channel = channels(4)
    together = network(channel)
    assert together.shape == (4, CELLS, ANTENNAS, USERS, 2)
    torch.testing.assert_close(together.square().sum(dim=(2, 3, 4)), torch.ones(4, CELLS, dtype=torch.float64))
    for one in range(4):
        torch.testing.assert_close(network(channel[one : one + 1])[0], together[one], rtol=0, atol=1e-12)


def test_users_differ_and_every_weight_has_a_finite_gradient(network):
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


def test_other_cells_matter_and_only_gates_carry_it_beyond_a_transmitters_own_channels():
    channel = channels(1)
    elsewhere = channel.clone()
    # Between transmitter 1 and the users of cell 2: nothing that transmitter 0 sees, and sums over antennas stay.
    elsewhere[0, 2, :, 1] = elsewhere[0, 2, :, 1].flip(1)
    for name, moves in (("model-gnn of the paper", False), ("model-gnn with gates", True)):
        network = random_network(name)
        with torch.no_grad():
            for layer in (*network.layers, network.last):
                for update in (layer.intra, getattr(layer, "inter", layer.intra)):
                    update.over_antennas.zero_()
        moved = (network(elsewhere)[0, 0] - network(channel)[0, 0]).abs().max()
        assert bool(moved > 1e-6) == moves
        assert (network(elsewhere)[0, 1] - network(channel)[0, 1]).abs().max() > 1e-3


def test_one_cell_is_the_model_gnn():
    single = ModelGNN(ModelGNNArchitecture((6, 4))).double()
    several = CoordinatedGNN(CoordinatedGNNArchitecture((6, 4))).double()
    with torch.no_grad():
        for layer, other in zip(single.layers, (*several.layers, several.last), strict=True):
            for name, own in layer.named_parameters():
                own.add_(0.1 * torch.randn_like(own))
                wanted = getattr(other.intra, name)
                wanted[:, : own.shape[1]] = own
    channel = channels(2, cells=1, users=3)
    several.rms.fill_(2.0)
    single.rms.fill_(2.0)
    torch.testing.assert_close(several(channel)[:, 0], single(channel[:, 0, :, 0]))


@pytest.mark.parametrize("name", list(ARCHITECTURES))
def test_eager_torchscript_and_onnx_agree_at_other_sizes_than_the_exported(name):
    network = random_network(name, torch.float32)
    others = [channels(*size, dtype=torch.float32) for size in ((1, 2, 3, 6), (3, 3, 1, 2), (2, 1, 2, 3))]
    assert_forms_agree(network, channels(2, dtype=torch.float32), "BMKJN", others)
