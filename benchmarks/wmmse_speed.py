"""Vectorised multi-antenna WMMSE against the plain loop, K = 50, two antennas, 100 iterations, one thread."""

from pathlib import Path
from time import perf_counter

import numpy as np

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import BEAMFORMING, Beamforming
from wmmse_loop import beamforming_wmmse_loop

REFERENCE = Path(__file__).parents[1] / "tests" / "data" / "reference"
ITERATIONS = 100
ROUNDS = 5


def measure():
    """Rows (name, value) of this benchmark."""
    channel = np.load(REFERENCE / "miso_interference.npz")["K50_H"][0].astype(complex)
    instance = Beamforming.create(channel)
    start = BEAMFORMING.baseline(instance)
    ours, loops = [], []
    for _ in range(ROUNDS):
        began = perf_counter()
        result = BEAMFORMING.refine([instance], [start[None]], Stopping(ITERATIONS))[0]
        between = perf_counter()
        looped = beamforming_wmmse_loop(channel, instance.noise_power, instance.max_power, start, ITERATIONS)
        loops.append(perf_counter() - between)
        ours.append(between - began)
    difference = abs(BEAMFORMING.objective(instance, looped) / result.objective - 1)
    ratio = np.median(np.array(loops) / np.array(ours))
    return [
        ("plain loop, ms", f"{np.median(loops) * 1e3:.0f}"),
        ("vectorised, ms", f"{np.median(ours) * 1e3:.1f}"),
        ("loop over vectorised", f"{ratio:.1f}"),
        ("relative difference of the two sum rates", f"{difference:.1e}"),
    ]


if __name__ == "__main__":
    for name, value in measure():
        print(f"{name:45} {value}")
