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
TURNS = 4
"""In which each measurement is done, with what it is compared with between them."""
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


def in_messages(matrices, **asked):
    """Their requests, many a message."""
    return [requests.batch(matrices[i : i + IN_MESSAGE], **asked).SerializeToString() for i in (0, IN_MESSAGE)]


def _by_turns(seconds, **jobs):
    """Rate and seconds of each call, of jobs that take turns: the machine may change while they run.

    Args:
        seconds: Of each job in all.
        jobs: Functions of seconds that give a rate and a list.
    """
    found = {name: [] for name in jobs}
    for _ in range(TURNS):
        for name, job in jobs.items():
            found[name].append(job(seconds / TURNS))
    return {
        name: (float(np.mean([rate for rate, _ in runs])), [taken for _, some in runs for taken in some])
        for name, runs in found.items()
    }


def single_calls(target, payloads, method=ALLOCATE, metadata=None):
    """A job of one instance a call."""
    return lambda seconds: load.closed(target, method, payloads, CONCURRENT, seconds, metadata=metadata)


def full_messages(target, payloads, method=BATCH, metadata=None):
    """A job of many instances a message."""

    def job(seconds):
        calls, waits = load.closed(target, method, payloads, MESSAGES_AT_ONCE, seconds, metadata=metadata)
        return calls * IN_MESSAGE, waits

    return job


def _infer(matrices, model, name="network", padded=True):
    """Requests of the Open Inference Protocol: one instance each, and many in a message."""

    def payload(some):
        return requests.infer(name, requests.network_inputs(some, model, padded)).SerializeToString()

    single = [payload([gain]) for gain in matrices]
    return single, [payload(matrices[i : i + IN_MESSAGE]) for i in (0, IN_MESSAGE)]


def throughput(target, matrices, seconds):
    """Three ways."""
    unary = [requests.allocate(gain).SerializeToString() for gain in matrices]
    streamed = [requests.stream_item(gain).SerializeToString() for gain in matrices]
    single_calls(target, unary)(1.0)
    found = _by_turns(
        seconds,
        one=single_calls(target, unary),
        stream=lambda share: (load.streamed(target, STREAM, streamed, CONCURRENT, share), []),
        full=full_messages(target, in_messages(matrices)),
    )
    (rate, taken), (flow, _), (many, waits) = found["one"], found["stream"], found["full"]
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
    own_name = f"{POWER_CONTROL.name}/{model.name}"
    unary = [requests.allocate(gain).SerializeToString() for gain in matrices]
    messages = in_messages(matrices)
    # What the others are sent, and for AirGraph's own facade the same unpadded.
    (single, many), (single_own, many_own) = _infer(matrices, model), _infer(matrices, model, own_name, padded=False)
    found = {}
    for python, peer in there:
        with peer.start(python, network) as address:
            single_calls(address, single, INFER, peer.metadata)(2.0)
            single_calls(target, unary)(1.0)
            found[peer.name] = (
                _by_turns(
                    seconds,
                    own=single_calls(target, unary),
                    infer=single_calls(target, single_own, INFER),
                    peer=single_calls(address, single, INFER, peer.metadata),
                ),
                _by_turns(
                    seconds,
                    own=full_messages(target, messages),
                    infer=full_messages(target, many_own, INFER),
                    peer=full_messages(address, many, INFER, peer.metadata),
                ),
            )
    rows = []
    for kind, how, goal in ((0, "one instance a call", 1.5), (1, f"{IN_MESSAGE} instances a message", 3.0)):
        best = max(beside[kind]["peer"][0] for beside in found.values())
        for name, beside in found.items():
            (own, own_seconds), (rate, taken) = beside[kind]["own"], beside[kind]["peer"]
            late = percentile(own_seconds, 99) / percentile(taken, 99)
            verdicts = (
                # The goal is against the best of them.
                judged(own / rate, "at least", goal, digits=1) if rate == best else f"{own / rate:.1f}",
                judged(late, "at most", 1.0),
            )
            rows.append((how, name, f"{rate:.0f}", *_p50_p99(taken), *verdicts))
            rows.append((how, f"AirGraph, by turns with {name}", f"{own:.0f}", *_p50_p99(own_seconds), "", ""))
            inferred, infer_seconds = beside[kind]["infer"]
            over = f"{own / inferred:.1f}"
            rows.append((how, "AirGraph's ModelInfer, likewise", f"{inferred:.0f}", *_p50_p99(infer_seconds), over, ""))
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
    single_calls(target, payloads)(1.0)
    capacity, _ = single_calls(target, payloads)(seconds)
    load.poisson(target, ALLOCATE, payloads, 0.3 * capacity, 2.0, DEADLINE)
    runs = {percent: ([], 0.0) for percent in OF_CAPACITY}
    for _ in range(TURNS):
        for percent, (before, spent) in runs.items():
            rate = capacity * percent / 100
            outcomes, took = load.poisson(target, ALLOCATE, payloads, rate, seconds / TURNS, DEADLINE)
            runs[percent] = before + outcomes, spent + took
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
