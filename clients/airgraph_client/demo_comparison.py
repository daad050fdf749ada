"""Four ways to set the powers of one network, compared by what they reach and how long they take."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from airgraph_client.answers import Answer
from airgraph_client.client import Client
from airgraph_client.demo_network import FloatArray, Network
from airgraph_client.errors import ModelCannotServe, ModelNotFound
from airgraph_client.requests import PolicyName

TIMED_CALLS = 20
WMMSE_ITERATIONS = 100


@dataclass(frozen=True, eq=False)
class Method:
    """One way to set the powers, and what came of it.

    Attributes:
        name: What to call it.
        power: ``[K]`` powers in watt.
        rates: ``[K]`` rates in bit/s/Hz, recomputed here from the powers.
        answer: The server's answer; None where no server was needed.
        round_trip: Median seconds of a call as the client sees it; None without a server.
        server_time: Median seconds of a call as the server reports it; None without a server.
    """

    name: str
    power: FloatArray
    rates: FloatArray
    answer: Answer | None = None
    round_trip: float | None = None
    server_time: float | None = None

    @property
    def sum_rate(self) -> float:
        """Sum of the rates, bit/s/Hz."""
        return float(self.rates.sum())


def compare(client: Client, network: Network, console: Console) -> list[Method]:
    """Full power, WMMSE, the model alone and AUTO on one network; without a model, all but the third."""
    full = np.full(network.size, network.max_power)
    methods = [
        Method("full power", full, network.rates(full)),
        measure(client, network, f"WMMSE ({WMMSE_ITERATIONS})", "classical"),
    ]
    try:
        methods.append(measure(client, network, "model alone", "learned"))
    except (ModelNotFound, ModelCannotServe) as error:
        console.print(f"the server has no model for this network: {error.message}")
    methods.append(measure(client, network, "AirGraph auto", "auto"))
    return methods


def measure(client: Client, network: Network, name: str, policy: PolicyName) -> Method:
    """Asks once to warm up, then times calls one after the other."""
    iterations = WMMSE_ITERATIONS if policy == "classical" else None
    round_trips, server_times = [], []
    for _ in range(1 + TIMED_CALLS):
        start = time.perf_counter()
        answer = client.control_power(
            network.gain,
            noise_power=network.noise_power,
            max_power=network.max_power,
            policy=policy,
            classical_iterations=iterations,
        )
        round_trips.append(time.perf_counter() - start)
        server_times.append(answer.timings.total)
    power = answer.power.astype(np.float64)
    return Method(
        name,
        power,
        network.rates(power),
        answer,
        statistics.median(round_trips[1:]),
        statistics.median(server_times[1:]),
    )


def comparison_table(methods: list[Method]) -> Table:
    """One row a method; ratios are to WMMSE."""
    reference = next(method.sum_rate for method in methods if method.name.startswith("WMMSE"))
    table = Table(
        title=f"{len(methods[0].power)} pairs on a square kilometre, medians of {TIMED_CALLS} calls",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        collapse_padding=True,
    )
    table.add_column("method", no_wrap=True)
    for column in ("sum rate\nbit/s/Hz", "of\nWMMSE", "round\ntrip, ms", "server\nms"):
        table.add_column(column, justify="right")
    table.add_column("solver")
    table.add_column("fallback", overflow="fold")
    for method in methods:
        answer = method.answer
        table.add_row(
            method.name,
            f"{method.sum_rate:.2f}",
            f"{method.sum_rate / reference:.1%}",
            _milliseconds(method.round_trip),
            _milliseconds(method.server_time),
            answer.solver if answer else "",
            (answer.fallback_reason or "") if answer else "",
        )
    return table


def _milliseconds(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1e3:.2f}"
