"""Throughput of several worker processes over that of one.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/serving/workers.py [--workers 2] [--rounds 3] [--write]

Runs of one worker and of several alternate, with the same callers and the same mix of sizes. Where the machine has
cores to spare, server and client are pinned apart, the server to as many cores as there are workers. Where it has not,
the client, and whatever else runs there, takes its part of the server's cores, so the ratio is also given with that
counted: what the workers would answer a second on as many cores of their own as there are workers, over what one would
on as many as it ever used.
"""

import argparse
import os
import platform
import time
from datetime import date
from importlib.metadata import version
from pathlib import Path

import load
import numpy as np
import processes
import requests

PAGE = Path(__file__).parents[2] / "docs" / "workers.md"
ALLOCATE = "/airgraph.v1.Allocator/Allocate"
TICKS = os.sysconf("SC_CLK_TCK")
SPARE = 2
"""Cores for the client alone."""


def cpu_seconds(pids):
    """CPU seconds of processes so far."""
    spent = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        spent += int(fields[11]) + int(fields[12])
    return spent / TICKS


def pin(pids, cores):
    """Keeps every thread of the processes, and those they will start, on these cores."""
    for pid in pids:
        for thread in os.listdir(f"/proc/{pid}/task"):
            os.sched_setaffinity(int(thread), cores)


def one_run(workers, cores, payloads, asked):
    """Calls a second, cores that the server used, cores that the client used."""
    with processes.airgraph_pids("--device", "cpu", workers=workers, threads=asked.threads) as (target, pids):
        pin(pids, cores)
        load.closed(target, ALLOCATE, payloads, asked.callers, 1.0, asked.connections)
        theirs, ours, began = cpu_seconds(pids), time.process_time(), time.perf_counter()
        rate, _ = load.closed(target, ALLOCATE, payloads, asked.callers, asked.seconds, asked.connections)
        took = time.perf_counter() - began
        return rate, (cpu_seconds(pids) - theirs) / took, (time.process_time() - ours) / took


def table(title, ones, manys, workers):
    """One kind of calls."""
    lines = [
        f"## {title}",
        "",
        "| round | workers | calls a second | cores used by the server | by the client |",
        "|---|---|---|---|---|",
    ]
    for number, pair in enumerate(zip(ones, manys, strict=True), 1):
        for count, (rate, server, client) in zip((1, workers), pair, strict=True):
            lines.append(f"| {number} | {count} | {rate:.0f} | {server:.2f} | {client:.2f} |")
    one, many = np.array(ones), np.array(manys)
    plain = np.median(many[:, 0] / one[:, 0])
    most = one[:, 1].max()
    counted = np.median(many[:, 0] / many[:, 1]) * workers / (np.median(one[:, 0] / one[:, 1]) * most)
    lines += [
        "",
        f"Ratio: {plain:.2f} as it is (median of the rounds), {counted:.2f} with the client counted (calls a second "
        f"of a core, median of the rounds, times {workers} for {workers} workers and {most:.2f}, its most, for one).",
        "",
    ]
    return "\n".join(lines)


def main():
    """Measures, prints, and writes where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2, help="of each worker")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load")
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    available = sorted(os.sched_getaffinity(0))
    apart = len(available) >= asked.workers + SPARE
    cores = set(available[: asked.workers])
    if apart:
        os.sched_setaffinity(0, set(available) - cores)
    sizes = np.random.default_rng(0).integers(5, 51, size=128)
    matrices = requests.gains(1, sizes)
    kinds = {
        "The network alone": [requests.allocate(gain).SerializeToString() for gain in matrices],
        "AUTO, polished": [
            requests.allocate(gain, requests.allocator_pb2.POLICY_AUTO).SerializeToString() for gain in matrices
        ],
    }
    parts = [
        "# Workers\n\n"
        f"Written by `benchmarks/serving/workers.py` on {date.today()}: {platform.machine()}, {len(available)} cores, "
        f"server and client {'pinned apart' if apart else 'sharing them'}, Python {platform.python_version()}, grpcio "
        f"{version('grpcio')}, onnxruntime {version('onnxruntime')}. {asked.callers} callers over {asked.connections} "
        f"connections, one instance of 5 to 50 pairs a call, {asked.threads} threads a worker. Load average before: "
        f"{os.getloadavg()[1]:.1f}.\n"
    ]
    print(parts[-1], flush=True)
    for title, payloads in kinds.items():
        ones, manys = [], []
        for _ in range(asked.rounds):
            ones.append(one_run(1, cores, payloads, asked))
            manys.append(one_run(asked.workers, cores, payloads, asked))
        parts.append(table(title, ones, manys, asked.workers))
        print(parts[-1], flush=True)
    if asked.write:
        PAGE.write_text("\n".join(parts))
        print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
