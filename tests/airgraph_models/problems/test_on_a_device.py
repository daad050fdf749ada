"""Iterations on a torch device: the host's answers, in batches, by the same rules."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from instances import (
    beamformings,
    power_controls,
    precodings,
    random_beamforming,
    random_power_control,
    random_precoding,
)

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import BEAMFORMING, CELL_FREE, FAMILIES, HYBRID_PRECODING, POWER_CONTROL, PRECODING
from airgraph_models.problems.precoding_gram import precoder_of_shares

torch = pytest.importorskip("torch")

from airgraph_models.arrays.torch_device import TorchDevice  # noqa: E402

RACED = 2e-3
"""Relative: races in single precision may keep other starts where two are level; what won is rated in double."""
PLAIN = 1e-8
"""Relative, of what iterates in double precision."""
WITHOUT_CUDA = "torch finds no CUDA device"
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason=WITHOUT_CUDA)]
    ),
]
on_each_device = pytest.mark.parametrize("device", DEVICES)


def family_of(instance):
    return FAMILIES[instance.problem]


def moved(family, device="cpu"):
    return family.on(TorchDevice(device))


def first_start_value(family, instance, start):
    """What the first start is worth; precoding's polisher starts from shares, other things from allocations."""
    if family is PRECODING and instance.power is None and not np.iscomplexobj(start):
        start = precoder_of_shares(instance, start[0])[None]
    return family.objective(instance, start[0])


def check(instances, starts, stopping, what, device, accuracy):
    family = family_of(instances[0])
    expected = getattr(family, what)(instances, starts, stopping)
    found = getattr(moved(family, device), what)(instances, starts, stopping)
    for instance, start, one, other in zip(instances, starts, expected, found, strict=True):
        assert family.margin(instance, other.allocation) >= -1e-9
        assert other.objective == pytest.approx(one.objective, rel=accuracy)
        assert other.objective == pytest.approx(family.objective(instance, other.allocation), rel=1e-6)
        assert other.objective >= first_start_value(family, instance, start) * (1 - 1e-9)
        assert other.allocation.dtype == one.allocation.dtype
        assert 0 <= other.start < len(start)


@on_each_device
@given(power_controls(), st.integers(1, 20), st.integers(0, 70))
def test_power_control_races_to_an_answer_as_good(device, instance, count, iterations):
    starts = POWER_CONTROL.polish_starts(instance, count)
    check([instance], [starts], Stopping(iterations, 1e-5), "polish", device, RACED)


@on_each_device
@given(power_controls(), st.integers(1, 5), st.integers(0, 60))
def test_power_controls_wmmse_is_the_hosts(device, instance, count, iterations):
    starts = POWER_CONTROL.polish_starts(instance, count)
    check([instance], [starts], Stopping(iterations), "refine", device, PLAIN)


@on_each_device
@settings(max_examples=30)
@given(precodings(efficient=False), st.integers(1, 12), st.integers(0, 24), st.sampled_from([0.0, 1e-5]))
def test_precoding_climbs_as_on_the_host(device, instance, count, steps, tolerance):
    starts = PRECODING.polish_starts(instance, count)
    check([instance], [starts], Stopping(steps, tolerance), "polish", device, 1e-5)


@on_each_device
@settings(max_examples=30)
@given(precodings(efficient=False), st.integers(0, 30))
def test_reduced_wmmse_is_the_hosts(device, instance, iterations):
    check([instance], [PRECODING.starts(instance)], Stopping(iterations), "refine", device, 1e-6)


@on_each_device
@settings(max_examples=30)
@given(beamformings(), st.integers(0, 30), st.sampled_from([0.0, 1e-5]))
def test_beamformings_wmmse_is_the_hosts(device, instance, iterations, tolerance):
    check([instance], [BEAMFORMING.starts(instance)], Stopping(iterations, tolerance), "refine", device, 1e-6)


