"""What every family owes: feasibility, symmetry, one answer for one problem."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import beamformings, dense_twin, power_controls, random_beamforming, random_power_control, seeds

from airgraph_models.problems import BEAMFORMING, POWER_CONTROL, Beamforming, Links, PowerControl, ProblemFamily
from airgraph_models.problems.row_table import build_row_table


def wild(instance, seed):
    """An allocation far outside every limit."""
    rng = np.random.default_rng(seed)
    if isinstance(instance, PowerControl):
        return rng.standard_normal(instance.size) * 5
    shape = (instance.size, instance.antennas)
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * 10.0 ** rng.integers(-4, 4)


def family_of(instance):
    return POWER_CONTROL if isinstance(instance, PowerControl) else BEAMFORMING


def in_single_precision(instance):
    fields = {field.name: getattr(instance, field.name) for field in dataclasses.fields(instance)}
    fields["dtype"] = np.dtype(np.float32 if isinstance(instance, PowerControl) else np.complex64)
    return type(instance)(**fields)


@pytest.mark.parametrize("draw", [power_controls(), beamformings()], ids=["power_control", "beamforming"])
def test_projected_and_rounded_answers_stay_within_every_limit(draw):
    @given(draw, seeds)
    def holds(instance, seed):
        family = family_of(instance)
        projected = family.project(instance, wild(instance, seed))
        assert family.margin(instance, projected) >= -1e-12
        for precise in (instance, in_single_precision(instance)):
            sent = family.rounded(precise, projected)
            assert sent.dtype == precise.dtype
            assert family.margin(precise, sent.astype(projected.dtype)) >= 0

    holds()


@pytest.mark.parametrize("draw", [power_controls(), beamformings()], ids=["power_control", "beamforming"])
def test_answers_graded_together_are_those_graded_alone(draw):
    @given(st.lists(st.tuples(draw, st.booleans()), min_size=1, max_size=6), seeds)
    def holds(drawn, seed):
        instances = [in_single_precision(instance) if single else instance for instance, single in drawn]
        family = family_of(instances[0])
        # Two answers of each, as of the network and of the closed form.
        answers = [family.project(instance, wild(instance, seed)) for instance in instances]
        answers += [family.baseline(instance) for instance in instances]
        instances *= 2
        together = family.grade(instances, answers)
        for instance, answer, graded in zip(instances, answers, together, strict=True):
            # What every family does, one instance after the other.
            (alone,) = ProblemFamily.grade(family, [instance], [answer])
            assert graded.sent.dtype == instance.dtype
            np.testing.assert_array_equal(graded.sent, alone.sent)
            np.testing.assert_array_equal(graded.exact, alone.exact)
            np.testing.assert_allclose(graded.rates, alone.rates, rtol=1e-9, atol=1e-12)
            assert graded.objective == pytest.approx(alone.objective, rel=1e-9, abs=1e-12)
            assert graded.standing == pytest.approx(alone.standing, rel=1e-9, abs=1e-12)
            assert family.margin(instance, graded.exact) >= 0

    holds()


@pytest.mark.parametrize("draw", [power_controls(), beamformings()], ids=["power_control", "beamforming"])
def test_filling_the_budget_lowers_no_rate_and_meets_a_limit(draw):
    @given(draw, seeds)
    def holds(instance, seed):
        family = family_of(instance)
        allocation = family.project(instance, wild(instance, seed)) * 0.3
        filled = family.filled(instance, allocation)
        assert family.margin(instance, filled) >= -1e-12
        before, after = (family.rates(instance, a) for a in (allocation, filled))
        assert (after >= before * (1 - 1e-9)).all()
        if np.abs(allocation).max() > 0:
            assert family.margin(instance, filled) == pytest.approx(0, abs=1e-9)

    holds()


@given(power_controls(), seeds)
def test_power_projection_leaves_a_feasible_allocation_alone(instance, seed):
    inside = np.random.default_rng(seed).uniform(size=instance.size) * instance.max_power
    np.testing.assert_array_equal(POWER_CONTROL.project(instance, inside), inside)


@pytest.mark.parametrize("draw", [power_controls(), beamformings()], ids=["power_control", "beamforming"])
def test_the_baseline_and_all_starts_are_feasible_and_start_no_lower_than_zero(draw):
    @given(draw)
    def holds(instance):
        family = family_of(instance)
        polished = family.polish_starts(instance, 15)
        assert 1 <= len(polished) <= 15
        for allocation in (family.baseline(instance), *family.starts(instance), *polished):
            assert family.margin(instance, allocation) >= -1e-12
            assert family.objective(instance, allocation) >= 0

    holds()


def test_the_starts_of_auto_do_not_depend_on_chance():
    instance = random_power_control(0, 9)
    first, second = (POWER_CONTROL.polish_starts(instance, 15) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert len(np.unique(first, axis=0)) == len(first) == 15
    for most in (0, 1, 6):
        np.testing.assert_array_equal(POWER_CONTROL.polish_starts(instance, most), first[:most])


@given(power_controls(), seeds)
def test_power_rates_match_a_plain_loop(instance, seed):
    power = np.random.default_rng(seed).uniform(size=instance.size) * instance.max_power
    dense = instance if instance.links is None else dense_twin(instance)
    rates = POWER_CONTROL.rates(instance, power)
    for k in range(instance.size):
        interference = sum(dense.gain[k, j] * power[j] for j in range(instance.size) if j != k)
        sinr = dense.gain[k, k] * power[k] / (instance.noise_power[k] + interference)
        assert rates[k] == pytest.approx(np.log2(1 + sinr), rel=1e-9, abs=1e-12)


@given(beamformings(), seeds)
def test_beam_rates_match_a_plain_loop(instance, seed):
    beams = BEAMFORMING.project(instance, wild(instance, seed))
    dense = instance if instance.links is None else dense_twin(instance)
    rates = BEAMFORMING.rates(instance, beams)
    for k in range(instance.size):
        heard = [abs(dense.channel[k, dense.serving[i]] @ beams[i]) ** 2 for i in range(instance.size)]
        sinr = heard[k] / (instance.noise_power[k] + sum(heard) - heard[k])
        assert rates[k] == pytest.approx(np.log2(1 + sinr), rel=1e-6, abs=1e-9)


@given(seeds)
def test_renaming_the_pairs_renames_the_features(seed):
    instance = random_power_control(seed, 6, weighted=True)
    order = np.random.default_rng(seed).permutation(6)
    renamed = PowerControl.create(
        instance.gain[np.ix_(order, order)],
        weights=instance.weights[order],
        noise_power=instance.noise_power[order],
        max_power=instance.max_power[order],
    )
    first, second = POWER_CONTROL.view(instance).graph, POWER_CONTROL.view(renamed).graph
    np.testing.assert_allclose(second.node, first.node[order], rtol=1e-5)
    for node in range(6):
        mine = sorted(map(tuple, first.link[first.offsets[order[node]] : first.offsets[order[node] + 1]]))
        theirs = sorted(map(tuple, second.link[second.offsets[node] : second.offsets[node + 1]]))
        np.testing.assert_allclose(theirs, mine, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("sparse", [False, True])
@given(seed=seeds)
def test_features_show_budgets_and_noise_in_the_channels_alone(sparse, seed):
    instance = random_beamforming(seed, 5, 2, sparse=sparse)
    scale = np.sqrt(instance.max_power / instance.noise_power[:, None])
    if instance.links is None:
        scaled = instance.channel * scale[..., None]
    else:
        scaled = instance.channel * scale[instance.links.receiver, instance.links.transmitter, None]
    seen = [BEAMFORMING.view(one).graph for one in (instance, Beamforming.create(scaled, links=instance.links))]
    np.testing.assert_allclose(seen[0].node, seen[1].node, rtol=1e-5, atol=1e-5)
    largest = np.abs(seen[0].link).max(initial=0.0)
    rounding = 5e-6 * largest * amplification(seen[0])
    np.testing.assert_allclose(seen[0].link, seen[1].link, rtol=0.0, atol=rounding)


def amplification(graph):
    """How many times the features of two antennas enlarge a rounding: they turn by phases of what may nearly vanish."""
    first, real, imaginary = np.moveaxis(graph.link.reshape(-1, 2, 3).astype(np.float64), -1, 0)
    other = real + 1j * imaginary
    turns = np.abs(other[first > 0]) / first[first > 0]
    # Of each node, what its other direction causes, whose mean phase is turned to the real axis.
    caused = np.split((first * other)[:, 1], graph.offsets[1:-1])
    sums = [np.abs(own).sum() / np.abs(own.sum()) for own in caused if own.any()]
    return max(1.0, *turns, *sums)


def test_the_baseline_is_silent_where_no_direct_channel_is_listed():
    links = Links.create([0, 1, 1], [0, 0, 1], 3, 3)
    instance = Beamforming.create(np.array([[1, 1j], [0.5, 0], [0, 0]]), links=links, max_power=2.0)
    beams = BEAMFORMING.baseline(instance)
    np.testing.assert_allclose(np.square(np.abs(beams)).sum(axis=1), [2.0, 0.0, 0.0])


@given(seeds)
def test_turning_a_transmitters_antennas_turns_its_beam_and_nothing_else(seed):
    rng = np.random.default_rng(seed)
    instance = random_beamforming(seed, 5, 3)
    noise = rng.standard_normal((5, 3, 3)) + 1j * rng.standard_normal((5, 3, 3))
    unitary = np.linalg.qr(noise)[0]
    turned = Beamforming.create(
        np.einsum("kjn,jnm->kjm", instance.channel, unitary),
        noise_power=instance.noise_power,
        max_power=instance.max_power,
    )
    first, second = BEAMFORMING.view(instance), BEAMFORMING.view(turned)
    # With three antennas the frame's other directions are a choice; what is fixed is the matched component.
    np.testing.assert_allclose(second.graph.node, first.graph.node, rtol=1e-4)
    np.testing.assert_allclose(second.graph.link[:, 0], first.graph.link[:, 0], rtol=1e-3, atol=1e-4)
    matched = np.zeros((5, 6), np.float32)
    matched[:, 0] = 1
    for view, problem in ((first, instance), (second, turned)):
        beams = view.read(matched)
        best = BEAMFORMING.baseline(problem)
        np.testing.assert_allclose(np.abs(np.einsum("kn,kn->k", beams.conj(), best)), instance.max_power, rtol=1e-5)


@given(seeds)
def test_two_antennas_leave_no_choice_of_frame(seed):
    rng = np.random.default_rng(seed)
    instance = random_beamforming(seed, 5, 2)
    unitary = np.linalg.qr(rng.standard_normal((5, 2, 2)) + 1j * rng.standard_normal((5, 2, 2)))[0]
    phase = np.exp(2j * np.pi * rng.uniform(size=(5, 5, 1)))
    turned = Beamforming.create(
        np.einsum("kjn,jnm->kjm", instance.channel, unitary) * phase,
        noise_power=instance.noise_power,
        max_power=instance.max_power,
    )
    first, second = BEAMFORMING.view(instance).graph, BEAMFORMING.view(turned).graph
    np.testing.assert_allclose(second.link, first.link, rtol=1e-2, atol=2e-3)


@pytest.mark.parametrize("make", [random_power_control, lambda seed, n, **k: random_beamforming(seed, n, 2, **k)])
@given(seed=seeds)
def test_the_order_in_which_links_are_listed_changes_nothing(make, seed):
    instance = make(seed, 6, sparse=True)
    order = np.random.default_rng(seed).permutation(instance.links.count)
    ends = instance.links.receiver[order], instance.links.transmitter[order]
    field = "channel" if isinstance(instance, Beamforming) else "gain"
    values = {field: getattr(instance, field)[order]}
    shuffled = dataclasses.replace(instance, links=Links.create(*ends, 6, 6), **values)
    family = family_of(instance)
    first, second = family.view(instance).graph, family.view(shuffled).graph
    np.testing.assert_array_equal(second.offsets, first.offsets)
    np.testing.assert_array_equal(second.neighbour, first.neighbour)
    np.testing.assert_allclose(second.link, first.link, rtol=1e-3, atol=1e-4)
    allocation = family.baseline(instance)
    np.testing.assert_allclose(family.rates(shuffled, allocation), family.rates(instance, allocation), rtol=1e-9)


@pytest.mark.parametrize("make", [random_power_control, lambda seed, n, **k: random_beamforming(seed, n, 2, **k)])
def test_sparse_links_give_the_dense_features_where_all_links_are_listed(make):
    sparse = make(4, 7, sparse=True)
    family = family_of(sparse)
    table = build_row_table([family.view(sparse).graph])
    dense = build_row_table([family.view(dense_twin(sparse)).graph])
    np.testing.assert_allclose(table.node, dense.node, rtol=1e-5)
    listed = {(r, t) for r, t in zip(sparse.links.receiver, sparse.links.transmitter, strict=True)}
    for node in range(7):
        seen = {}
        for row in table.rows[node]:
            for slot, other in enumerate(table.neighbour[row]):
                seen[int(other)] = table.link[row, slot]
        expected = {j for j in range(7) if j != node and ((node, j) in listed or (j, node) in listed)}
        assert set(seen) == expected
        for other, features in seen.items():
            slot = list(dense.neighbour[node]).index(other)
            np.testing.assert_allclose(features, dense.link[node, slot], rtol=1e-4, atol=1e-5)
