"""Partially connected hybrid precoding: clustered channels, 64 to 256 antennas, 1 to 4 streams, 2 to 32 chains."""

from __future__ import annotations

from airgraph_models.gnn.unrolled_chains import UnrolledChainsArchitecture
from airgraph_training.data import SampleGroup
from airgraph_training.recipes.recipe import Recipe

PAPER_CHAINS = (2, 3, 4, 6, 9, 12, 18)
"""Paper 000, VI-C and figure 4: 144 antennas, two streams."""
OTHERS = (
    (144, 6, 1),
    (144, 6, 3),
    (144, 12, 3),
    (144, 4, 4),
    (144, 18, 4),
    (64, 4, 2),
    (64, 16, 2),
    (64, 8, 3),
    (64, 8, 4),
    (256, 8, 2),
    (256, 32, 2),
    (256, 16, 4),
)
RICH = ((144, 6, 2), (64, 8, 3))


def _groups(count: int) -> tuple[SampleGroup, ...]:
    shapes = (*((144, chains, 2) for chains in PAPER_CHAINS), *OTHERS)
    sparse = tuple(SampleGroup(f"{n}-{r}-{s}", count, r, antennas=n, streams=s) for n, r, s in shapes)
    return *sparse, *(SampleGroup(f"rich-{n}-{r}-{s}", count, r, antennas=n, streams=s, rich=True) for n, r, s in RICH)


UNROLLED_HYBRID = Recipe(
    name="unrolled-hybrid",
    problem="hybrid_precoding",
    model="unrolled_chains",
    version="1",
    description=(
        "Phases of partially connected hybrid precoders of 64 to 256 antennas, 2 to 32 radio-frequency chains and 1 to "
        "4 streams, on clustered millimetre-wave channels and rich ones."
    ),
    antennas=0,
    architecture=UnrolledChainsArchitecture(),
    default=True,
    training=_groups(470),
    validation=tuple(group for group in _groups(100) if group.name != "144-6-1"),
    stretch=(),
    epochs=30,
    learning_rate=2e-2,
    links_per_batch=12_000,
    nodes_per_batch=12_000,
    batches_per_step=4,
    averaging=0.99,
)
