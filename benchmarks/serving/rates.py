"""Instances a second: three ways to send them, beside other servers, and under more load than can be answered."""

import os
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple

import load
import numpy as np
import processes
import requests
from against_echo import ALLOCATE, ECHO
from figures import Table, judged, percentile

from airgraph_models.problems import POWER_CONTROL

BATCH, STREAM = "/airgraph.v1.Allocator/AllocateBatch", "/airgraph.v1.Allocator/AllocateStream"
INFER = "/inference.GRPCInferenceService/ModelInfer"
CONCURRENT, IN_MESSAGE, MESSAGES_AT_ONCE = 32, 64, 4
TURNS = 4
"""In which each measurement is done, with what it is compared with between them."""
DEADLINE = 0.01
OF_CAPACITY = (50, 80, 120, 200)
OF_OVERLOAD = """The capacity is what patient callers get: their calls meet in large runs, for which {deadline:.0f} ms
leave no time. The generator runs on the same cores: the more it sends, the less of them is left to the server. To be
called costs as well: at the rate of {percent}%, gRPC's server takes {share:.0%} of a core to give one byte back. The
machine itself stands still at times: for up to {longest:.1f} ms, {stalled:.1%} of the time, as a loop saw it that did
nothing but read the clock before the loads.
"""
STALL = 2e-4


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
                judged(own / rate, "at least", goal) if rate == best else f"{own / rate:.2f}",
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
    """Goodput within the deadline at shares and multiples of the capacity; and what bounds it."""
    stalls = _stalls(seconds)
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
    good = {p: sum(one.code == "OK" for one in outcomes) / took for p, (outcomes, took) in runs.items()}
    peak = max(good.values())
    rows = []
    for percent, (outcomes, took) in runs.items():
        codes = [one.code for one in outcomes]
        # What was admitted and came late ended at the client's deadline, or a little after.
        admitted = [
            one.seconds
            for one in outcomes
            if one.code == "OK" or (one.code == "DEADLINE_EXCEEDED" and one.seconds >= DEADLINE)
        ]
        late = max(percentile(admitted, 99) - DEADLINE * 1e3, 0.0) if admitted else float("nan")
        over_peak = good[percent] / peak
        rows.append(
            (
                f"{percent}%",
                f"{len(outcomes) / took:.0f}",
                f"{len(outcomes) / took / peak:.1f}",
                f"{good[percent]:.0f}",
                judged(over_peak, "at least", 0.9) if percent == OF_CAPACITY[-1] else f"{over_peak:.2f}",
                f"{codes.count('RESOURCE_EXHAUSTED') / len(codes):.2f}",
                f"{codes.count('DEADLINE_EXCEEDED') / len(codes):.2f}",
                judged(late, "at most", 1.0),
                f"{percentile([one.lag for one in outcomes], 99):.2f}",
            )
        )
    columns = (
        "load",
        "calls a second",
        "over the most answered in time",
        f"answered within {DEADLINE * 1e3:.0f} ms, a second",
        "over the peak",
        "shed at once",
        "deadline exceeded",
        "admitted calls: late at p99, ms",
        "the generator itself, likewise",
    )
    title = f"Poisson arrivals, deadline {DEADLINE * 1e3:.0f} ms; 100% is {capacity:.0f} calls a second"
    most = OF_CAPACITY[-1]
    return Table(title, columns, rows), OF_OVERLOAD.format(
        deadline=DEADLINE * 1e3,
        percent=most,
        share=_echo_share(capacity * most / 100, seconds),
        longest=max(stalls, default=0.0) * 1e3,
        stalled=sum(stalls) / seconds,
    )


def _stalls(seconds):
    """How long each gap was in which a busy loop did not run."""
    gaps, before = [], perf_counter()
    until = before + seconds
    while before < until:
        now = perf_counter()
        if now - before > STALL:
            gaps.append(now - before)
        before = now
    return gaps


def _echo_share(rate, seconds):
    """Share of a core that gRPC's server takes to give one byte back, so many times a second."""
    payload = [(1).to_bytes(4) + b"0"]
    with processes.echo() as (echoing, pid):
        load.poisson(echoing, ECHO, payload, rate, 1.0, 1.0)
        before = processes.cpu_seconds(pid)
        _, took = load.poisson(echoing, ECHO, payload, rate, seconds / TURNS, 1.0)
        return (processes.cpu_seconds(pid) - before) / took
