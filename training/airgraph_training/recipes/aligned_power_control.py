"""Power control everywhere: 3 to 200 pairs, -10 to 40 dB, Rayleigh, Rician and path loss, dense and sparse, weighted.

Every epoch draws new samples, so that what is learnt is the laws and not the samples. Two stages: the second goes on
from the first with more large networks, which need more of the network than small ones and were few.
"""

from __future__ import annotations

from dataclasses import replace

from airgraph_models.gnn.aligned import AlignedArchitecture
from airgraph_training.channels import LOG_DISTANCE, PUBLISHED_FIELD, STREET_CANYON, PathLoss
from airgraph_training.data import SampleGroup
from airgraph_training.recipes.recipe import Recipe

WEIGHTED = 0.25
LEVELS = (-10.0, 40.0)
USUAL = (10.0, 10.0)
COUNTS = {3: 1536, 5: 1536, 10: 1536, 20: 768, 30: 512, 50: 320, 80: 128, 200: 36}
"""Samples an epoch of one kind: fewer where they are larger, so that every size costs about the same."""
LATER_COUNTS = {3: 256, 5: 384, 10: 512, 20: 512, 30: 400, 50: 400, 100: 160, 200: 80}
"""The same for the second stage, which is about large networks."""
FIELD_SHARE = 4
"""Of the samples by size, each of the five kinds of fields gets one in so many."""


def _rayleigh(name: str, count: int, pairs: int, snr_db: tuple[float, float]) -> SampleGroup:
    return SampleGroup(f"{name}-{pairs}", count, pairs, snr_db=snr_db, weighted=WEIGHTED)


def _field(name: str, count: int, pairs: int, law: PathLoss, power_db: tuple[float, float] = (0.0, 0.0)) -> SampleGroup:
    side = 1000.0 * (pairs / 50) ** 0.5
    return SampleGroup(
        f"{name}-{pairs}", count, pairs, law, side, density=(0.2, 10.0), power_db=power_db, weighted=WEIGHTED
    )


def _training(counts: dict[int, int]) -> tuple[SampleGroup, ...]:
    groups: list[SampleGroup] = []
    for pairs, count in counts.items():
        few = max(count // FIELD_SHARE, 4)
        groups += [
            _rayleigh("rayleigh", count, pairs, USUAL),
            _rayleigh("levels", count, pairs, LEVELS),
            SampleGroup(f"rician-{pairs}", count // 2, pairs, snr_db=LEVELS, rice_db=(-10.0, 15.0), weighted=WEIGHTED),
            SampleGroup(f"sparse-{pairs}", count // 2, pairs, snr_db=LEVELS, present=(0.05, 1.0), weighted=WEIGHTED),
            _field("field", few, pairs, PUBLISHED_FIELD),
            _field("log-distance", few, pairs, LOG_DISTANCE),
            _field("street", few, pairs, STREET_CANYON),
            _field("log-distance-power", few, pairs, LOG_DISTANCE, (-40.0, 10.0)),
            _field("street-power", few, pairs, STREET_CANYON, (-40.0, 10.0)),
        ]
    return tuple(groups)


def _validation() -> tuple[SampleGroup, ...]:
    one = (1.0, 1.0)
    groups = [
        SampleGroup(f"rayleigh-{pairs}-{level:+.0f}dB", count, pairs, snr_db=(level, level))
        for pairs, count in ((10, 100), (50, 30))
        for level in (0.0, 10.0, 20.0, 40.0)
    ]
    for pairs, count in ((10, 100), (50, 30)):
        side = 1000.0 * (pairs / 50) ** 0.5
        groups += [
            SampleGroup(f"{name}-{pairs}", count, pairs, law, side, density=one)
            for name, law in (("field", PUBLISHED_FIELD), ("log-distance", LOG_DISTANCE), ("street", STREET_CANYON))
        ]
    return (*groups, SampleGroup("rayleigh-200", 8, 200), SampleGroup("sparse-50", 30, 50, present=(0.2, 0.2)))


FIRST_STAGE = Recipe(
    name="aligned-power-control-first",
    problem="power_control",
    model="aligned",
    version="1",
    description=(
        "Weighted sum rate of single-antenna pairs, one checkpoint for all: 3 to 200 pairs in training, Rayleigh and "
        "Rician fading at -10 to 40 dB with all or few of the interfering links, and drops with path loss, shadowing "
        "and fading, 10 to 500 pairs in a square kilometre, over 50 dB of transmit power; weights of one or random."
    ),
    antennas=0,
    architecture=AlignedArchitecture(hidden=64, channels=8, memory=16),
    default=False,
    training=_training(COUNTS),
    validation=_validation(),
    stretch=(SampleGroup("rayleigh-300", 8, 300), SampleGroup("field-500", 6, 500, PUBLISHED_FIELD, 3162.0)),
    epochs=60,
    learning_rate=2e-3,
    links_per_batch=200_000,
    batches_per_step=2,
    nodes_per_batch=800,
    fresh=True,
)
ALIGNED_POWER_CONTROL = replace(
    FIRST_STAGE,
    name="aligned-power-control",
    default=True,
    training=_training(LATER_COUNTS),
    epochs=36,
    learning_rate=1e-3,
    goes_on_from=FIRST_STAGE.name,
)
