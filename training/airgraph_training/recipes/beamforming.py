"""Beamforming with two antennas a transmitter, in fields as dense as paper 001's (50 pairs in a square kilometre)."""

from __future__ import annotations

from airgraph_models.gnn.wcgcn import WCGCNArchitecture
from airgraph_models.problems.beamforming_features import NODE_FEATURES, link_features
from airgraph_training.channels import PUBLISHED_FIELD
from airgraph_training.data import SampleGroup
from airgraph_training.recipes.recipe import Recipe

WEIGHTED = 0.15
REACH = 500.0


def _field(name: str, count: int, pairs: int, side: float, reach: float | None = None) -> SampleGroup:
    return SampleGroup(name, count, pairs, PUBLISHED_FIELD, side, reach=reach, weighted=WEIGHTED)


WCGCN_BEAMFORMING = Recipe(
    name="wcgcn-beamforming",
    problem="beamforming",
    model="wcgcn",
    version="1",
    description=(
        "Weighted sum rate of the two-antenna MISO interference channel, from 3 to 50 pairs in training: fields of "
        "100 to 300 m a side for each 10 pairs, with all links or only those within 500 m."
    ),
    antennas=2,
    architecture=WCGCNArchitecture(NODE_FEATURES, link_features(2), antennas=2, message=(64, 64), update=32),
    default=True,
    training=(
        _field("field-3", 400, 3, 245.0),
        _field("field-10", 3000, 10, 447.0),
        _field("field-10-dense", 600, 10, 250.0),
        _field("field-20", 1400, 20, 632.0),
        _field("field-20-dense", 400, 20, 400.0),
        _field("field-30", 600, 30, 775.0),
        _field("field-30-near", 600, 30, 775.0, REACH),
        _field("field-50", 500, 50, 1000.0),
        _field("field-50-near", 800, 50, 1000.0, REACH),
    ),
    validation=(
        _field("field-10", 200, 10, 447.0),
        _field("field-50", 40, 50, 1000.0),
        _field("field-50-near", 40, 50, 1000.0, REACH),
    ),
    stretch=(_field("field-100", 20, 100, 1414.0),),
    epochs=30,
    learning_rate=2e-3,
    links_per_batch=4000,
    batches_per_step=3,
)
