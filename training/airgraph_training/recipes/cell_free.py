"""Cell-free max-min power control: 10 to 100 access points, 2 to 32 users, fresh networks every epoch."""

from __future__ import annotations

from airgraph_models.gnn.max_min import MaxMinArchitecture
from airgraph_training.data import SampleGroup
from airgraph_training.recipes.recipe import Recipe

SHAPES = (
    (10, 2),
    (30, 4),
    (30, 6),
    (50, 6),
    (30, 8),
    (50, 8),
    (30, 10),
    (50, 10),
    (50, 16),
    (100, 20),
    (50, 32),
    (100, 32),
)
"""Access points and users; beyond twenty users pilots are shared."""
POWERS = (-20.0, 10.0)
"""dB over 100 mW."""

MAX_MIN_CELL_FREE = Recipe(
    name="max-min-cell-free",
    problem="cell_free",
    model="max_min",
    version="1",
    description=(
        "Largest smallest uplink rate of cell-free networks of 10 to 100 access points and 2 to 32 users, pilots "
        "orthogonal up to 20 users and shared beyond, at 1 mW to 1 W. AUTO asks it only for a shadow or where "
        "polishing is forbidden: the fixed point from full power ends at the proven optimum, and sooner."
    ),
    antennas=0,
    architecture=MaxMinArchitecture(),
    default=True,
    training=tuple(SampleGroup(f"{m}-{k}", 640, k, access_points=m, power_db=POWERS) for m, k in SHAPES),
    validation=tuple(
        SampleGroup(f"{m}-{k}", 200, k, access_points=m)
        for m, k in ((30, 6), (30, 8), (30, 10), (50, 6), (50, 8), (50, 10), (100, 20))
    ),
    stretch=(),
    epochs=20,
    learning_rate=5e-3,
    links_per_batch=6000,
    batches_per_step=2,
    fresh=True,
)
