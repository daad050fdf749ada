import numpy as np
import pytest
from certificates import Authority
from hypothesis import given
from hypothesis import strategies as st

from airgraph_client import Client, Unavailable
from airgraph_client.ran import CellNetwork, CellSettings, run_loop
from airgraph_client.ran.cells import NOBODY, bessel_j0
from airgraph_client.ran.comparison import compare, log_lines, main, save_picture
from airgraph_client.ran.controllers import FullPower, ServerController
from airgraph_client.ran.loop import control
from airgraph_server.app import Server
from airgraph_server.security.tokens import digest_of, new_token
from airgraph_server.settings import Settings


@pytest.fixture
def network():
    return CellNetwork(CellSettings(cells=6), seed=1)


@pytest.mark.parametrize(("x", "value"), [(0, 1.0), (2.404825557695773, 0.0), (10.0, -0.2459357644513483)])
def test_bessel(x, value):
    assert bessel_j0(x) == pytest.approx(value, abs=1e-12)


# Nobody comes, goes or takes a turn.
STILL = {"stay": 1e9, "turn": 1000, "speed": 1e-3}


@given(st.integers(1, 12), st.integers(0, 2**31))
def test_a_network_is_its_seed_whatever_the_powers(cells, seed):
    one, other = (CellNetwork(CellSettings(cells=cells, users=2 * cells, stay=3), seed) for _ in range(2))
    for _ in range(5):
        one.apply(one.measure().users, np.zeros(len(one.measure().users)))
        one.advance()
        other.advance()
    np.testing.assert_array_equal(one.served, other.served)
    np.testing.assert_array_equal(one.gain(), other.gain())
    assert (one.gain() > 0).all()


@given(st.integers(1, 12), st.floats(0.1, 40), st.integers(0, 3), st.integers(0, 2**31))
def test_every_link_was_reported_and_idle_cells_send_nothing(cells, users, age, seed):
    network = CellNetwork(CellSettings(cells=cells, users=users, report_age=age, stay=5, turn=2), seed)
    for _ in range(8):
        network.advance()
        measured, busy = network.measure(), network.served != NOBODY
        np.testing.assert_array_equal(measured.users, network.served[busy])
        assert len(set(measured.users.tolist())) == busy.sum()
        assert measured.gain.shape == network.gain().shape == (busy.sum(), busy.sum())
        assert (measured.gain > 0).all()
        assert (network.rates()[~busy] == 0).all()


def test_reports_are_as_old_as_said():
    network = CellNetwork(CellSettings(cells=4, report_age=2, **STILL), seed=0)
    seen = [network.gain()]
    for _ in range(4):
        network.advance()
        seen.append(network.gain())
    np.testing.assert_array_equal(network.measure().gain, seen[-3])


def test_users_come_and_go_about_their_mean():
    network, counts = CellNetwork(CellSettings(cells=4, users=20, stay=10), seed=0), []
    for _ in range(2000):
        network.advance()
        counts.append(len(network.users))
    # Poisson, of variance 20, with a memory of ten periods: a mean of 2000 is some 100 independent ones.
    assert np.mean(counts) == pytest.approx(20, abs=4 * np.sqrt(20 / 100))
    assert np.std(counts) == pytest.approx(np.sqrt(20), rel=0.4)


def test_every_user_of_a_cell_has_its_turn():
    network = CellNetwork(CellSettings(cells=4, users=20, **{**STILL, "turn": 2}), seed=0)
    served = set()
    for _ in range(2 * len(network.users)):
        network.advance()
        served |= set(network.served.tolist())
    assert set(network.users.tolist()) <= served


def test_who_walks_into_another_cell_is_handed_over_once():
    walking = CellSettings(cells=2, users=1, speed=30, stay=1e9, shadowing_db=0)
    network = next(
        found
        for found in (CellNetwork(walking, seed) for seed in range(100))
        if len(found.users) == 1 and crosses(found)
    )
    assert (network.served == NOBODY).sum() == 1


