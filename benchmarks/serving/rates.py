"""Instances a second: three ways to send them, beside other servers, and under more load than can be answered."""

import os
from collections.abc import Callable
from typing import NamedTuple

import load
import numpy as np
import processes
import requests
from against_echo import ALLOCATE
from figures import Table, judged, percentile

from airgraph_models.problems import POWER_CONTROL

BATCH, STREAM = "/airgraph.v1.Allocator/AllocateBatch", "/airgraph.v1.Allocator/AllocateStream"
INFER = "/inference.GRPCInferenceService/ModelInfer"
CONCURRENT, IN_MESSAGE, MESSAGES_AT_ONCE = 32, 64, 4
DEADLINE = 0.01
OF_CAPACITY = (50, 80, 120, 200)


class Peer(NamedTuple):
    """Another server: what its calls carry, and the variable that names the interpreter of its environment."""

    name: str
    variable: str
    start: Callable
    metadata: tuple | None


PEERS = (
    Peer("MLServer", "AIRGRAPH_MLSERVER_PYTHON", processes.mlserver, None),
    Peer("Ray Serve", "AIRGRAPH_RAY_PYTHON", processes.ray_serve, (("application", "default"),)),
)


def mix():
    """Gains of 128 instances, sizes uniform in 5 to 50."""
    return requests.gains(1, np.random.default_rng(0).integers(5, requests.LARGEST + 1, size=2 * IN_MESSAGE))


def _messages(matrices):
    return [requests.batch(matrices[i : i + IN_MESSAGE]).SerializeToString() for i in (0, IN_MESSAGE)]


def _ours(target, matrices, seconds):
    """Rate and seconds of calls: one instance each, and many in a message."""
    unary = [requests.allocate(gain).SerializeToString() for gain in matrices]
    load.closed(target, ALLOCATE, unary, CONCURRENT, 1.0)
    one = load.closed(target, ALLOCATE, unary, CONCURRENT, seconds)
    calls, waits = load.closed(target, BATCH, _messages(matrices), MESSAGES_AT_ONCE, seconds)
    return one, (calls * IN_MESSAGE, waits)


def _infer(matrices, model, name="network", padded=True):
    return requests.infer(name, requests.network_inputs(matrices, model, padded)).SerializeToString()


def _inferred(target, single, many, seconds, metadata=None):
    """Rate and seconds of calls to the Open Inference Protocol: one instance each, and many in a message."""
    load.closed(target, INFER, single, CONCURRENT, 2.0, metadata=metadata)
    one = load.closed(target, INFER, single, CONCURRENT, seconds, metadata=metadata)
    calls, waits = load.closed(target, INFER, many, MESSAGES_AT_ONCE, seconds, metadata=metadata)
    return one, (calls * IN_MESSAGE, waits)


def throughput(target, matrices, seconds):
    """Three ways."""
    (rate, taken), (many, waits) = _ours(target, matrices, seconds)
    streamed = [requests.stream_item(gain).SerializeToString() for gain in matrices]
    flow = load.streamed(target, STREAM, streamed, CONCURRENT, seconds)
    rows = [
        (f"{CONCURRENT} callers, one instance a call", f"{rate:.0f}", *_p50_p99(taken), ""),
        (f"one stream, {CONCURRENT} in flight", f"{flow:.0f}", "", "", f"{flow / rate:.1f}"),
        (
            f"{MESSAGES_AT_ONCE} callers, {IN_MESSAGE} instances a message",
            f"{many:.0f}",
            *_p50_p99(waits),
            judged(many / rate, "at least", 10, digits=1),
        ),
    ]
    columns = ("how", "instances a second", "p50, ms", "p99, ms", "over one a call")
    return Table("Throughput, sizes uniform in 5 to 50, the network alone", columns, rows)


def _p50_p99(seconds):
    return f"{percentile(seconds, 50):.1f}", f"{percentile(seconds, 99):.1f}"


