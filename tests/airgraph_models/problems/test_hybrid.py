"""Hybrid precoding: limits after rounding, ascent, the frozen channels, and what is refused by field."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import random_hybrid, seeds

from airgraph_models.classical.hybrid_alternation import alternate, blocks_of, captured, phases
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import (
    HYBRID_PRECODING,
    HybridPrecoding,
    InvalidInstanceError,
    ProblemFamily,
    UnsupportedInstanceError,
)
from airgraph_models.problems.hybrid import join_halves, split_halves


@st.composite
def hybrids(draw):
    chains = draw(st.integers(1, 6))
    return random_hybrid(
        draw(seeds),
        chains,
        draw(st.integers(1, 8)),
        draw(st.integers(1, chains)),
        draw(st.sampled_from(["partial", "full"])),
        draw(st.sampled_from([np.complex64, np.complex128])),
    )


def loss(instance, allocation):
    analogue, digital = split_halves(instance, allocation)
    return np.linalg.norm(instance.f_opt - analogue @ digital) ** 2


@given(hybrids(), seeds)
def test_answers_keep_modulus_wiring_and_power_after_rounding(instance, seed):
    rng = np.random.default_rng(seed)
    shape = (instance.antennas + instance.streams, instance.chains)
    wild = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * 10.0 ** rng.integers(-3, 3)
    filled = HYBRID_PRECODING.filled(instance, HYBRID_PRECODING.project(instance, wild))
    sent = HYBRID_PRECODING.rounded(instance, filled)
    assert sent.dtype == instance.dtype
    analogue, digital = split_halves(instance, sent.astype(np.complex128))
    modulus = np.abs(analogue)
    wired = modulus > 0.5
    np.testing.assert_allclose(modulus[wired], 1.0, atol=1e-6)
    assert (modulus[~wired] == 0).all()
    per_antenna = 1 if instance.structure == "partial" else instance.chains
    assert (wired.sum(axis=1) == per_antenna).all()
    assert np.linalg.norm(analogue @ digital) ** 2 <= instance.streams
    assert HYBRID_PRECODING.margin(instance, filled) == pytest.approx(0.0, abs=1e-9)


@given(hybrids())
def test_the_objective_is_the_loss(instance):
    (found,) = HYBRID_PRECODING.solve([instance], Stopping(20))
    expected = 2 * instance.streams * (1 - found.objective)
    assert loss(instance, found.allocation) == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert found.objective >= HYBRID_PRECODING.objective(instance, HYBRID_PRECODING.baseline(instance)) - 1e-12


@given(seeds, st.integers(1, 5), st.integers(1, 9), st.integers(1, 3))
def test_the_alternation_never_falls_and_its_digital_half_is_the_best(seed, chains, each, streams):
    instance = random_hybrid(seed, chains, each, min(streams, chains))
    blocks = blocks_of(instance.f_opt, chains)
    rng = np.random.default_rng(seed)
    start = phases(rng.standard_normal((3, chains, each)) + 1j * rng.standard_normal((3, chains, each)))
    reached = [captured(blocks, alternate(blocks, start, Stopping(count))[0]) for count in range(6)]
    for before, after in pairwise(reached):
        assert (after >= before * (1 - 1e-12)).all()
    (found,) = HYBRID_PRECODING.solve([instance], Stopping(20))
    analogue, digital = split_halves(instance, found.allocation)
    other = digital + 0.1 * (rng.standard_normal(digital.shape) + 1j * rng.standard_normal(digital.shape))
    other *= np.sqrt(instance.streams) / np.linalg.norm(analogue @ other)
    assert loss(instance, join_halves(analogue, other)) >= loss(instance, found.allocation) - 1e-9


@pytest.mark.parametrize("chains", [2, 3, 4, 6, 9, 12, 18])
def test_the_frozen_channels(reference, chains):
    stored = np.load(reference / "hybrid.npz")
    losses = []
    for f_opt in stored["Fopt"]:
        instance = HybridPrecoding.create(f_opt, chains=chains)
        (found,) = HYBRID_PRECODING.solve([instance], Stopping(100))
        (again,) = HYBRID_PRECODING.solve([instance], Stopping(100))
        np.testing.assert_array_equal(found.allocation, again.allocation)
        losses.append(loss(instance, found.allocation))
    # At most SDR-AltMin's everywhere, and the best of 30 random starts on average.
    assert (np.array(losses) <= stored[f"R{chains}_lossF"] + 1e-6).all()
    assert np.mean(losses) <= stored[f"R{chains}_best30_lossF"].mean()


def test_every_chain_on_every_antenna_is_no_worse():
    for seed in range(5):
        objectives = [
            HYBRID_PRECODING.solve([random_hybrid(seed, 4, 6, 2, structure)], Stopping(200))[0].objective
            for structure in ("partial", "full")
        ]
        assert objectives[1] >= objectives[0] - 1e-6


@pytest.mark.parametrize(
    ("field", "changed"),
    [
        ("f_opt", {"f_opt": np.zeros((4, 1))}),
        ("f_opt", {"f_opt": np.ones(4)}),
        ("f_opt", {"f_opt": np.full((4, 1), np.nan)}),
        ("num_rf_chains", {"chains": 3}),
        ("num_rf_chains", {"chains": 0}),
        ("num_rf_chains", {"chains": 8}),
        ("structure", {"structure": "ring"}),
    ],
)
def test_bad_input_is_refused_by_field(field, changed):
    fields = {"f_opt": np.ones((4, 1)), "chains": 2, **changed}
    with pytest.raises(InvalidInstanceError) as refused:
        HybridPrecoding.create(fields.pop("f_opt"), **fields)
    assert refused.value.field == field


@given(seeds, st.integers(1, 5), st.integers(1, 9), st.integers(1, 4))
def test_polishing_a_networks_answer_never_lowers_it_and_needs_no_other_start(seed, chains, each, streams):
    instance = random_hybrid(seed, chains, each, min(streams, chains))
    view = HYBRID_PRECODING.view(instance)
    ends = np.random.default_rng(seed).standard_normal((instance.antennas, 6)).astype(np.float32)
    answer, start = HYBRID_PRECODING.project(instance, view.read(ends)), view.start(ends)
    objective = HYBRID_PRECODING.objective(instance, answer)
    assert view.value(start) == pytest.approx(objective, rel=1e-9)
    np.testing.assert_allclose(HYBRID_PRECODING.baseline_start(instance, answer), start[None], rtol=1e-9)
    others = HYBRID_PRECODING.polish_starts(instance, 4)
    assert others.shape == (0, *start.shape)
    (polished,) = HYBRID_PRECODING.polish([instance], [start[None]], Stopping(20))
    assert polished.objective >= objective - 1e-12
    assert polished.objective == pytest.approx(HYBRID_PRECODING.objective(instance, polished.allocation), rel=1e-9)
    assert polished.start == 0


@given(seeds, st.integers(1, 5), st.integers(1, 9), st.integers(1, 3), st.sampled_from(("partial", "full")))
def test_one_product_grades_as_every_family_does(seed, chains, each, streams, structure):
    instance = random_hybrid(seed, chains, each, min(streams, chains), structure)
    allocation = HYBRID_PRECODING.baseline(instance)
    (graded,) = HYBRID_PRECODING.grade([instance], [allocation])
    (plain,) = ProblemFamily.grade(HYBRID_PRECODING, [instance], [allocation])
    np.testing.assert_array_equal(graded.sent, plain.sent)
    np.testing.assert_array_equal(graded.exact, plain.exact)
    assert graded.objective == pytest.approx(plain.objective, rel=1e-12)
    assert graded.standing == plain.standing == (0.0, graded.objective)
    assert HYBRID_PRECODING.margin(instance, graded.exact) >= 0


@given(seeds, st.integers(1, 5), st.integers(1, 9), st.integers(1, 4), st.integers(1, 5))
def test_of_a_networks_ends_the_best_a_chain_is_read(seed, chains, each, streams, ends):
    instance = random_hybrid(seed, chains, each, min(streams, chains))
    view, rng = HYBRID_PRECODING.view(instance), np.random.default_rng(seed)
    output = rng.standard_normal((instance.antennas, 2 * ends)).astype(np.float32)
    answers = [view.read(output[:, [h, ends + h]]) for h in range(ends)]
    blocks = blocks_of(instance.f_opt, chains)
    alone = np.stack([captured(blocks, wired_phases(instance, answer)) for answer in answers])
    together = captured(blocks, wired_phases(instance, view.read(output)))
    np.testing.assert_allclose(together, alone.max(axis=0), rtol=2e-5)


def wired_phases(instance, allocation):
    """Phases ``[R, L]`` of the wired entries."""
    analogue, _ = split_halves(instance, allocation)
    return analogue.sum(axis=1).reshape(instance.chains, -1)


def test_the_network_sees_the_digital_precoder_and_nothing_of_its_scale():
    instance = random_hybrid(1, 3, 4, 2)
    louder = HybridPrecoding.create(7.0 * instance.f_opt, chains=3)
    graph = HYBRID_PRECODING.view(instance).graph
    np.testing.assert_allclose(HYBRID_PRECODING.view(louder).graph.block, graph.block, rtol=1e-6)
    assert (graph.nodes, graph.links) == (12, 24)
    # Each block maps (re, im) pairs as the complex block does.
    rng = np.random.default_rng(0)
    given = rng.standard_normal(2) + 1j * rng.standard_normal(2)
    mapped = np.einsum("cplsi,si->cpl", graph.block, np.stack([given.real, given.imag], axis=-1))
    expected = blocks_of(instance.f_opt, 3) @ given
    np.testing.assert_allclose(np.angle(mapped[:, 0] + 1j * mapped[:, 1]), np.angle(expected), atol=1e-4)
    assert np.square(graph.block[..., 0]).sum(axis=(1, 3)).mean(axis=1) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("chains", "streams", "structure", "layout"),
    [(4, 2, "full", "chain_blocks"), (8, 5, "partial", "chain_blocks"), (4, 2, "partial", "gram_blocks")],
)
def test_what_no_network_takes_is_refused(chains, streams, structure, layout):
    with pytest.raises(UnsupportedInstanceError):
        HYBRID_PRECODING.view(random_hybrid(0, chains, 2, streams, structure), layout)
