"""The loss is the problem's own objective, so what is trained is what is served."""

import numpy as np
import pytest
import torch

from airgraph_models.problems import BEAMFORMING, POWER_CONTROL
from airgraph_models.problems.beamforming_features import beamforming_graph, beams_from_output
from airgraph_models.problems.beamforming_instance import Beamforming
from airgraph_training.channels import LOG_DISTANCE, PUBLISHED_FIELD
from airgraph_training.data import SampleGroup, channel_in_frames, prepare
from airgraph_training.losses import beamforming_objective, power_control_objective, relative_loss

GROUPS = [
    SampleGroup("rayleigh", 5, 7, snr_db=(0, 30), weighted=0.5),
    SampleGroup("field", 5, 7, PUBLISHED_FIELD, 300.0, reach=200.0, weighted=0.5),
    SampleGroup("log-distance", 5, 7, LOG_DISTANCE, 300.0),
]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_power_control_objective(group):
    rng = np.random.default_rng(0)
    drawn = prepare(group, 0, rng)
    share = rng.uniform(size=(group.count, group.pairs, 1)).astype(np.float32)
    expected = [
        POWER_CONTROL.objective(instance, s[:, 0].astype(float))
        for instance, s in zip(drawn.instances, share, strict=True)
    ]
    objective = power_control_objective(torch.from_numpy(share), drawn.channel, drawn.weights)
    np.testing.assert_allclose(objective.numpy(), expected, rtol=2e-5)


@pytest.mark.parametrize("antennas", [1, 2, 3])
@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_beamforming_objective(group, antennas):
    rng = np.random.default_rng(1)
    for _ in range(4):
        channel = rng.standard_normal((group.pairs, group.pairs, antennas, 2)).view(complex)[..., 0]
        weights = rng.uniform(size=group.pairs)
        instance = Beamforming.create(channel, weights=weights)
        _, frames = beamforming_graph(instance)
        output = rng.standard_normal((group.pairs, 2 * antennas)).astype(np.float32)
        objective = beamforming_objective(
            torch.from_numpy(output[None]),
            torch.from_numpy(channel_in_frames(instance.channel, frames)[None]),
            torch.from_numpy(weights[None].astype(np.float32)),
        )
        expected = BEAMFORMING.objective(instance, beams_from_output(instance, frames, output))
        assert objective.item() == pytest.approx(expected, rel=2e-5)


def test_relative_loss_has_the_gradient_of_the_objective_over_itself():
    objective = torch.tensor([2.0, 50.0], requires_grad=True)
    relative_loss(objective).backward()
    np.testing.assert_allclose(objective.grad.numpy(), [-1 / 4, -1 / 100])


def test_maximum_ratio_is_the_first_unit_vector_of_every_frame():
    group = GROUPS[1]
    drawn = prepare(group, 2, np.random.default_rng(2))
    start = torch.zeros(group.count, group.pairs, 4)
    start[..., 0] = 1
    expected = [BEAMFORMING.objective(i, BEAMFORMING.baseline(i)) for i in drawn.instances]
    objective = beamforming_objective(start, drawn.channel, drawn.weights)
    np.testing.assert_allclose(objective.numpy(), expected, rtol=2e-5)


def test_links_out_of_reach_are_hidden_from_the_network_only():
    drawn = prepare(GROUPS[1], 2, np.random.default_rng(3))
    assert drawn.graphs[0].neighbour.size < 7 * 6
    assert (drawn.channel[0].abs().sum(dim=-1) > 0).all()
