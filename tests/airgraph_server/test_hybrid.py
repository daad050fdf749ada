"""Hybrid precoding through the real server, by the client."""

import numpy as np
import pytest

from airgraph_client import Client, InvalidInstance
from airgraph_server.app import Server
from airgraph_server.settings import Settings


@pytest.fixture(scope="module")
def client():
    with Server(Settings(port=0, metrics_port=None)) as server, Client(server.target) as connected:
        yield connected


@pytest.mark.parametrize("structure", ["partial", "full"])
def test_the_answer_is_feasible_and_as_close_as_it_says(client, reference, structure):
    f_opt = np.load(reference / "hybrid.npz")["Fopt"][0]
    answer = client.precode_hybrid(f_opt, 6, structure)
    assert answer.f_rf.shape == (144, 6)
    assert answer.f_bb.shape == (6, 2)
    assert answer.f_rf.dtype == np.complex64
    modulus = np.abs(answer.f_rf)
    np.testing.assert_allclose(modulus[modulus > 0], 1.0, atol=1e-6)
    product = answer.f_rf.astype(complex) @ answer.f_bb
    assert np.linalg.norm(product) ** 2 <= 2
    unit = f_opt * np.sqrt(2) / np.linalg.norm(f_opt)
    assert np.linalg.norm(unit - product) ** 2 == pytest.approx(4 * (1 - answer.objective), abs=1e-4)
    assert answer.objective >= answer.baseline_objective
    assert answer.rates.size == 0
    again = client.precode_hybrid(f_opt, 6, structure)
    np.testing.assert_array_equal(again.f_rf, answer.f_rf)


@pytest.mark.parametrize("chains", [2, 3, 4, 6, 9, 12, 18])
def test_auto_is_as_good_as_many_starts_on_the_frozen_channels(client, reference, chains):
    stored = np.load(reference / "hybrid.npz")
    answers = [client.precode_hybrid(f_opt, chains) for f_opt in stored["Fopt"]]
    losses = np.array([4 * (1 - answer.objective) for answer in answers])
    # Single-precision answers: the stored losses are of double precision.
    assert (losses <= stored[f"R{chains}_lossF"] + 1e-6).all()
    assert losses.mean() <= stored[f"R{chains}_best30_lossF"].mean()
    assert {answer.solver for answer in answers} == {"unrolled_chains+alternation"}


def test_the_network_alone_and_the_alternation_alone(client, reference):
    f_opt = np.load(reference / "hybrid.npz")["Fopt"][1]
    learned = client.precode_hybrid(f_opt, 9, policy="learned")
    classical = client.precode_hybrid(f_opt, 9, policy="classical")
    auto = client.precode_hybrid(f_opt, 9)
    assert learned.solver == "unrolled_chains"
    assert classical.solver == "alternation"
    assert learned.baseline_objective <= learned.objective <= auto.objective + 1e-7
    assert learned.objective == pytest.approx(classical.objective, rel=1e-3)


def test_what_the_network_does_not_know_is_solved_by_alternation(client):
    rng = np.random.default_rng(0)
    wide = rng.standard_normal((24, 6)) + 1j * rng.standard_normal((24, 6))
    assert "alternation" in client.precode_hybrid(wide, 12).solver
    full = client.precode_hybrid(wide, 12, "full")
    assert full.solver == "phase_extraction"
    assert full.fallback_reason == "OUT_OF_DOMAIN"


def test_bad_input_is_refused_by_field(client):
    for arguments, field in (
        ((np.ones((6, 2)), 4), "num_rf_chains"),
        ((np.zeros((6, 2)), 3), "f_opt"),
        ((np.ones((6, 2)), 3, "ring"), "structure"),
        ((np.ones((6, 2)), 0), "rf_chains"),
    ):
        with pytest.raises(InvalidInstance) as refused:
            client.precode_hybrid(*arguments)
        assert refused.value.field == field
