"""The command ``airgraph bench``: the most that a server answers, three ways, and what it does under more than that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from airgraph_client.connection import connect
from airgraph_client.load.command import POLICY_NAMES, write_whole
from airgraph_client.load.mix import Share, read_mix
from airgraph_client.load.plan import Arrivals, CallKind, LoadPlan
from airgraph_client.load.report import Report
from airgraph_client.load.run import run_load

SIZES = tuple(Share("power_control", pairs, 1, 1.0) for pairs in range(5, 51, 5))
"""As many instances of each size, 5 to 50 pairs."""
PIPE_WIDTH = 120
CALLERS, IN_MESSAGE, MESSAGES_AT_ONCE = 32, 64, 4
SHED, LATE = "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED"
OF_CAPACITY = (0.5, 0.8, 1.2, 2.0)
Runs = Callable[[LoadPlan], Report]
Rows = tuple[str, tuple[str, ...], list[tuple[str, ...]]]
"""Title, columns, rows."""


def bench(
    context: typer.Context,
    target: Annotated[str, typer.Option(help="Address of the server.", envvar="AIRGRAPH_TARGET")] = "localhost:50051",
    duration: Annotated[float, typer.Option(help="Seconds of each of the seven loads.")] = 5.0,
    deadline: Annotated[float, typer.Option(help="Seconds until an answer is of use, in the Poisson loads.")] = 0.01,
    policy: Annotated[str, typer.Option(help="auto, learned or classical.")] = "learned",
    mix: Annotated[Path | None, typer.Option(help="CSV file: problem,nodes,antennas,share.")] = None,
    connections: Annotated[int, typer.Option(help="Connections; a server with workers needs several.")] = 1,
    page: Annotated[Path | None, typer.Option(help="Where to write the tables, Markdown.")] = None,
) -> None:
    """Measure a server's capacity with calls, a stream and full messages, then load it from half to twice that.

    The generator takes its part of the cores where it runs on the server's machine.
    """
    if policy not in POLICY_NAMES:
        raise typer.BadParameter(f"auto, learned or classical, not {policy!r}", param_hint="--policy")
    connection = connect(target, None, context.obj, None, (), ())
    shares = read_mix(mix) if mix is not None else SIZES
    plan = LoadPlan(duration=duration, warmup=min(duration, 1.0), policy=POLICY_NAMES[policy], connections=connections)
    console = Console()
    if not console.is_terminal:
        # Whoever reads a pipe has no width.
        console.width = PIPE_WIDTH

    def run(asked: LoadPlan) -> Report:
        with console.status(f"{asked.kind} {asked.arrivals}"):
            return run_load(connection, asked, shares)

    capacity, ways = three_ways(plan, run)
    tables = [ways, overload(replace(plan, deadline=deadline), capacity, run)]
    for table in tables:
        console.print(_drawn(table))
    if page is not None:
        write_whole(page, "\n".join(_markdown(table) for table in tables))


def three_ways(plan: LoadPlan, run: Runs) -> tuple[float, Rows]:
    """Instances a second of single calls, and the table of all three ways.

    Args:
        plan: Duration, policy and connections.
        run: Runs a plan.
    """
    closed = replace(plan, arrivals=Arrivals.CLOSED, concurrency=CALLERS)
    ways = {
        f"{CALLERS} callers, one instance a call": closed,
        f"one stream, {CALLERS} in flight": replace(closed, kind=CallKind.STREAM),
        f"{MESSAGES_AT_ONCE} callers, {IN_MESSAGE} instances a message": replace(
            closed, kind=CallKind.BATCH, batch=IN_MESSAGE, concurrency=MESSAGES_AT_ONCE
        ),
    }
    reports = {name: run(asked) for name, asked in ways.items()}
    capacity = next(iter(reports.values())).throughput
    rows: list[tuple[str, ...]] = [
        (name, f"{r.throughput:.0f}", _ms(r, "p50"), _ms(r, "p99"), f"{r.throughput / capacity if capacity else 0:.1f}")
        for name, r in reports.items()
    ]
    columns = ("how", "instances a second", "p50, ms", "p99, ms", "over one a call")
    return capacity, ("Throughput", columns, rows)


def overload(plan: LoadPlan, capacity: float, run: Runs) -> Rows:
    """The table of Poisson arrivals at shares and multiples of the capacity.

    Args:
        plan: Duration, policy, connections and deadline.
        capacity: Calls a second that are 100%.
        run: Runs a plan.
    """
    reports = {share: run(replace(plan, rate=max(share * capacity, 1.0))) for share in OF_CAPACITY}
    peak = max(report.goodput for report in reports.values()) or 1.0
    rows: list[tuple[str, ...]] = [
        (
            f"{share:.0%}",
            f"{report.offered:.0f}",
            f"{report.goodput:.0f}",
            f"{report.goodput / peak:.2f}",
            *(f"{report.codes.get(code, 0) / max(report.instances, 1):.2f}" for code in (SHED, LATE)),
            _ms(report, "p99"),
        )
        for share, report in reports.items()
    ]
    columns = ("load", "calls a second", "in time, a second", "over the peak", "shed at once", "late", "p99, ms")
    title = f"Poisson arrivals, deadline {(plan.deadline or 0) * 1e3:g} ms; 100% is {capacity:.0f} calls a second"
    return title, columns, rows


def _ms(report: Report, percentile: str) -> str:
    return f"{report.latency[percentile] * 1e3:.1f}" if percentile in report.latency else "none"


def _drawn(rows: Rows) -> Table:
    table = Table(title=rows[0])
    for place, name in enumerate(rows[1]):
        table.add_column(name, justify="right" if place else "left")
    for row in rows[2]:
        table.add_row(*row)
    return table


def _markdown(rows: Rows) -> str:
    title, columns, cells = rows
    lines = [f"## {title}", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in cells), ""])
