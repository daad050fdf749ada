"""The same loads on servers of several checkouts, by turns: what a change has done to them on one machine.

    git worktree add ../before COMMIT
    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/serving/checkouts.py ../before . [--seconds 8]

All run in this interpreter's environment. CPU time is the server's.
"""

import argparse
import os
from contextlib import ExitStack
from pathlib import Path

import load
import numpy as np
import processes
import rates
import requests
from against_echo import ALLOCATE
from figures import Table, percentile

from airgraph.v1 import allocator_pb2

PACKAGES = ("models", "training", "server", "clients")
ASKED = [(name, allocator_pb2.Policy.Value(f"POLICY_{name}")) for name in ("LEARNED", "AUTO", "CLASSICAL")]
OFFERED = (
    ("LEARNED", 400, rates.DEADLINE),
    ("LEARNED", 800, rates.DEADLINE),
    ("AUTO", 300, 3 * rates.DEADLINE),
    ("CLASSICAL", 300, 3 * rates.DEADLINE),
)
"""What is asked, calls a second, and their deadline."""


def _jobs(target, matrices):
    """By name: functions of seconds that give instances a second and seconds of each call."""
    unary = {name: [requests.allocate(gain, policy).SerializeToString() for gain in matrices] for name, policy in ASKED}
    streamed = [requests.stream_item(gain).SerializeToString() for gain in matrices]

    def in_time(name, offered, deadline):
        def job(seconds):
            outcomes, took = load.poisson(target, ALLOCATE, unary[name], offered, seconds, deadline)
            waits = [one.seconds for one in outcomes if one.code == "OK"]
            return len(waits) / took, waits

        return job

    jobs = {"one caller, LEARNED": lambda seconds: load.closed(target, ALLOCATE, unary["LEARNED"], 1, seconds)}
    for name, policy in ASKED:
        full = rates.in_messages(matrices, policy=policy)
        jobs[f"{rates.CONCURRENT} callers, {name}"] = rates.single_calls(target, unary[name])
        jobs[f"{rates.IN_MESSAGE} instances a message, {name}"] = rates.full_messages(target, full)
    jobs["one stream, LEARNED"] = lambda seconds: (
        load.streamed(target, rates.STREAM, streamed, rates.CONCURRENT, seconds),
        [],
    )
    for name, offered, deadline in OFFERED:
        job = in_time(name, offered, deadline)
        jobs[f"{offered} calls a second offered, {name}, answered in {deadline * 1e3:.0f} ms"] = job
    return jobs


def compare(checkouts, seconds):
    """Instances a second of every load, with the server's CPU time and the calls' p99."""
    matrices = rates.mix()
    with ExitStack() as running:
        servers = []
        for path in checkouts:
            packages = os.pathsep.join(str(Path(path).resolve() / name) for name in PACKAGES)
            target, (pid,) = running.enter_context(processes.airgraph_pids(packages=packages))
            servers.append((pid, _jobs(target, matrices)))
        found = {}
        for turn in range(rates.TURNS + 1):
            numbered = list(enumerate(servers))
            # What comes later in a turn may find another machine: each is first as often as last.
            for number, (pid, jobs) in numbered if turn % 2 else numbered[::-1]:
                for name, job in jobs.items():
                    before = processes.cpu_seconds(pid)
                    rate, waits = job(seconds / rates.TURNS)
                    spent = (processes.cpu_seconds(pid) - before) / max(rate * seconds / rates.TURNS, 1.0)
                    if turn:  # the first warms
                        found.setdefault((name, number), []).append((rate, spent, waits))
    rows = []
    for name in servers[0][1]:
        for number, path in enumerate(checkouts):
            runs = found[name, number]
            rate, spent = (float(np.mean([run[i] for run in runs])) for i in (0, 1))
            waits = [waited for _, _, some in runs for waited in some]
            over = rate / float(np.mean([run[0] for run in found[name, 0]]))
            late = f"{percentile(waits, 99):.1f}" if waits else ""
            rows.append((name, str(path), f"{rate:.0f}", f"{over:.2f}", f"{spent * 1e6:.0f}", late))
    columns = ("load", "checkout", "instances a second", "over the first", "server's CPU time each, us", "p99, ms")
    return Table("Checkouts by turns", columns, rows)


def main():
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkouts", nargs="+", help="folders; ratios are over the first")
    parser.add_argument("--seconds", type=float, default=8.0, help="of each load")
    asked = parser.parse_args()
    print(compare(asked.checkouts, asked.seconds).markdown())


if __name__ == "__main__":
    main()
