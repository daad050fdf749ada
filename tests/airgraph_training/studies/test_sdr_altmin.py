"""SDR-AltMin: its semidefinite program has the closed form, and it reaches what the frozen runs reached."""

import numpy as np
import pytest
from instances import random_hybrid

from airgraph_models.classical.hybrid_alternation import blocks_of, chain_digital, partially_connected
from airgraph_training.studies.sdr_altmin import SemidefiniteDigital, sdr_altmin


@pytest.mark.parametrize(("chains", "streams"), [(1, 1), (3, 2), (4, 3)])
def test_the_program_solves_to_the_closed_form(chains, streams):
    program = SemidefiniteDigital(chains, 5, streams)
    rng = np.random.default_rng(0)
    for seed in range(2):
        blocks = blocks_of(random_hybrid(seed, chains, 5, streams).f_opt, chains)
        shifts = np.exp(2j * np.pi * rng.uniform(size=(chains, 5)))
        np.testing.assert_allclose(program(blocks, shifts), chain_digital(blocks, shifts), atol=1e-3)


def test_both_kinds_walk_the_same_way():
    f_opt = random_hybrid(1, 3, 6, 2).f_opt
    found = [
        sdr_altmin(f_opt, 3, np.random.default_rng(0), half) for half in (SemidefiniteDigital(3, 6, 2), chain_digital)
    ]
    assert found[0][2] == found[1][2]
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-2)


@pytest.mark.parametrize("chains", [2, 18])
def test_it_is_as_good_as_the_frozen_runs(reference, chains):
    stored = np.load(reference / "hybrid.npz")
    losses = []
    for f_opt in stored["Fopt"].astype(complex):
        for seed in range(10):
            shifts, digital, _ = sdr_altmin(f_opt, chains, np.random.default_rng(seed))
            losses.append(np.linalg.norm(f_opt - partially_connected(shifts) @ digital) ** 2)
    assert np.mean(losses) == pytest.approx(stored[f"R{chains}_lossF"].mean(), rel=0.01)
    assert min(losses) >= stored[f"R{chains}_best30_lossF"].min() - 0.01