def peers(target, model, network, matrices, seconds):
    """The same exported network elsewhere, every instance padded to the largest; None without their environments."""
    there = [(os.environ[peer.variable], peer) for peer in PEERS if os.environ.get(peer.variable)]
    if not there:
        return None
    single = [_infer([gain], model) for gain in matrices]
    many = [_infer(matrices[i : i + IN_MESSAGE], model) for i in (0, IN_MESSAGE)]
    found = {"AirGraph": _ours(target, matrices, seconds)}
    # What the others are sent, unpadded.
    own_name = f"{POWER_CONTROL.name}/{model.name}"
    single_own = [_infer([gain], model, own_name, padded=False) for gain in matrices]
    many_own = [_infer(matrices[i : i + IN_MESSAGE], model, own_name, padded=False) for i in (0, IN_MESSAGE)]
    found["AirGraph's ModelInfer"] = _inferred(target, single_own, many_own, seconds)
    for python, peer in there:
        with peer.start(python, network) as address:
            found[peer.name] = _inferred(address, single, many, seconds, peer.metadata)
    rows = []
    for kind, how, goal in ((0, "one instance a call", 1.5), (1, f"{IN_MESSAGE} instances a message", 3.0)):
        own_rate, own_seconds = found["AirGraph"][kind]
        best = max(found[peer.name][kind][0] for _, peer in there)
        for name, kinds in found.items():
            rate, taken = kinds[kind]
            verdicts = ("", "")
            if not name.startswith("AirGraph"):
                over = own_rate / rate
                late = percentile(own_seconds, 99) / percentile(taken, 99)
                # The goal is against the best of them.
                verdicts = (
                    judged(over, "at least", goal, digits=1) if rate == best else f"{over:.1f}",
                    judged(late, "at most", 1.0),
                )
            rows.append((how, name, f"{rate:.0f}", *_p50_p99(taken), *verdicts))
    columns = (
        "how",
        "server",
        "instances a second",
        "p50, ms",
        "p99, ms",
        "AirGraph over it",
        "AirGraph's p99 over its",
    )
    return Table("The same exported network elsewhere, one process, every instance padded to 50", columns, rows)


def overload(target, matrices, seconds):
    """Goodput within the deadline at shares and multiples of the capacity."""
    payloads = [requests.allocate(gain).SerializeToString() for gain in matrices]
    load.closed(target, ALLOCATE, payloads, CONCURRENT, 1.0)
    capacity, _ = load.closed(target, ALLOCATE, payloads, CONCURRENT, seconds)
    load.poisson(target, ALLOCATE, payloads, 0.3 * capacity, 2.0, DEADLINE)
    runs = {
        percent: load.poisson(target, ALLOCATE, payloads, capacity * percent / 100, seconds, DEADLINE)
        for percent in OF_CAPACITY
    }
    good = {percent: sum(code == "OK" for code, _ in outcomes) / took for percent, (outcomes, took) in runs.items()}
    peak = max(good.values())
    rows = []
    for percent, (outcomes, took) in runs.items():
        codes = [code for code, _ in outcomes]
        # What was admitted and came late ended at the client's deadline, or a little after.
        admitted = [t for code, t in outcomes if code == "OK" or (code == "DEADLINE_EXCEEDED" and t >= DEADLINE)]
        late = max(percentile(admitted, 99) - DEADLINE * 1e3, 0.0) if admitted else float("nan")
        over_peak = good[percent] / peak
        rows.append(
            (
                f"{percent}%",
                f"{len(outcomes) / took:.0f}",
                f"{good[percent]:.0f}",
                judged(over_peak, "at least", 0.9) if percent == OF_CAPACITY[-1] else f"{over_peak:.2f}",
                f"{codes.count('RESOURCE_EXHAUSTED') / len(codes):.2f}",
                f"{codes.count('DEADLINE_EXCEEDED') / len(codes):.2f}",
                judged(late, "at most", 1.0),
            )
        )
    columns = (
        "load",
        "calls a second",
        f"answered within {DEADLINE * 1e3:.0f} ms, a second",
        "over the peak",
        "shed at once",
        "deadline exceeded",
        "admitted calls: late at p99, ms",
    )
    title = f"Poisson arrivals, deadline {DEADLINE * 1e3:.0f} ms; 100% is {capacity:.0f} calls a second"
    return Table(title, columns, rows)
