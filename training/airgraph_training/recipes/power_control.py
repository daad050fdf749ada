"""Power control: i.i.d. Rayleigh fading (papers 000, 001 and 003) and dropped pairs with path loss (paper 001)."""

from __future__ import annotations

from airgraph_models.gnn.wcgcn import WCGCNArchitecture
from airgraph_models.problems.power_control_features import LINK_FEATURES, NODE_FEATURES
from airgraph_training.channels import LOG_DISTANCE, PUBLISHED_FIELD, STREET_CANYON, PathLoss
from airgraph_training.data import SampleGroup
from airgraph_training.recipes.recipe import Recipe

WEIGHTED = 0.15


def _rayleigh(name: str, count: int, pairs: int, snr_db: tuple[float, float] = (10.0, 10.0)) -> SampleGroup:
    return SampleGroup(name, count, pairs, snr_db=snr_db, weighted=WEIGHTED)


def _drop(name: str, count: int, pairs: int, side: float, path_loss: PathLoss) -> SampleGroup:
    return SampleGroup(name, count, pairs, path_loss, side, weighted=WEIGHTED)


WCGCN_POWER_CONTROL = Recipe(
    name="wcgcn-power-control",
    problem="power_control",
    model="wcgcn",
    version="1",
    description=(
        "Weighted sum rate of single-antenna pairs: i.i.d. Rayleigh fading at 10 dB (a few at 0 to 30 dB) with 5 to "
        "50 pairs, and drops of 10 to 50 pairs with path loss, shadowing and fading."
    ),
    antennas=0,
    architecture=WCGCNArchitecture(NODE_FEATURES, LINK_FEATURES, antennas=0, message=(64, 64), update=32, memory=8),
    default=False,
    training=(
        _rayleigh("rayleigh-5", 400, 5),
        _rayleigh("rayleigh-10", 2700, 10),
        _rayleigh("rayleigh-20", 1300, 20),
        _rayleigh("rayleigh-30", 700, 30),
        _rayleigh("rayleigh-50", 350, 50),
        _rayleigh("rayleigh-snr", 600, 12, (0.0, 30.0)),
        _drop("field-10", 500, 10, 447.0, PUBLISHED_FIELD),
        _drop("field-30", 300, 30, 775.0, PUBLISHED_FIELD),
        _drop("field-50", 100, 50, 1000.0, PUBLISHED_FIELD),
        _drop("log-distance-10", 500, 10, 447.0, LOG_DISTANCE),
        _drop("log-distance-30", 250, 30, 775.0, LOG_DISTANCE),
        _drop("log-distance-50", 100, 50, 1000.0, LOG_DISTANCE),
        _drop("street-10", 900, 10, 447.0, STREET_CANYON),
        _drop("street-20", 700, 20, 632.0, STREET_CANYON),
        _drop("street-30", 350, 30, 775.0, STREET_CANYON),
        _drop("street-50", 250, 50, 1000.0, STREET_CANYON),
    ),
    validation=(
        _rayleigh("rayleigh-10", 300, 10),
        _rayleigh("rayleigh-30", 100, 30),
        _rayleigh("rayleigh-50", 60, 50),
        _drop("field-50", 40, 50, 1000.0, PUBLISHED_FIELD),
        _drop("log-distance-50", 40, 50, 1000.0, LOG_DISTANCE),
        _drop("street-50", 40, 50, 1000.0, STREET_CANYON),
    ),
    stretch=(
        _rayleigh("rayleigh-100", 40, 100),
        _rayleigh("rayleigh-200", 20, 200),
        _drop("field-200", 20, 200, 2000.0, PUBLISHED_FIELD),
        _drop("street-200", 20, 200, 2000.0, STREET_CANYON),
    ),
    epochs=45,
    learning_rate=2e-3,
    links_per_batch=4000,
    batches_per_step=3,
)
