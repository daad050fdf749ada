"""Runs the serving benchmark and writes docs/serving.md.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/serving/measure.py [--seconds 5] [--write]

Client and servers share the machine; what is compared runs on the same network, the same mix of sizes, one after the
other. MLServer runs where AIRGRAPH_MLSERVER_PYTHON names the interpreter of an environment that has it.
"""

import argparse
import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path
from time import perf_counter

import load
import numpy as np
import processes
import requests

from airgraph_server.metrics import Metrics
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings

PAGE = Path(__file__).parents[2] / "docs" / "serving.md"
ALLOCATE, BATCH, STREAM = (f"/airgraph.v1.Allocator/{name}" for name in ("Allocate", "AllocateBatch", "AllocateStream"))
INFER = "/inference.GRPCInferenceService/ModelInfer"
CONCURRENT, IN_MESSAGE = 32, 64
DEADLINE = 0.01
ROUNDS = 5


def percentile(seconds, q):
    """In milliseconds."""
    return f"{np.percentile(seconds, q) * 1e3:.2f}"


def share(target, model):
    """Server-side share: one call at a time over an echo of the same bytes plus the bare network call."""
    rows = []
    with processes.echo() as echoing:
        for size in (10, 50):
            (gain,) = requests.gains(size, [size])
            payload = requests.allocate(gain).SerializeToString()
            inputs = requests.network_inputs([gain], model, padded=False)
            links = size * (size - 1)
            answer_bytes = len(_answer(target, payload))
            echoed = answer_bytes.to_bytes(4) + payload[4:].ljust(answer_bytes, b"0")
            ours, plain, bare = [], [], []
            for _ in range(ROUNDS):
                ours += load.one_by_one(target, ALLOCATE, payload, 200)[20:]
                plain += load.one_by_one(echoing, "/echo/Echo", echoed, 200)[20:]
                for _ in range(200):
                    began = perf_counter()
                    model.run(inputs, links)
                    bare.append(perf_counter() - began)
            total, floor = np.median(ours), np.median(plain) + np.median(bare)
            rows.append(
                (
                    str(size),
                    *(percentile(seconds, 50) for seconds in (ours, plain, bare)),
                    f"{total / floor:.2f}",
                    "1.3",
                )
            )
    columns = ("K", "Allocate, ms", "echo, ms", "network, ms", "Allocate over (echo + network)", "goal, at most")
    return ("One call at a time, the network alone: median", columns, rows)


def _answer(target, payload):
    import grpc

    with grpc.insecure_channel(target) as channel:
        return channel.unary_unary(ALLOCATE)(payload, timeout=20)


def throughput(target, matrices, seconds):
    """Instances a second three ways; the rows, and calls a second of 32 unary callers."""
    unary = [requests.allocate(gain).SerializeToString() for gain in matrices]
    streamed = [requests.stream_item(gain).SerializeToString() for gain in matrices]
    messages = [requests.batch(matrices[i : i + IN_MESSAGE]).SerializeToString() for i in (0, IN_MESSAGE)]
    load.closed(target, ALLOCATE, unary, CONCURRENT, 1.0)
    rate, taken = load.closed(target, ALLOCATE, unary, CONCURRENT, seconds)
    flow = load.streamed(target, STREAM, streamed, CONCURRENT, seconds)
    calls, waits = load.closed(target, BATCH, messages, 4, seconds)
    rows = [
        (f"{CONCURRENT} callers, one instance a call", f"{rate:.0f}", percentile(taken, 50), percentile(taken, 99), ""),
        (f"one stream, {CONCURRENT} in flight", f"{flow:.0f}", "", "", f"{flow / rate:.1f}"),
        (
            f"4 callers, {IN_MESSAGE} instances a message",
            f"{calls * IN_MESSAGE:.0f}",
            percentile(waits, 50),
            percentile(waits, 99),
            f"{calls * IN_MESSAGE / rate:.1f} (goal 10)",
        ),
    ]
    columns = ("how", "instances a second", "p50, ms", "p99, ms", "over one a call")
    title = "Throughput, sizes uniform in 5 to 50, the network alone"
    return (title, columns, rows), rate, (rate, taken), (calls * IN_MESSAGE, waits)


