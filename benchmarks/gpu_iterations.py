"""WMMSE and the polishers on a GPU beside one CPU thread, by batch size; `gpu.py` adds the tables to its page.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/gpu_iterations.py [--device cpu] [--batches 1 16 256]

What a request that says nothing gets: AUTO's polisher from its classical starts, and WMMSE of the policy CLASSICAL, on
instances of one size and as a whole run, from the instances in the host's memory to answers there, the hand-over to
the GPU's thread included. ``--device cpu`` runs torch's arithmetic on the CPU: it shows that all of it works.
"""

import argparse
from time import perf_counter

import numpy as np

from airgraph_models.arrays.torch_device import TorchDevice
from airgraph_models.problems import BEAMFORMING, POWER_CONTROL, PRECODING, Beamforming, PowerControl, Precoding
from airgraph_server.decision.gpu_solver import GpuSolver
from airgraph_server.decision.placement import MOST_APART, usual_run
from airgraph_server.settings import Settings

BATCHES = (1, 4, 16, 64, 256)
ROUNDS = 7
SECONDS = 2.0
"""After which a size is not measured again."""


def complex_normal(rng, shape):
    """Rayleigh fading."""
    return (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / np.sqrt(2)


def pairs(count):
    """Power control."""
    return lambda rng: PowerControl.create(rng.exponential(size=(count, count)), noise_power=0.1)


def users(count, antennas):
    """Precoding."""
    return lambda rng: Precoding.create(complex_normal(rng, (count, antennas)), noise_power=0.1)


def beams(count, antennas):
    """Beamforming."""
    return lambda rng: Beamforming.create(complex_normal(rng, (count, count, antennas)), noise_power=0.1)


SIZES = (
    ("power control, 20 pairs", POWER_CONTROL, pairs(20)),
    ("power control, 50 pairs", POWER_CONTROL, pairs(50)),
    ("power control, 400 pairs", POWER_CONTROL, pairs(400)),
    ("precoding, 8 users, 16 antennas", PRECODING, users(8, 16)),
    ("precoding, 32 users, 64 antennas", PRECODING, users(32, 64)),
    ("beamforming, 10 pairs, 2 antennas", BEAMFORMING, beams(10, 2)),
    ("beamforming, 30 pairs, 4 antennas", BEAMFORMING, beams(30, 4)),
)
LARGEST_BATCH = {"power control, 400 pairs": 16, "beamforming, 30 pairs, 4 antennas": 64}
COLUMNS = (
    "problem",
    "run",
    "instances",
    "one CPU thread, ms",
    "GPU, ms",
    "CPU over GPU",
    "largest relative difference of objectives",
)


def timed(run):
    """Median seconds, and the answers."""
    answers, seconds, began = run(), [], perf_counter()
    while len(seconds) < ROUNDS and (not seconds or perf_counter() - began < SECONDS):
        start = perf_counter()
        answers = run()
        seconds.append(perf_counter() - start)
    return float(np.median(seconds)), answers


def measured(solver, what, family, instances):
    """What runs, the milliseconds on both, and how far the answers are apart."""
    starts, stopping = zip(*(usual_run(family, instance, what, Settings()) for instance in instances), strict=True)
    group = instances, starts, stopping[0]
    on_cpu, ours = timed(lambda: getattr(family, what)(*group))
    on_gpu, (theirs, kept) = timed(lambda: solver.solve(family, what, *group, MOST_APART))
    if not kept:
        raise RuntimeError("the GPU did not run it; the log says why")
    apart = max(abs(a.objective - b.objective) / a.objective for a, b in zip(ours, theirs, strict=True))
    polished = what == "polish"
    run = f"AUTO, {family.polisher(instances[0])}" if polished else f"CLASSICAL, {family.solver(instances[0])}"
    return run, f"{1e3 * on_cpu:.2f}", f"{1e3 * on_gpu:.2f}", f"{on_cpu / on_gpu:.2f}", f"{apart:.1e}"


def iterations(device, batches=BATCHES):
    """Columns and rows: seconds on both, and how far the answers are apart."""
    solver = GpuSolver(device)
    rows = []
    for title, family, draw in SIZES:
        for what in ("polish", "refine"):
            for count in (count for count in batches if count <= LARGEST_BATCH.get(title, count)):
                rng = np.random.default_rng(count)
                run, *figures = measured(solver, what, family, [draw(rng) for _ in range(count)])
                rows.append((title, run, str(count), *figures))
                print(*rows[-1], sep="  ", flush=True)
    return COLUMNS, rows


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="torch's name of the device")
    parser.add_argument("--batches", nargs="+", type=int, default=list(BATCHES), metavar="N", help="instances of a run")
    given = parser.parse_args()
    iterations(TorchDevice(given.device), given.batches)


if __name__ == "__main__":
    main()
