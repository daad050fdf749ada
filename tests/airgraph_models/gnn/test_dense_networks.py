"""What every network over dense channel matrices has to show."""

import io
import warnings

import numpy as np
import onnxruntime as ort
import pytest
import torch

from airgraph_models.gnn.ecgnn import ECGNN, ECGNNArchitecture
from airgraph_models.gnn.pcgnn import PCGNN, PCGNNArchitecture
from airgraph_models.gnn.power_mlp import PowerMLP, PowerMLPArchitecture
from airgraph_models.gnn.uwgnn import UWGNN, UWGNNArchitecture
from airgraph_models.gnn.uwmmse import UWMMSE, UWMMSEArchitecture

PAIRS = 6
GRAPH_NETWORKS = {
    "ecgnn": ECGNN,
    "ecgnn as in (12)": lambda: ECGNN(ECGNNArchitecture(both_directions=False, batch_norm=False)),
    "pcgnn": PCGNN,
    "pcgnn as in (21)": lambda: PCGNN(PCGNNArchitecture(skip=False, batch_norm=False, transform="log")),
    "uwgnn": UWGNN,
    "uwgnn in decibels": lambda: UWGNN(UWGNNArchitecture(layers=1, transform="log")),
    "uwmmse": UWMMSE,
    "uwmmse of one layer": lambda: UWMMSE(UWMMSEArchitecture(layers=1, transform="gain")),
}
NETWORKS = {
    **GRAPH_NETWORKS,
    "mlp": lambda: PowerMLP(PowerMLPArchitecture(PAIRS, hidden=(40, 30))),
    "weighted mlp": lambda: PowerMLP(PowerMLPArchitecture(PAIRS, hidden=(40,), weighted=True, batch_norm=False)),
}


def problems(batch, pairs, snr_db=10.0, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    gain = torch.empty(batch, pairs, pairs, dtype=dtype).exponential_(generator=generator)
    return gain * 10 ** (snr_db / 10), torch.rand(batch, pairs, generator=generator, dtype=dtype)


def trained(build, dtype=torch.float32):
    """A network whose statistics and batch normalisation have seen instances."""
    torch.manual_seed(0)
    network = build().to(dtype)
    snr, weights = problems(50, PAIRS, seed=1, dtype=dtype)
    network.inputs.standardise(snr)
    network.train()(snr, weights)
    return network.eval()


@pytest.fixture(params=NETWORKS.values(), ids=NETWORKS)
def build(request):
    return request.param


@pytest.fixture(params=GRAPH_NETWORKS.values(), ids=GRAPH_NETWORKS)
def build_graph_network(request):
    return request.param


def test_renumbering_the_pairs_renumbers_the_powers(build_graph_network):
    network = trained(build_graph_network, torch.float64)
    snr, weights = problems(3, 9, dtype=torch.float64)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(0))
    power = network(snr, weights)
    assert power.std(dim=1).min() > 1e-4
    torch.testing.assert_close(
        network(snr[:, order][:, :, order], weights[:, order]), power[:, order], rtol=0, atol=1e-12
    )


def test_an_mlp_knows_nothing_of_that():
    network = trained(NETWORKS["mlp"])
    snr, weights = problems(3, PAIRS)
    order = torch.arange(PAIRS).flip(0)
    assert (network(snr[:, order][:, :, order], weights[:, order]) - network(snr, weights)[:, order]).abs().max() > 1e-3


def test_an_instance_gets_its_answer_alone_in_any_batch(build):
    network = trained(build)
    snr, weights = problems(5, PAIRS)
    together = network(snr, weights)
    assert together.shape == (5, PAIRS)
    for one in range(5):
        torch.testing.assert_close(network(snr[one : one + 1], weights[one : one + 1])[0], together[one])


@pytest.mark.parametrize("snr_db", [-40.0, 0.0, 60.0])
def test_answers_and_gradients_are_finite_and_powers_within_the_budget(build, snr_db):
    network = trained(build)
    snr, weights = problems(4, PAIRS, snr_db)
    snr[0] = 0.0
    snr[1, 2] = 0.0
    weights[2] = 0.0
    network.train()
    power = network(snr, weights)
    assert ((power >= 0) & (power <= 1)).all()
    power.sum().backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    assert all(gradient is not None and torch.isfinite(gradient).all() for gradient in gradients)


def test_one_pair_and_two(build_graph_network):
    network = trained(build_graph_network)
    for pairs in (1, 2):
        power = network(*problems(3, pairs))
        assert power.shape == (3, pairs)
        assert ((power >= 0) & (power <= 1)).all()


def exported(network, pairs, dynamic_pairs):
    """The network as a TorchScript module and as an ONNX session, both after a round through bytes."""
    script, model = io.BytesIO(), io.BytesIO()
    axes = {0: "B", 1: "K"} if dynamic_pairs else {0: "B"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.jit.save(torch.jit.freeze(torch.jit.script(network)), script)
        torch.onnx.export(
            network,
            problems(2, pairs),
            model,
            input_names=["snr", "weights"],
            output_names=["power"],
            dynamic_axes={"snr": axes | ({2: "K"} if dynamic_pairs else {}), "weights": axes, "power": axes},
            opset_version=18,
            dynamo=False,
        )
        script.seek(0)
        loaded = torch.jit.load(script)
    return loaded, ort.InferenceSession(model.getvalue(), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("name", NETWORKS)
def test_eager_torchscript_and_onnx_agree_at_other_sizes_than_the_exported(name):
    network = trained(NETWORKS[name])
    dynamic_pairs = name in GRAPH_NETWORKS
    script, session = exported(network, PAIRS, dynamic_pairs)
    for batch, pairs in ((1, 13), (7, 3), (2, 1)) if dynamic_pairs else ((1, PAIRS), (7, PAIRS)):
        snr, weights = problems(batch, pairs, seed=pairs)
        eager = network(snr, weights).detach()
        torch.testing.assert_close(script(snr, weights), eager, rtol=0, atol=1e-5)
        feed = {"snr": snr.numpy(), "weights": weights.numpy()}
        wanted = [node.name for node in session.get_inputs()]
        (answer,) = session.run(None, {node: feed[node] for node in wanted})
        np.testing.assert_allclose(answer, eager, rtol=0, atol=1e-5)
