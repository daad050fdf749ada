"""The cells of the study `universal`: everything that a power-control network may meet, by kind and number of pairs."""

from __future__ import annotations

import numpy as np

from airgraph_training.channels import LOG_DISTANCE, PUBLISHED_FIELD, STREET_CANYON, PathLoss, drop_pairs
from airgraph_training.studies.populations import (
    Population,
    Sample,
    rayleigh_population,
    rician_population,
    thinned_population,
)

SIZES = {2: 500, 5: 500, 10: 300, 20: 150, 30: 100, 50: 60, 100: 30, 200: 12}
"""Test instances by number of pairs."""
LEVELS = (-10.0, 0.0, 10.0, 20.0, 30.0, 40.0)
"""dB."""
RICE_FACTORS = (1.0, 10.0)
DENSITIES = (1.0, 5.0)
"""Over 50 pairs in a square kilometre."""
SIDE_OF_FIFTY = 1000.0


def drop_population(path_loss: PathLoss, density: float, *, weighted: bool = False) -> Population:
    """Pairs dropped in a square of ``50 * density`` pairs a square kilometre; weights one, or uniform in 0..1."""

    def draw(rng: np.random.Generator, pairs: int) -> Sample:
        side = SIDE_OF_FIFTY * (pairs / 50 / density) ** 0.5
        snr = np.abs(drop_pairs(rng, pairs, side, path_loss).channel[..., 0]) ** 2
        return Sample(snr, rng.uniform(0.0, 1.0, pairs) if weighted else np.ones(pairs))

    weights = ", weights in 0..1" if weighted else ""
    return Population(f"{path_loss.name}, {50 * density:g} pairs/km2{weights}", draw)


def populations() -> tuple[Population, ...]:
    """Every kind of network."""
    return (
        *(rayleigh_population(level) for level in LEVELS),
        *(rician_population(10.0, factor, 1.0) for factor in RICE_FACTORS),
        *(thinned_population(10.0, lost, weighted=weighted) for lost in (0.5, 0.8) for weighted in (False, True)),
        thinned_population(10.0, 0.0, weighted=True),
        *(
            drop_population(law, density)
            for law in (PUBLISHED_FIELD, LOG_DISTANCE, STREET_CANYON)
            for density in DENSITIES
        ),
        drop_population(PUBLISHED_FIELD, 1.0, weighted=True),
    )
