"""What is joined into one batch of iterations, and what that costs an instance: decision 18.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/sizes_together.py

Mixed sizes, uniform in 5 to 50; AUTO's polish from all its starts, and CLASSICAL's 100 iterations. Ways of joining take
turns, on instances of their own; medians of the rounds.
"""

from functools import partial

import numpy as np

from airgraph_models.problems import BEAMFORMING, POWER_CONTROL, Beamforming, PowerControl
from airgraph_server.decision.placement import usual_run
from airgraph_server.settings import Settings
from alternately import in_turn

SMALLEST, LARGEST = 5, 50
COUNTS = (12, 64)
ANTENNAS = (2, 4)
ROUNDS = 5
SETTINGS = Settings()
WAYS = {
    "own size": lambda size: size,
    "half an octave": lambda size: int(np.ceil(2 * np.log2(size))),
    "one octave": lambda size: int(np.ceil(np.log2(size))),
    "two octaves": lambda size: int(np.ceil(np.ceil(np.log2(size)) / 2)),
    "all": lambda size: 0,
}


def joined_by(family, way):
    """The same family with another `batch`."""

    class Joined(type(family)):
        def batch(self, instance):
            return way(instance.size)

    return Joined()


def power_gain(rng, size):
    """Rayleigh fading."""
    return rng.exponential(size=(size, size))


def channel(antennas, rng, size):
    """The same with several antennas a transmitter."""
    shape = (size, size, antennas)
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def power_control(gain):
    """At 10 dB."""
    return PowerControl.create(gain, noise_power=0.1)


def beamforming(gain):
    """At 10 dB."""
    return Beamforming.create(gain, noise_power=0.1)


def solver(family, gains, make, what):
    """Solves instances of which nothing was prepared yet; starts and stopping are those of the server."""
    runs = [usual_run(family, make(one), what, SETTINGS) for one in gains]
    starts, stopping = [run[0] for run in runs], runs[0][1]
    return lambda: getattr(family, what)([make(one) for one in gains], starts, stopping)


def main():
    """Measures and prints."""
    rng = np.random.default_rng(0)
    cases = [("power control", POWER_CONTROL, power_gain, power_control, what) for what in ("polish", "refine")]
    cases += [(f"beamforming, N = {n}", BEAMFORMING, partial(channel, n), beamforming, "refine") for n in ANTENNAS]
    print("| us an instance | instances |" + "".join(f" {way} |" for way in WAYS))
    print("|---|---|" + "---|" * len(WAYS))
    for name, family, draw, make, what in cases:
        for count in COUNTS:
            drawn = [draw(rng, size) for size in rng.integers(SMALLEST, LARGEST + 1, size=count)]
            calls = [solver(joined_by(family, way), drawn, make, what) for way in WAYS.values()]
            medians = np.median(in_turn(*calls, rounds=ROUNDS), axis=0) / count * 1e6
            print(f"| {name}, {what} | {count} |" + "".join(f" {us:.0f} |" for us in medians), flush=True)


if __name__ == "__main__":
    main()
