"""Precoding everywhere: 4 to 128 antennas, 2 to 32 users, -10 to 30 dB, Rayleigh and 3GPP UMi, near and far users.

Every epoch draws new samples; UMi users come from drops that `airgraph-train channels umi` keeps in a file.
"""

from __future__ import annotations

from dataclasses import replace

from airgraph_models.gnn.gram import GramArchitecture
from airgraph_models.problems.precoding_gram import PAIR_FEATURES, USER_FEATURES
from airgraph_training.data import SampleGroup
from airgraph_training.recipes.recipe import Recipe

DROPS = "umi.npz"
WEIGHTED = 0.2
LEVELS = (-10.0, 30.0)
SHAPES = (
    (4, 2),
    (4, 4),
    (8, 4),
    (8, 8),
    (16, 8),
    (16, 16),
    (32, 8),
    (32, 16),
    (32, 32),
    (64, 16),
    (64, 32),
    (128, 16),
    (128, 32),
)
"""Antennas and users."""
SAMPLES_OF_SIXTEEN = 192
FEWEST, MOST = 96, 384


def _count(users: int) -> int:
    """Fewer of the larger, which cost more."""
    return min(MOST, max(FEWEST, SAMPLES_OF_SIXTEEN * 16 // users))


def _training() -> tuple[SampleGroup, ...]:
    groups: list[SampleGroup] = []
    for antennas, users in SHAPES:
        count = _count(users)
        name = f"{antennas}-{users}"
        common = SampleGroup(name, count, users, snr_db=LEVELS, weighted=WEIGHTED, antennas=antennas)
        groups += [
            replace(common, name=f"rayleigh-{name}"),
            replace(common, name=f"near-far-{name}", count=count // 2, spread_db=(0.0, 30.0)),
            replace(common, name=f"umi-{name}", drops=DROPS, spread_db=(0.0, 100.0)),
        ]
    return tuple(groups)


def _validation() -> tuple[SampleGroup, ...]:
    def at(level: float) -> tuple[float, float]:
        return (level, level)

    return (
        *(
            SampleGroup(f"rayleigh-{n}-{k}-{level:+.0f}dB", 60, k, snr_db=at(level), antennas=n)
            for n, k, level in (
                (8, 4, 0.0),
                (8, 4, 10.0),
                (32, 16, 0.0),
                (64, 32, 10.0),
                (16, 16, 10.0),
                (16, 16, 20.0),
            )
        ),
        *(
            SampleGroup(
                f"umi-{n}-16-{level:+.0f}dB", 40, 16, snr_db=at(level), antennas=n, drops=DROPS, spread_db=at(s)
            )
            for n, level, s in ((32, 0.0, 0.0), (32, 10.0, 0.0), (32, 20.0, 100.0), (64, 10.0, 0.0), (64, 20.0, 100.0))
        ),
    )


GRAM_PRECODING = Recipe(
    name="gram-precoding",
    problem="precoding",
    model="gram",
    version="1",
    description=(
        "Weighted sum rate of one transmitter under a sum-power budget, one checkpoint for all: 4 to 128 antennas, 2 "
        "to 32 users, -10 to 30 dB, Rayleigh fading with users at one level or up to 30 dB apart, and 3GPP UMi drops "
        "at 3.5 GHz with or without their path-loss spread; weights of one or random."
    ),
    antennas=0,
    architecture=GramArchitecture(USER_FEATURES, PAIR_FEATURES),
    default=True,
    training=_training(),
    validation=_validation(),
    stretch=(
        SampleGroup("rayleigh-96-48-+10dB", 20, 48, antennas=96),
        SampleGroup("rayleigh-48-48-+10dB", 20, 48, antennas=48),
    ),
    epochs=24,
    learning_rate=2e-3,
    links_per_batch=12_000,
    batches_per_step=2,
    nodes_per_batch=1_000,
    fresh=True,
    averaging=0.995,
)
