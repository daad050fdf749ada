"""Server-side share: one call at a time over an echo of the same bytes and the bare network call after it.

The two follow each other as they would in a server that did nothing else: a network that runs in a loop of its own
finds its code and weights in the cache, and takes half the time.
"""

from time import perf_counter

import grpc
import load
import numpy as np
import processes
import requests
from figures import Table, judged, percentile

ALLOCATE, ECHO = "/airgraph.v1.Allocator/Allocate", "/echo/Echo"
SIZES = (10, 50)
ROUNDS, CALLS, WARM_UP = 5, 200, 20
GOAL = 1.3


def share(target, model):
    """A row a size."""
    rows = []
    with processes.echo() as (echoing, _):
        for size in SIZES:
            (gain,) = requests.gains(size, [size])
            payload = requests.allocate(gain).SerializeToString()
            inputs = requests.network_inputs([gain], model, padded=False)
            with grpc.insecure_channel(target) as channel:
                answer_bytes = len(channel.unary_unary(ALLOCATE)(payload, timeout=20))
            echoed = answer_bytes.to_bytes(4) + payload[4:].ljust(answer_bytes, b"0")
            ours, plain, bare = [], [], []
            for _ in range(ROUNDS):
                ours += load.one_by_one(target, ALLOCATE, payload, CALLS)[WARM_UP:]
                for echo_seconds, network_seconds in _echo_and_network(echoing, echoed, model, inputs)[WARM_UP:]:
                    plain.append(echo_seconds)
                    bare.append(network_seconds)
            ratio = float(np.median(ours) / (np.median(plain) + np.median(bare)))
            medians = (f"{percentile(seconds, 50):.2f}" for seconds in (ours, plain, bare))
            rows.append((str(size), *medians, judged(ratio, "at most", GOAL)))
    columns = ("K", "Allocate, ms", "echo, ms", "network, ms", "Allocate over (echo + network)")
    return Table("One call at a time, the network alone: medians", columns, rows)


def _echo_and_network(target, payload, model, inputs):
    """Seconds of an echo and of the network's run after it, ``CALLS`` times."""
    seconds = []
    with grpc.insecure_channel(target) as channel:
        call = channel.unary_unary(ECHO)
        for _ in range(CALLS):
            began = perf_counter()
            call(payload, timeout=20)
            echoed = perf_counter()
            model.run(inputs, 1)
            seconds.append((echoed - began, perf_counter() - echoed))
    return seconds
