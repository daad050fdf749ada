"""Compares ways to choose the powers on the same network over time.

Run with ``python -m airgraph_client.ran.comparison --target HOST:PORT --out FILE.png``; needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from airgraph_client.client import Client
from airgraph_client.ran.boundary import Controller
from airgraph_client.ran.cells import CellNetwork, CellSettings
from airgraph_client.ran.controllers import FullPower, ServerController
from airgraph_client.ran.loop import Period, run_loop
from airgraph_client.security import Security


def compare(client: Client, settings: CellSettings, periods: int, seed: int) -> dict[str, list[Period]]:
    """Every controller on a network of its own with the same draws, one after the other."""
    controllers: dict[str, Controller] = {
        "AUTO": ServerController(client, "auto"),
        "learned only": ServerController(client, "learned"),
        "WMMSE": ServerController(client, "classical"),
        "full power": FullPower(),
    }
    return {
        name: list(run_loop(CellNetwork(settings, seed), controller, periods))
        for name, controller in controllers.items()
    }


def log_lines(runs: dict[str, list[Period]]) -> list[str]:
    """One JSON object a controller and period: throughput of each cell, whether the deadline was hit, handovers."""
    return [json.dumps({"controller": name, **asdict(p)}) for name, periods in runs.items() for p in periods]


def save_picture(runs: dict[str, list[Period]], period: float, out: Path) -> None:
    """Throughput over time, and its mean with the share of deadlines hit."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5), layout="constrained")
    FigureCanvasAgg(figure)
    over_time, means = figure.subplots(1, 2, width_ratios=[2, 1])
    window = max(1, round(1 / period))
    for name, periods in runs.items():
        values = np.convolve([p.throughput for p in periods], np.ones(window) / window, "valid")
        over_time.plot((np.arange(len(values)) + window) * period, values, label=name)
    # Everybody sees the same users.
    moves = [(p.number + 1) * period for p in next(iter(runs.values())) for _ in range(p.handovers)]
    if moves:
        over_time.plot(moves, [0.02] * len(moves), "k|", transform=over_time.get_xaxis_transform(), label="handover")
    over_time.set(xlabel="time, s", ylabel="sum rate, bit/s/Hz, mean of the last second")
    over_time.grid(alpha=0.3)
    over_time.legend(loc="upper center", bbox_to_anchor=(0.5, 1.1), ncols=len(runs) + 1, frameon=False)
    rates = [float(np.mean([p.throughput for p in periods])) for periods in runs.values()]
    hits = [float(np.mean([p.hit for p in periods])) for periods in runs.values()]
    bars = means.bar(list(runs), rates, color=[f"C{i}" for i in range(len(runs))])
    means.bar_label(bars, [f"{rate:.1f}\n{hit:.1%}\nin time" for rate, hit in zip(rates, hits, strict=True)])
    means.margins(y=0.15)
    means.set(ylabel="mean sum rate, bit/s/Hz")
    figure.savefig(out)


def security_of(given: argparse.Namespace) -> Security | None:
    """What the options say; None, plain text, where they say nothing.

    Raises:
        ValueError: They do not belong together.
    """
    parts = (given.ca, given.cert, given.key, given.token_file, given.server_name)
    if not given.tls and not any(parts):
        return None
    ca, certificate, key, token_file, server_name = parts
    return Security(ca, certificate, key, token_file=token_file, server_name=server_name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the comparison and prints a line a controller; takes the command line's arguments where none are given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--target", default="localhost:50051", help="address of the server")
    parser.add_argument("--periods", type=int, default=200, help="control periods a controller")
    parser.add_argument("--period", type=float, default=0.1, help="seconds between two control instants")
    parser.add_argument("--seed", type=int, default=0, help="seed of the network")
    parser.add_argument("--out", type=Path, default=Path("ran-controller.png"), help="picture to write")
    parser.add_argument("--log", type=Path, help="JSON lines to write")
    secure = parser.add_argument_group("TLS and token, as of the command airgraph")
    secure.add_argument("--tls", action="store_true", help="speak TLS; implied by the options below")
    for name, said in (
        ("--ca", "PEM certificates of who signs the server's"),
        ("--cert", "PEM client certificate"),
        ("--key", "PEM key of --cert"),
        ("--token-file", "file with a bearer token"),
    ):
        secure.add_argument(name, type=Path, help=said)
    secure.add_argument("--server-name", help="name in the server's certificate")
    given = parser.parse_args(arguments)
    settings = CellSettings(period=given.period)
    try:
        security = security_of(given)
    except ValueError as error:
        parser.error(str(error))
    with Client(given.target, security=security) as client:
        client.wait_until_serving()
        runs = compare(client, settings, given.periods, given.seed)
    for name, periods in runs.items():
        rate = np.mean([p.throughput for p in periods])
        took = np.median([p.seconds for p in periods]) * 1e3
        hit = np.mean([p.hit for p in periods])
        print(f"{name:13} {rate:6.2f} bit/s/Hz, {hit:7.2%} in time, median {took:.2f} ms")
    if given.log is not None:
        given.log.write_text("\n".join(log_lines(runs)) + "\n", encoding="utf-8")
    save_picture(runs, settings.period, given.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