@on_each_device
@pytest.mark.parametrize("what", ["polish", "refine"])
@pytest.mark.parametrize(
    "instances",
    [
        [random_power_control(seed, pairs) for seed, pairs in ((0, 6), (1, 9), (2, 6), (3, 6))],
        [random_precoding(seed, users, 6) for seed, users in ((0, 3), (1, 5), (2, 3), (3, 3))],
        [random_beamforming(seed, pairs, 3) for seed, pairs in ((0, 4), (1, 5), (2, 4), (3, 4))],
    ],
    ids=["power_control", "precoding", "beamforming"],
)
def test_a_batch_gives_each_instance_its_answer_alone(device, instances, what):
    family = moved(family_of(instances[0]), device)
    starts = [
        family.polish_starts(instance, 6) if what == "polish" else family.starts(instance) for instance in instances
    ]
    together = getattr(family, what)(instances, starts, Stopping(20))
    for instance, start, found in zip(instances, starts, together, strict=True):
        alone = getattr(family, what)([instance], [start], Stopping(20))[0]
        assert found.iterations == alone.iterations
        assert found.objective == pytest.approx(alone.objective, rel=1e-6)


def test_every_iteration_asks_the_clock_and_ends_with_it():
    instances = [random_power_control(seed, 6) for seed in range(3)]
    for allowed in (0, 1, 17, 40):
        asked = 0

        def expired(allowed=allowed):
            nonlocal asked
            asked += 1
            return asked > allowed

        starts = [POWER_CONTROL.polish_starts(instance, 16) for instance in instances]
        found = moved(POWER_CONTROL).polish(instances, starts, Stopping(100, expired=expired))
        assert {one.iterations for one in found} == {allowed}


def test_what_can_be_moved():
    assert POWER_CONTROL.movable(random_power_control(0, 3))
    assert not POWER_CONTROL.movable(random_power_control(0, 3, sparse=True))
    assert PRECODING.movable(random_precoding(0, 2, 2, bands=2))
    assert not PRECODING.movable(random_precoding(0, 2, 2, efficient=True))
    assert BEAMFORMING.movable(random_beamforming(0, 3, 2, transmitters=2))
    assert not BEAMFORMING.movable(random_beamforming(0, 3, 2, sparse=True))
    assert not BEAMFORMING.movable(random_beamforming(0, 3, 2, antenna_limits=True))
    assert not CELL_FREE.movable(None)
    assert not HYBRID_PRECODING.movable(None)


def users_in_all(instance):
    return math.prod(instance.channel.shape[:-1]) if family_of(instance) is PRECODING else instance.size


class Nowhere:
    """A device whose arrays have shapes and no numbers: what mixes them with the host's fails, as on a GPU."""

    name = "meta"

    def put(self, array):
        return torch.empty(array.shape, dtype=torch.from_numpy(np.empty(0, array.dtype)).dtype, device="meta")

    def take(self, array):
        assert array.device.type == "meta"
        return np.zeros(tuple(array.shape), torch.empty(0, dtype=array.dtype).numpy().dtype)

    def wait(self):
        pass


def test_the_device_of_shapes_notices_what_lies_elsewhere():
    with pytest.raises(RuntimeError):
        Nowhere().put(np.zeros(3)) + torch.ones(3)
    with pytest.raises(TypeError):
        Nowhere().put(np.zeros((3, 3))) @ np.ones((3, 3))


@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize(
    "instances",
    [
        [random_power_control(seed, 6) for seed in range(2)],
        [random_precoding(seed, 3, 4) for seed in range(2)],
        [random_precoding(seed, 3, 4, bands=2) for seed in range(2)],
        [random_beamforming(seed, 4, 2) for seed in range(2)],
        [random_beamforming(3, 4, 3, transmitters=2)] * 2,
        [random_beamforming(3, 4, 9, transmitters=2)] * 2,
    ],
    ids=["power_control", "precoding", "sub_bands", "two_antennas", "cells", "many_antennas"],
)
def test_nothing_that_iterates_is_left_on_the_host(monkeypatch, instances, yes):
    family = family_of(instances[0])
    monkeypatch.setattr(torch.Tensor, "__bool__", lambda self: yes)
    # Precoding counts its users: everybody is there.
    monkeypatch.setattr(torch.Tensor, "__int__", lambda self: 2 * users_in_all(instances[0]))
    nowhere = family.on(Nowhere())
    for what in ("polish", "refine"):
        starts = [family.polish_starts(one, 12) if what == "polish" else family.starts(one) for one in instances]
        getattr(nowhere, what)(instances, starts, Stopping(30, 1e-6))
