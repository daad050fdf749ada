"""The command ``airgraph load``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from airgraph_client.connection import Connection, connect
from airgraph_client.load.mix import DEFAULT_MIX, Share, read_mix
from airgraph_client.load.plan import Arrivals, CallKind, LoadPlan
from airgraph_client.load.record import Record
from airgraph_client.load.report import Report, report_table
from airgraph_client.load.run import run_load
from airgraph_client.load.search import Limits, Step, highest_rate
from airgraph_client.requests import PolicyName

LIMIT_BROKEN = 1
POLICY_NAMES: dict[str, PolicyName] = {"auto": "auto", "learned": "learned", "classical": "classical"}


def load(
    context: typer.Context,
    target: Annotated[str, typer.Option(help="Address of the server.", envvar="AIRGRAPH_TARGET")] = "localhost:50051",
    arrivals: Annotated[Arrivals, typer.Option(help="Open loop by the clock, or closed.")] = Arrivals.POISSON,
    kind: Annotated[CallKind, typer.Option(help="How instances travel.")] = CallKind.UNARY,
    rate: Annotated[float, typer.Option(help="Calls a second; a search begins here.")] = 100.0,
    concurrency: Annotated[int, typer.Option(help="Callers of the closed loop.")] = 4,
    duration: Annotated[float, typer.Option(help="Seconds that are counted.")] = 10.0,
    warmup: Annotated[float, typer.Option(help="Seconds before that are not.")] = 1.0,
    deadline: Annotated[float | None, typer.Option(help="Seconds until an answer is of use.")] = None,
    batch: Annotated[int, typer.Option(help="Instances in one message, with --kind batch.")] = 16,
    streams: Annotated[int, typer.Option(help="Streams, with --kind stream.")] = 1,
    connections: Annotated[int, typer.Option(help="Connections; a server with workers needs several.")] = 1,
    policy: Annotated[str, typer.Option(help="auto, learned or classical.")] = "auto",
    mix: Annotated[Path | None, typer.Option(help="CSV file: problem,nodes,antennas,share.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of arrivals and instances.")] = 0,
    json_out: Annotated[Path | None, typer.Option("--json", help="Where to write the report.")] = None,
    html: Annotated[Path | None, typer.Option(help="Where to write it as a page, with its pictures.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Where to draw it, png or svg.")] = None,
    max_p99: Annotated[float | None, typer.Option(help="Limit of the 99th percentile, seconds.")] = None,
    max_failed: Annotated[float | None, typer.Option(help="Largest share that may go unanswered.")] = None,
    min_in_time: Annotated[float | None, typer.Option(help="Smallest share answered in time.")] = None,
    search: Annotated[int, typer.Option(min=0, help="Steps to look for the highest rate within the limits.")] = 0,
) -> None:
    """Send calls at a rate, time them from their intended send; exit status 1 where a limit is broken.

    With --search, the rate doubles from --rate until a limit breaks, then the gap is halved; exit status 1 where no
    rate kept the limits.
    """
    console = Console()
    if policy not in POLICY_NAMES:
        raise typer.BadParameter(f"auto, learned or classical, not {policy!r}", param_hint="--policy")
    limits = Limits(max_p99, max_failed, min_in_time)
    if search and limits == Limits():
        raise typer.BadParameter("needs a limit: --max-p99, --max-failed or --min-in-time", param_hint="--search")
    shares = read_mix(mix) if mix is not None else DEFAULT_MIX
    plan = LoadPlan(
        arrivals=arrivals,
        kind=kind,
        rate=rate,
        concurrency=concurrency,
        duration=duration,
        warmup=warmup,
        deadline=deadline,
        batch=batch,
        streams=streams,
        connections=connections,
        policy=POLICY_NAMES[policy],
        seed=seed,
    )
    connection = connect(target, None, context.obj, None, (), ())
    if search:
        steps = highest_rate(lambda step: _step(connection, step, shares, limits, console), plan, limits, search)
    else:
        report = _run(connection, plan, shares, console)
        steps = [Step(rate, report, limits.broken(report))]
    kept = [step for step in steps if not step.broken]
    shown = max(kept, key=lambda step: step.rate) if kept else steps[0]
    console.print(report_table(shown.report))
    if search and kept:
        console.print(f"highest rate within the limits: {shown.rate:g} calls/s, {shown.report.throughput:g} answers/s")
        if kept == steps:
            console.print("no rate broke a limit: more steps, or a higher --rate, go on from there")
    if json_out is not None:
        write_json(json_out, steps, shown, bool(search))
    if html is not None:
        from airgraph_client.load.page import page

        write_whole(html, page(steps, shown, target))
    if picture is not None:
        from airgraph_client.load.picture import save_picture

        save_picture(shown.report, picture)
    if shown.broken:
        typer.echo(f"airgraph: {'; '.join(shown.broken)}", err=True)
        raise typer.Exit(LIMIT_BROKEN)


def write_json(path: Path, steps: list[Step], shown: Step, searched: bool) -> None:
    """Writes the report; a search adds its steps."""
    content = {**shown.report.as_dict(), "limits_broken": shown.broken}
    if searched:
        content["search"] = [
            {"rate": step.rate, "p99": step.report.latency.get("p99"), "goodput": step.report.goodput}
            | {"limits_broken": step.broken}
            for step in steps
        ]
    write_whole(path, json.dumps(content, indent=2) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Writes a file whole or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _step(connection: Connection, plan: LoadPlan, mix: tuple[Share, ...], limits: Limits, console: Console) -> Report:
    report = _run(connection, plan, mix, console)
    verdict = "; ".join(limits.broken(report)) or "kept"
    p99 = report.latency.get("p99", float("nan"))
    console.print(f"{plan.rate:g} calls/s: p99 {p99 * 1e3:.2f} ms, {report.good_share:.2%} in time; {verdict}")
    return report


def _run(connection: Connection, plan: LoadPlan, mix: tuple[Share, ...], console: Console) -> Report:
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, refresh_per_second=4, transient=True) as bar:
        task = bar.add_task("warming up", total=plan.length)

        def show(elapsed: float, record: Record) -> None:
            ended = sum(record.codes.values())
            p99 = record.latency.get_value_at_percentile(99) * 1e-3
            words = f"{record.codes['OK']} answers, {ended - record.codes['OK']} failures, p99 {p99:.2f} ms"
            bar.update(task, completed=min(elapsed, plan.length), description=words if ended else "warming up")

        return run_load(connection, plan, mix, show)