def peers(ours_unary, ours_many, model, network, matrices, seconds):
    """MLServer with the same file; every instance padded to 50."""
    python = os.environ.get("AIRGRAPH_MLSERVER_PYTHON")
    if not python:
        return None
    single = [
        requests.infer("network", requests.network_inputs([gain], model)).SerializeToString() for gain in matrices
    ]
    many = [
        requests.infer("network", requests.network_inputs(matrices[i : i + IN_MESSAGE], model)).SerializeToString()
        for i in (0, IN_MESSAGE)
    ]
    with processes.mlserver(python, network) as target:
        load.closed(target, INFER, single, CONCURRENT, 2.0)
        rate, taken = load.closed(target, INFER, single, CONCURRENT, seconds)
        calls, waits = load.closed(target, INFER, many, 4, seconds)
    theirs = ((rate, taken), (calls * IN_MESSAGE, waits))
    rows = []
    for name, goal, own, other in zip(
        ("one instance a call", f"{IN_MESSAGE} instances a message"),
        ("1.5", "3"),
        (ours_unary, ours_many),
        theirs,
        strict=True,
    ):
        rows.append(
            (
                name,
                f"{own[0]:.0f}",
                percentile(own[1], 99),
                f"{other[0]:.0f}",
                percentile(other[1], 99),
                f"{own[0] / other[0]:.1f}",
                goal,
            )
        )
    columns = ("how", "AirGraph, a second", "p99, ms", "MLServer, a second", "p99, ms", "ratio", "goal, at least")
    return ("The same exported network in MLServer (custom runtime, gRPC), instances padded to 50", columns, rows)


def overload(target, matrices, capacity, seconds):
    """Goodput within the deadline at shares and multiples of the capacity."""
    payloads = [requests.allocate(gain).SerializeToString() for gain in matrices]
    load.poisson(target, ALLOCATE, payloads, 0.3 * capacity, 2.0, DEADLINE)
    rows, best = [], 0.0
    for percent in (50, 80, 120, 200):
        outcomes, took = load.poisson(target, ALLOCATE, payloads, capacity * percent / 100, seconds, DEADLINE)
        codes = [code for code, _ in outcomes]
        good = codes.count("OK") / took
        best = max(best, good)
        late = [t - DEADLINE for code, t in outcomes if code == "DEADLINE_EXCEEDED" and t >= DEADLINE]
        admitted = [t for code, t in outcomes if code == "OK"] + [t + DEADLINE for t in late]
        lateness = max(np.percentile(admitted, 99) - DEADLINE, 0.0) * 1e3 if admitted else float("nan")
        rows.append(
            (
                f"{percent}%",
                f"{len(outcomes) / took:.0f}",
                f"{good:.0f}",
                f"{good / best:.2f}",
                f"{codes.count('RESOURCE_EXHAUSTED') / len(codes):.2f}",
                f"{codes.count('DEADLINE_EXCEEDED') / len(codes):.2f}",
                f"{lateness:.2f}",
            )
        )
    columns = (
        "load",
        "calls a second",
        "answered within 10 ms, a second",
        "over the best",
        "shed at once",
        "deadline exceeded",
        "admitted calls: late at p99, ms",
    )
    title = f"Poisson arrivals, deadline 10 ms; 100% is {capacity:.0f} calls a second (goal at 200%: 0.9 of the best)"
    return (title, columns, rows)


def main():
    """Measures, prints, and writes where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each load")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    settings = Settings()
    registry = Registry(settings, Metrics())
    registry.load()
    model = registry.find("power_control", None)[0]
    network = settings.zoo / "power_control" / model.name / model.version / "model.onnx"
    sizes = np.random.default_rng(0).integers(5, 51, size=2 * IN_MESSAGE)
    matrices = requests.gains(1, sizes)
    parts = []

    def add(table):
        if table is None:
            return
        title, columns, rows = table
        lines = [f"## {title}", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
        parts.append("\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]))
        print(parts[-1], flush=True)

    with processes.airgraph() as target:
        add(share(target, model))
        table, capacity, unary, many = throughput(target, matrices, asked.seconds)
        add(table)
        add(overload(target, matrices, capacity, asked.seconds))
    add(peers(unary, many, model, network, matrices, asked.seconds))
    if asked.write:
        head = (
            "# Serving\n\n"
            f"Written by `make bench-serving` on {date.today()}: {platform.machine()}, {os.cpu_count()} cores "
            f"shared by client and server, Python {platform.python_version()}, grpcio {version('grpcio')}, onnxruntime "
            f"{version('onnxruntime')}, model power_control/{model.name}. The policy is LEARNED, the network's "
            "projected answer: what a general-purpose server would do. Ratios are taken within one "
            "run; absolute figures hold for that machine only.\n"
        )
        PAGE.write_text("\n".join([head, *parts]))
        print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
