import numpy as np
import pytest
from rich.console import Console

from airgraph.v1 import allocator_pb2
from airgraph_client.demo import run_demo
from airgraph_client.demo_network import PAIR_DISTANCE, SIDE, drop_network, path_loss_db


def test_a_network_is_its_seeds():
    first, again, other = drop_network(seed=1), drop_network(seed=1), drop_network(seed=2)
    np.testing.assert_array_equal(first.gain, again.gain)
    assert not np.array_equal(first.gain, other.gain)


def test_pairs_stand_in_the_square_and_close_together():
    network = drop_network(pairs=200, seed=3)
    distance = np.linalg.norm(network.receivers - network.transmitters, axis=1)
    assert PAIR_DISTANCE[0] <= distance.min()
    assert distance.max() <= PAIR_DISTANCE[1]
    for positions in (network.transmitters, network.receivers):
        assert (positions >= 0).all()
        assert (positions <= SIDE).all()


def test_path_loss_doubles_its_slope_at_the_breakpoint():
    # 4 h^2 / wavelength = 72 m; below it 20 dB a decade, above it 40.
    near, far = path_loss_db(np.array([1.0, 10.0])), path_loss_db(np.array([100.0, 1000.0]))
    assert near[1] - near[0] == pytest.approx(20)
    assert far[1] - far[0] == pytest.approx(40)
    below, above = path_loss_db(np.array([72.0, 72.1]))
    assert above == pytest.approx(below, abs=0.1)


def test_rates_of_two_pairs_by_hand():
    network = drop_network(pairs=2, seed=0)
    gain, noise = network.gain, network.noise_power
    rates = network.rates(np.array([1.0, 0.5]))
    assert rates[0] == pytest.approx(np.log2(1 + gain[0, 0] / (gain[0, 1] * 0.5 + noise)))
    assert rates[1] == pytest.approx(np.log2(1 + gain[1, 1] * 0.5 / (gain[1, 0] + noise)))


def test_the_demo_draws_and_compares(client, tmp_path):
    out = tmp_path / "demo.png"
    console = Console(record=True, width=100)
    methods = run_demo(client, out, console=console)
    assert [method.name for method in methods] == [
        "full power",
        "WMMSE (100)",
        "model alone",
        "AirGraph auto",
    ]
    assert out.read_bytes().startswith(b"\x89PNG")
    text = console.export_text()
    for method in methods:
        assert method.name in text


def test_the_demo_does_without_a_model(client, fake, failures, tmp_path):
    fake.policy_failure[allocator_pb2.POLICY_LEARNED] = failures["ModelCannotServe"]
    console = Console(record=True, width=100)
    methods = run_demo(client, tmp_path / "demo.png", console=console)
    assert len(methods) == 3
    assert "too many receivers" in console.export_text()
