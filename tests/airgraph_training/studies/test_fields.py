"""Fields with local channel knowledge: what a network sees, and what the objective counts."""

import numpy as np
import pytest
import torch

from airgraph_models.gnn.wcgcn import WCGCN
from airgraph_training.losses import power_control_objective
from airgraph_training.studies.dense_fitting import Fit
from airgraph_training.studies.field_networks import SIZES, FieldSamples, fit_field, union
from airgraph_training.studies.fields import REACH, Field, FieldInstances

FIELD = Field()


def drawn(pairs=20, count=30, field=FIELD):
    return FieldInstances.draw(field, np.random.default_rng(5), pairs, count)


def test_direct_links_are_always_seen_and_about_half_of_the_others():
    near = drawn().near
    assert near.diagonal(axis1=1, axis2=2).all()
    others = near[:, ~np.eye(20, dtype=bool)].mean()
    # How likely two points of a unit square are closer than r <= 1.
    r = REACH / FIELD.side
    assert others == pytest.approx(np.pi * r**2 - 8 / 3 * r**3 + r**4 / 2, abs=0.03)


def test_the_graph_holds_the_seen_links_and_no_other():
    instances = drawn(count=3)
    for graph, snr, near in zip(instances.graphs(), instances.whole.snr, instances.near, strict=True):
        for node in range(20):
            around = slice(graph.offsets[node], graph.offsets[node + 1])
            neighbours = graph.neighbour[around]
            either = (near | near.T)[node] & (np.arange(20) != node)
            assert sorted(neighbours) == list(np.flatnonzero(either))
            heard = np.where(near[node, neighbours], np.log1p(snr[node, neighbours]), 0.0)
            caused = np.where(near[neighbours, node], np.log1p(snr[neighbours, node]), 0.0)
            np.testing.assert_allclose(graph.link[around], np.stack([heard, caused], axis=-1), rtol=1e-5)


def test_unseen_links_still_count_in_the_objective():
    instances = drawn()
    power = instances.whole.ones[:, 0]
    assert (instances.whole.rate(power) < instances.seen.rate(power)).all()


def test_a_training_set_is_what_the_population_draws():
    fit = Fit(6, 5, 1, 3, FIELD.population)
    snr, weights = fit.draw()
    batch = union([FieldSamples(FIELD, fit)[i] for i in range(5)])
    torch.testing.assert_close(batch.channel, snr)
    torch.testing.assert_close(batch.weights, weights)


def test_the_law_is_in_the_name_that_networks_are_kept_under():
    fields = (FIELD, Field(side=500.0), Field(nearest=10.0), Field(farthest=50.0))
    assert len({field.population.name for field in fields}) == len(fields)


def test_training_raises_the_weighted_sum_rate():
    field = Field(side=400.0)
    batch = union(list(FieldSamples(field, Fit(12, 64, 1, 9, field.population))))
    torch.manual_seed(1)
    network = WCGCN(SIZES)

    def rate():
        with torch.inference_mode():
            share = network(*batch.inputs).reshape(64, 12, 1)
            return power_control_objective(share, batch.channel.unsqueeze(-1), batch.weights).mean()

    untrained = rate()
    fit_field(network, field, Fit(12, 256, 4, 2, field.population, batch=8, learning_rate=1e-2))
    assert rate() > untrained
