"""The precoding family: validation by field, feasibility, symmetry, energy efficiency under minimum rates."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import precodings, random_precoding, seeds

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.linear_precoding import (
    maximum_ratio,
    regularised_zero_forcing,
    with_equal_power,
    with_sum_power,
    zero_forcing,
)
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import (
    FAMILIES,
    PRECODING,
    InvalidInstanceError,
    PowerModel,
    Precoding,
    ProblemFamily,
    UnsupportedInstanceError,
)
from airgraph_models.problems.precoding import POLISH_STARTS
from airgraph_models.problems.precoding_gram import precoder_of_shares

CHANNEL = np.ones((3, 4), complex)
EFFICIENT = {"objective": "ee", "power_model": PowerModel(1.0, 1.0, 2.0)}


def wild(instance, seed):
    """Far outside the budget, or far inside."""
    rng = np.random.default_rng(seed)
    shape = np.swapaxes(instance.channel, -1, -2).shape
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) * 10.0 ** rng.integers(-4, 4)


def single(instance):
    """The same instance, to be answered in single precision."""
    return dataclasses.replace(instance, dtype=np.dtype(np.complex64))


@pytest.mark.parametrize(
    ("arguments", "field", "got"),
    [
        ({"channel": CHANNEL * np.nan}, "channel", "nan"),
        ({"channel": CHANNEL[0]}, "channel", "shape [4]"),
        ({"channel": CHANNEL[:, :0]}, "channel", "shape [3, 0]"),
        ({"channel": np.ones((0, 3, 4))}, "channel", "shape [0, 3, 4]"),
        ({"channel": CHANNEL * 1e200}, "channel", "inf"),
        ({"channel": CHANNEL.astype(str)}, "channel", "dtype"),
        ({"noise_power": 0.0}, "noise_power", "0.0"),
        ({"noise_power": [1.0, 1.0]}, "noise_power", "shape [2]"),
        ({"max_power": -1.0}, "max_power", "-1.0"),
        ({"max_power": [1.0, 1.0]}, "max_power", "shape [2]"),
        ({"channel": np.ones((2, 3, 4)), "max_power": [1.0, 1.0, 1.0]}, "max_power", "shape [3]"),
        ({"weights": [1.0, -1.0, 1.0]}, "weights", "-1.0 at index (1)"),
        ({"objective": "max-min"}, "objective", "'max-min'"),
        ({"minimum_rates": 1.0}, "minimum_rates", "some"),
        ({"objective": "ee"}, "power_model", "nothing"),
        ({**EFFICIENT, "minimum_rates": -1.0}, "minimum_rates", "-1.0"),
        ({**EFFICIENT, "minimum_rates": [1.0] * 4}, "minimum_rates", "shape [4]"),
        ({**EFFICIENT, "power_model": PowerModel(-1.0)}, "power_model.circuit_power", "-1"),
        ({**EFFICIENT, "power_model": PowerModel(0.0, np.inf)}, "power_model.constant_power", "inf"),
        ({**EFFICIENT, "power_model": PowerModel(0.0, 0.0, 0.5)}, "power_model.amplifier_inefficiency", "0.5"),
    ],
)
def test_bad_input_names_field_and_finding(arguments, field, got):
    with pytest.raises(InvalidInstanceError) as caught:
        Precoding.create(**{"channel": CHANNEL, **arguments})
    assert caught.value.field == field
    assert got in caught.value.got
    assert caught.value.expected


def test_scalars_spread_over_users_and_sub_bands():
    instance = Precoding.create(np.ones((2, 3, 4), np.complex64), max_power=[5.0], noise_power=0.5, weights=[2.0])
    np.testing.assert_array_equal(instance.max_power, [5, 5])
    np.testing.assert_array_equal(instance.noise_power, [0.5] * 3)
    np.testing.assert_array_equal(instance.weights, [2] * 3)
    assert (instance.size, instance.antennas, instance.bands) == (3, 4, 2)
    assert instance.dtype == np.complex64
    alone = Precoding.create(CHANNEL, max_power=[5.0])
    assert (alone.bands, alone.max_power.shape) == (1, ())


@given(precodings(), seeds)
def test_projected_and_rounded_answers_stay_within_every_budget(instance, seed):
    projected = PRECODING.project(instance, wild(instance, seed))
    assert PRECODING.margin(instance, projected) >= -1e-12
    for precise in (instance, single(instance)):
        sent = PRECODING.rounded(precise, projected)
        assert sent.dtype == precise.dtype
        assert PRECODING.margin(precise, sent.astype(complex)) >= 0


@given(st.lists(st.tuples(precodings(), st.booleans()), min_size=1, max_size=5), seeds)
def test_precoders_graded_together_are_those_graded_alone(drawn, seed):
    instances = [single(instance) if rounded else instance for instance, rounded in drawn] * 2
    precoders = [PRECODING.project(instance, wild(instance, seed + i)) for i, instance in enumerate(instances)]
    together = PRECODING.grade(instances, precoders)
    for instance, precoder, graded in zip(instances, precoders, together, strict=True):
        # What every family does, one instance after the other.
        (alone,) = ProblemFamily.grade(PRECODING, [instance], [precoder])
        assert graded.sent.dtype == instance.dtype
        np.testing.assert_array_equal(graded.exact, graded.sent)
        np.testing.assert_allclose(graded.sent, alone.sent, rtol=1e-6)
        np.testing.assert_allclose(graded.rates, alone.rates, rtol=1e-5, atol=1e-9)
        assert graded.objective == pytest.approx(alone.objective, rel=1e-5)
        assert graded.standing == pytest.approx(alone.standing, rel=1e-5, abs=1e-9)
        assert PRECODING.margin(instance, graded.exact) >= 0


@given(seeds, st.integers(1, 6), st.integers(1, 8))
def test_a_networks_shares_are_worth_what_their_precoder_is(seed, users, antennas):
    view = PRECODING.view(random_precoding(seed, users, antennas))
    instance = random_precoding(seed, users, antennas)
    output = np.random.default_rng(seed).dirichlet(np.ones(users))[:, None].astype(np.float32)
    objective = PRECODING.objective(instance, view.read(output))
    assert view.value(view.start(output)) == pytest.approx(objective, rel=1e-6)


@given(precodings(), seeds)
def test_filling_lowers_no_objective_and_meets_every_budget_where_rate_is_all(instance, seed):
    allocation = PRECODING.project(instance, wild(instance, seed)) * 0.3
    filled = PRECODING.filled(instance, allocation)
    assert PRECODING.margin(instance, filled) >= -1e-12
    before, after = (PRECODING.objective(instance, a) for a in (allocation, filled))
    assert after >= before * (1 - 1e-9)
    if instance.power is None:
        used = squared(filled).sum(axis=(-2, -1)) / instance.max_power
        np.testing.assert_allclose(used, 1, rtol=1e-9)


@given(precodings())
def test_baseline_and_starts_are_feasible_and_keep_their_shape(instance):
    shape = np.swapaxes(instance.channel, -1, -2).shape
    baseline = PRECODING.baseline(instance)
    starts = PRECODING.starts(instance)
    np.testing.assert_array_equal(starts[0], baseline)
    for allocation in (baseline, *starts):
        assert allocation.shape == shape
        assert PRECODING.margin(instance, allocation) >= -1e-9
        assert PRECODING.objective(instance, allocation) >= 0


@given(precodings())
def test_polishing_starts_from_feasible_precoders_or_from_shares_of_the_whole_budget(instance):
    baseline = PRECODING.baseline(instance)
    many = PRECODING.polish_starts(instance, 20)
    for most in (1, 2, 3, 5):
        few = PRECODING.polish_starts(instance, most)
        assert len(few) <= most
        np.testing.assert_array_equal(few, many[: len(few)])
    closed_form = PRECODING.baseline_start(instance, baseline)
    assert closed_form.shape == (1, *many.shape[1:])
    if instance.power is None:
        assert many.shape == (20, *instance.channel.shape[:-1])
        assert (many >= 0).all()
        np.testing.assert_allclose(many.sum(axis=-1), 1.0)
        np.testing.assert_allclose(closed_form, 1.0 / instance.size)
    else:
        np.testing.assert_array_equal(closed_form[0], baseline)
        assert all(PRECODING.margin(instance, precoder) >= -1e-9 for precoder in many)


@given(precodings(efficient=False))
def test_the_baseline_is_regularised_zero_forcing_with_equal_power(instance):
    plain = regularised_zero_forcing(instance.channel, instance.noise_power, instance.max_power)
    expected = with_equal_power(plain, instance.max_power)
    np.testing.assert_allclose(PRECODING.baseline(instance), expected, atol=1e-9 * np.abs(expected).max())


@given(precodings(), seeds)
def test_rates_and_objective_match_a_plain_loop(instance, seed):
    allocation = PRECODING.project(instance, wild(instance, seed))
    precoders = allocation.reshape(instance.bands, instance.antennas, instance.size)
    expected = np.zeros(instance.size)
    for channel, precoder in zip(instance.by_band, precoders, strict=True):
        for k in range(instance.size):
            heard = [abs(channel[k] @ precoder[:, i]) ** 2 for i in range(instance.size)]
            others = sum(h for i, h in enumerate(heard) if i != k)
            expected[k] += np.log2(1 + heard[k] / (instance.noise_power[k] + others))
    np.testing.assert_allclose(PRECODING.rates(instance, allocation), expected, rtol=1e-7, atol=1e-12)
    total = instance.weights @ expected
    if instance.power is not None:
        total /= instance.power.fixed + instance.power.inefficiency * (abs(allocation) ** 2).sum()
    assert PRECODING.objective(instance, allocation) == pytest.approx(total, rel=1e-7)


@settings(max_examples=20)
@given(precodings(efficient=False), st.integers(1, 6))
def test_the_answer_is_never_below_a_closed_form_and_climbs(instance, iterations):
    closed = (maximum_ratio(instance.channel), zero_forcing(instance.channel))
    forms = [with_sum_power(form, instance.max_power) for form in closed]
    best = max(PRECODING.objective(instance, form) for form in (PRECODING.baseline(instance), *forms))
    fewer, more = (PRECODING.solve([instance], Stopping(count))[0] for count in (iterations, iterations + 1))
    assert fewer.objective >= best * (1 - 1e-9)
    assert more.objective >= fewer.objective * (1 - 1e-9)
    assert fewer.iterations == iterations
    assert PRECODING.margin(instance, more.allocation) >= -1e-12


def test_a_batch_gives_each_instance_its_answer_alone():
    instances = [random_precoding(seed, 4, 6) for seed in range(3)]
    instances += [random_precoding(7, 3, 5, bands=2), random_precoding(8, 3, 5, bands=2), random_precoding(9, 2, 2)]
    instances += [random_precoding(9, 2, 3, efficient=True, minimum_rate=0.5)]
    together = PRECODING.solve(instances, Stopping(12))
    for instance, result in zip(instances, together, strict=True):
        alone = PRECODING.solve([instance], Stopping(12))[0]
        assert result.objective == pytest.approx(alone.objective, rel=1e-9)
        np.testing.assert_allclose(result.allocation, alone.allocation, atol=1e-6)


@settings(max_examples=20)
@given(seeds, st.integers(1, 5), st.integers(1, 8), st.booleans())
def test_turned_antennas_and_reordered_users_turn_the_answer_and_keep_the_rates(seed, users, antennas, efficient):
    instance = random_precoding(seed, users, antennas, efficient=efficient)
    rng = np.random.default_rng(seed)
    unitary = np.linalg.qr(rng.standard_normal((antennas,) * 2) + 1j * rng.standard_normal((antennas,) * 2))[0]
    order = rng.permutation(users)
    turned = dataclasses.replace(
        instance,
        channel=(instance.channel @ unitary)[order],
        weights=instance.weights[order],
        noise_power=instance.noise_power[order],
        minimum_rates=instance.minimum_rates[order],
    )
    start = PRECODING.baseline(instance)
    np.testing.assert_allclose(
        PRECODING.baseline(turned), (unitary.conj().T @ start)[:, order], atol=1e-6 * np.abs(start).max()
    )
    plain, other = (
        PRECODING.refine([one], [PRECODING.baseline(one)[None]], Stopping(5))[0] for one in (instance, turned)
    )
    rates = PRECODING.rates(instance, plain.allocation)
    np.testing.assert_allclose(PRECODING.rates(turned, other.allocation), rates[order], rtol=1e-4, atol=1e-6)


@settings(max_examples=20)
@given(precodings(efficient=True))
def test_energy_efficiency_is_never_below_a_closed_form_that_meets_what_is_asked(instance):
    result = PRECODING.solve([instance], Stopping(30))[0]
    shortfall = PRECODING.shortfall(instance, result.allocation)
    for start in PRECODING.starts(instance):
        missed = PRECODING.shortfall(instance, start)
        assert shortfall <= missed + 1e-9
        if missed == shortfall == 0:
            assert result.objective >= PRECODING.objective(instance, start) * (1 - 1e-9)
    assert PRECODING.margin(instance, result.allocation) >= -1e-9


@settings(max_examples=20)
@given(precodings(efficient=True))
def test_minimum_rates_are_met_or_named(instance):
    result = PRECODING.solve([instance], Stopping(25))[0]
    sent = PRECODING.rounded(single(instance), result.allocation).astype(complex)
    rates = PRECODING.rates(instance, sent)
    remark = PRECODING.remark(instance, rates)
    if (rates >= instance.minimum_rates).all():
        assert remark == ""
    if instance.out_of_reach:
        assert remark.startswith("MINIMUM_RATES_UNREACHABLE: ")
        assert PRECODING.shortfall(instance, sent) > 0
    elif instance.bands == 1:
        assert remark == ""
        assert (rates >= instance.minimum_rates * (1 - 1e-5)).all()


def test_out_of_reach_every_user_gets_the_same_share_of_its_target():
    instance = Precoding.create(random_precoding(0, 4, 3).channel, minimum_rates=[8, 6, 6, 8], **EFFICIENT)
    assert instance.out_of_reach
    result = PRECODING.solve([instance], Stopping(50))[0]
    rates = PRECODING.rates(instance, result.allocation)
    np.testing.assert_allclose((2**rates - 1) / (2**instance.minimum_rates - 1), instance.balances[0].level, rtol=1e-6)
    assert PRECODING.solver(instance) == "sinr_balancing"
    assert result.start == -1
    remark = PRECODING.remark(instance, rates)
    assert remark.startswith("MINIMUM_RATES_UNREACHABLE: 4 of 4 users get less than asked, user ")


def test_with_sub_bands_only_what_one_user_alone_could_get_is_a_proof():
    channel = random_precoding(0, 2, 4, bands=2).channel
    assert Precoding.create(channel, minimum_rates=[50, 0], **EFFICIENT).out_of_reach
    crowded = Precoding.create(channel[:, :, :1], noise_power=1e-3, minimum_rates=8.0, **EFFICIENT)
    assert not crowded.out_of_reach
    result = PRECODING.solve([crowded], Stopping(20))[0]
    remark = PRECODING.remark(crowded, PRECODING.rates(crowded, result.allocation))
    assert remark.startswith("MINIMUM_RATES_NOT_MET: ")


def test_the_family_is_registered_and_says_what_a_network_may_take():
    assert FAMILIES["precoding"] is PRECODING
    assert PRECODING.layouts == ("gram_blocks",)
    PRECODING.view(random_precoding(0, 2, 2))
    for instance, layout in (
        (random_precoding(0, 2, 2), "row_table"),
        (random_precoding(0, 2, 2, bands=2), "gram_blocks"),
        (random_precoding(0, 2, 2, efficient=True), "gram_blocks"),
    ):
        with pytest.raises(UnsupportedInstanceError):
            PRECODING.view(instance, layout)


@settings(max_examples=30)
@given(precodings(), st.integers(1, 6), st.integers(0, 20))
def test_polishing_keeps_the_budget_and_never_ends_below_its_first_start(instance, count, steps):
    starts = PRECODING.polish_starts(instance, count)
    found = PRECODING.polish([instance], [starts], Stopping(steps, 1e-5))[0]
    assert PRECODING.margin(instance, found.allocation) >= -1e-9
    assert found.objective == pytest.approx(PRECODING.objective(instance, found.allocation), rel=1e-6)
    begun = precoder_of_shares(instance, starts[0]) if instance.power is None else starts[0]
    mine, first = (PRECODING.standing(instance, a, PRECODING.objective(instance, a)) for a in (found.allocation, begun))
    assert mine[0] > first[0] - 1e-6
    assert mine[0] > first[0] + 1e-6 or mine[1] >= first[1] * (1 - 1e-9)


def test_polishing_many_instances_is_polishing_each():
    instances = [random_precoding(seed, users, 6) for seed, users in ((0, 3), (1, 5), (2, 3), (3, 3))]
    starts = [PRECODING.polish_starts(instance, 4) for instance in instances]
    together = PRECODING.polish(instances, starts, Stopping(12))
    for instance, start, found in zip(instances, starts, together, strict=True):
        alone = PRECODING.polish([instance], [start], Stopping(12))[0]
        assert (found.start, found.iterations) == (alone.start, alone.iterations)
        np.testing.assert_allclose(found.allocation, alone.allocation, atol=1e-9)


@pytest.mark.parametrize("level", [1e3, 1e8, 1e12, 1e14])
def test_users_with_one_channel_are_polished_at_any_level(level):
    channel = level * np.array([[1.0, 2.0, 1.0j], [1.0, 2.0, 1.0j], [0.5, 1.0j, 2.0]])
    instance = Precoding.create(channel)
    found = PRECODING.polish([instance], [PRECODING.polish_starts(instance, 9)], Stopping(24, 1e-5))[0]
    assert PRECODING.margin(instance, found.allocation) >= -1e-9
    assert PRECODING.objective(instance, found.allocation) > PRECODING.objective(instance, PRECODING.baseline(instance))


def test_who_asks_for_more_steps_gets_more_starts():
    instance = random_precoding(0, 4, 4)
    steps = PRECODING.polish_limit(instance)
    assert PRECODING.most_starts(instance, steps) == POLISH_STARTS
    assert PRECODING.most_starts(instance, steps + 1) is None
    assert PRECODING.most_starts(random_precoding(0, 4, 4, efficient=True), steps) is None


def test_a_request_that_does_not_say_gets_few_steps():
    instance = random_precoding(0, 4, 4)
    assert PRECODING.polish_limit(instance) < 100
    assert PRECODING.polish_limit(random_precoding(0, 4, 4, efficient=True)) is None
    assert PRECODING.polisher(instance) == "dual_ascent"
    assert sum(count for _, count in PRECODING.polish_stages(4, 24)) == 24


def test_silence_where_no_user_has_a_channel():
    for options in ({}, {**EFFICIENT, "minimum_rates": 1.0}):
        instance = Precoding.create(np.zeros((2, 3)), **options)
        result = PRECODING.solve([instance], Stopping(5))[0]
        assert np.isfinite(result.allocation).all()
        assert result.objective == 0
        assert bool(PRECODING.remark(instance, PRECODING.rates(instance, result.allocation))) == bool(options)
