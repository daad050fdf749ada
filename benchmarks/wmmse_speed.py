"""Vectorised multi-antenna WMMSE against the plain loop, K = 50, two antennas, 100 iterations, one thread."""

from time import perf_counter

import numpy as np

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import BEAMFORMING
from reference_instances import beamforming
from wmmse_loop import beamforming_wmmse_loop

ITERATIONS = 100
ROUNDS = 7


def measure():
    """One table: title, columns, rows."""
    instance = beamforming(50)[0][0]
    start = BEAMFORMING.baseline(instance)
    ours, loops = [], []
    for _ in range(ROUNDS):
        began = perf_counter()
        result = BEAMFORMING.refine([instance], [start[None]], Stopping(ITERATIONS))[0]
        between = perf_counter()
        looped = beamforming_wmmse_loop(instance.channel, instance.noise_power, instance.max_power, start, ITERATIONS)
        loops.append(perf_counter() - between)
        ours.append(between - began)
    difference = abs(BEAMFORMING.objective(instance, looped) / result.objective - 1)
    row = (
        f"{np.median(loops) * 1e3:.0f}",
        f"{np.median(ours) * 1e3:.1f}",
        f"{np.median(np.array(loops) / np.array(ours)):.1f}",
        f"{difference:.0e}",
    )
    title = "Multi-antenna WMMSE, K = 50, two antennas, 100 iterations"
    return [(title, ("plain loop, ms", "vectorised, ms", "ratio", "relative difference of the sum rates"), [row])]