def crosses(network):
    """Whether the only user changes its cell, which serves it from then on."""
    (before,) = np.flatnonzero(network.served != NOBODY)
    for _ in range(30):
        network.advance()
        (cell,) = np.flatnonzero(network.served != NOBODY)
        assert network.handovers == (cell != before)
        if network.handovers:
            network.advance()
            assert network.handovers == 0
            return True
    return False


def test_powers_for_a_user_that_is_not_served_go_to_nobody(network):
    network.power[:] = 0.5
    network.apply(network.served + 1000, np.zeros(6))
    assert (network.power == 0.5).all()


def test_powers_stay_within_the_budget(network):
    users = network.measure().users
    network.apply(users, np.array([-1, 0, 0.1, 5, 50, 500.0])[: len(users)])
    assert network.power.min() >= 0
    assert network.power.max() <= network.max_power


def test_nobody_to_serve_needs_no_answer():
    network = CellNetwork(CellSettings(cells=3, users=0.1, stay=1), seed=0)
    while (network.served != NOBODY).any():
        network.advance()
    assert control(network, None, 0.1) == (True, 0.0)


def test_a_late_answer_is_not_applied(network):
    before = network.power.copy()
    hit, _ = control(network, FullPower(), seconds=0.0)
    assert not hit
    np.testing.assert_array_equal(network.power, before)


def test_a_server_that_goes_down_leaves_the_last_safe_powers(network):
    with Server(Settings(host="127.0.0.1", port=0, metrics_port=None)) as server:
        client = Client(server.target)
        controller = ServerController(client, "auto")
        (first,) = run_loop(network, SlowPeriod(controller), 1, sleep=lambda _: None)
        held = network.power.copy()
    assert len(first.cell_rates) == 6
    (second,) = run_loop(network, controller, 1, sleep=lambda _: None)
    client.close()
    assert not second.hit
    assert isinstance(controller.last_error, Unavailable)
    np.testing.assert_array_equal(network.power, held)


class SlowPeriod:
    """A machine under load is not what is tested: ten seconds for an answer."""

    def __init__(self, controller):
        self.controller = controller

    def decide(self, measurement, seconds):
        return self.controller.decide(measurement, 10.0)


def test_the_comparison_runs_against_the_real_server(tmp_path):
    settings = CellSettings(cells=6, period=0.2)
    with (
        Server(Settings(host="127.0.0.1", port=0, metrics_port=None)) as server,
        Client(server.target) as client,
    ):
        runs = compare(client, settings, periods=3, seed=0)
    assert {name: len(periods) for name, periods in runs.items()} == dict.fromkeys(runs, 3)
    assert len(log_lines(runs)) == 12
    save_picture(runs, settings.period, tmp_path / "ran.png")
    assert (tmp_path / "ran.png").read_bytes().startswith(b"\x89PNG")


def test_the_comparison_speaks_tls_and_shows_its_token(tmp_path, capsys):
    authority = Authority(tmp_path, "authority")
    own, client, token = authority.issue("server"), authority.issue("client"), new_token()
    (tmp_path / "access").write_text(f"xapp user {digest_of(token)}\n")
    (tmp_path / "token").write_text(token)
    settings = Settings(
        host="127.0.0.1",
        port=0,
        metrics_port=None,
        zoo=tmp_path,
        tls_certificate=own.certificate,
        tls_key=own.key,
        tls_client_ca=authority.path,
        access_file=tmp_path / "access",
    )
    files = {"ca": authority.path, "cert": client.certificate, "key": client.key, "token-file": tmp_path / "token"}
    with Server(settings) as server:
        arguments = ["--target", server.target, "--periods", "1", "--out", str(tmp_path / "ran.png")]
        arguments += ["--period", "0.3", *(word for name, file in files.items() for word in (f"--{name}", str(file)))]
        assert main(arguments) == 0
    assert "AUTO" in capsys.readouterr().out


def test_a_certificate_without_its_key_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--cert", str(tmp_path / "client.crt")])
    assert "key" in capsys.readouterr().err
