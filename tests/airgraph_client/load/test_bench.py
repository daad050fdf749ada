"""``airgraph bench`` against a real server, and its sums on reports made by hand."""

from dataclasses import replace

import pytest
from typer.testing import CliRunner

from airgraph_client.cli import app
from airgraph_client.load.bench import OF_CAPACITY, overload, three_ways
from airgraph_client.load.plan import Arrivals, CallKind, LoadPlan
from airgraph_client.load.record import Outcome, Record
from airgraph_client.load.report import Report
from airgraph_server.app import Server
from airgraph_server.settings import Settings


def answering(limit):
    """A server that answers ``limit`` instances a second in time, eight times that in full messages."""

    def run(plan):
        asked.append(plan)
        seconds = plan.duration
        offered = int(plan.rate * seconds) if plan.open_loop else 10**9
        answers = min(int(limit * seconds) * (8 if plan.kind is CallKind.BATCH else 1), offered)
        record = Record(plan.deadline)
        for i in range(answers):
            record.ended(i / answers * seconds, 1e-3, 1e-3, [Outcome("OK", "network", "none")])
        for _ in range(offered - answers if plan.open_loop else 0):
            record.ended(0.0, 1e-4, 1e-4, [Outcome("RESOURCE_EXHAUSTED")])
        return Report.of(plan, (), record)

    asked = []
    return run, asked


def test_the_load_goes_from_half_to_twice_of_what_single_calls_reach():
    run, asked = answering(100.0)
    plan = LoadPlan(duration=2.0)
    capacity, (_, columns, rows) = three_ways(plan, run)
    assert capacity == pytest.approx(100.0)
    assert [one.arrivals for one in asked] == [Arrivals.CLOSED] * 3
    assert [row[columns.index("over one a call")] for row in rows] == ["1.0", "1.0", "8.0"]
    asked.clear()
    _, columns, rows = overload(replace(plan, deadline=0.01), capacity, run)
    assert [one.rate for one in asked] == [share * capacity for share in OF_CAPACITY]
    assert all(one.open_loop and one.deadline == 0.01 for one in asked)
    assert [row[columns.index("over the peak")] for row in rows] == ["0.50", "0.80", "1.00", "1.00"]
    assert [row[columns.index("shed at once")] for row in rows] == ["0.00", "0.00", "0.17", "0.50"]


def test_the_command_prints_and_writes_both_tables(tmp_path):
    page = tmp_path / "bench.md"
    with Server(Settings(port=0, metrics_port=None)) as server:
        target = ["--target", server.target]
        done = CliRunner().invoke(app, ["bench", *target, "--duration", "0.2", "--page", str(page)])
        refused = CliRunner().invoke(app, ["bench", *target, "--policy", "none"])
    assert done.exit_code == 0, done.output
    written = page.read_text()
    for words in ("one stream", "64 instances a message", "200%"):
        assert words in written
        assert words in done.output
    assert refused.exit_code == 2
