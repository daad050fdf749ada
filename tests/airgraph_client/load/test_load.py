"""Load tests against a real server on loopback, and against one that stalls on purpose."""

import json
import threading
import time
from concurrent import futures
from html.parser import HTMLParser

import grpc
import pytest
from google.rpc import code_pb2, status_pb2
from typer.testing import CliRunner

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_client.cli import app
from airgraph_client.connection import Connection
from airgraph_client.load import LoadPlan, read_mix, run_load
from airgraph_client.load.mix import DRAWS
from airgraph_client.load.page import page
from airgraph_client.load.plan import Arrivals, CallKind
from airgraph_client.load.search import Step
from airgraph_server.app import Server
from airgraph_server.settings import Settings


@pytest.fixture(scope="module")
def real():
    with Server(Settings(host="127.0.0.1", port=0, metrics_port=None)) as server:
        yield server


@pytest.mark.parametrize("kind", list(CallKind))
@pytest.mark.parametrize("arrivals", list(Arrivals))
def test_every_call_is_accounted_for(real, kind, arrivals):
    plan = LoadPlan(arrivals, kind, rate=40, concurrency=2, duration=0.7, warmup=0.2, batch=3, streams=2)
    before = answers_of(real)
    report = run_load(Connection(real.target), plan)
    assert report.codes == {"OK": report.answered}
    assert report.answered > 0
    assert sum(report.solvers.values()) == sum(report.fallbacks.values()) == report.answered
    # What the server counted is what the generator counted, and the warm-up.
    assert answers_of(real) - before >= report.answered
    if plan.open_loop:
        warm = sum(time < plan.warmup for time in plan.sends())
        each = 3 if kind is CallKind.BATCH else 1
        assert report.answered == each * (len(list(plan.sends())) - warm)


def answers_of(server):
    return sum(
        sample.value
        for metric in server.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "airgraph_answers_total"
    )


class Peers(allocator_pb2_grpc.AllocatorServicer):
    """Knows who has called."""

    def __init__(self):
        self.seen = set()

    def Allocate(self, request, context):  # noqa: N802
        self.seen.add(context.peer())
        return allocator_pb2.AllocateResponse(request_id=request.request_id)

    def AllocateStream(self, request_iterator, context):  # noqa: N802
        self.seen.add(context.peer())
        error = status_pb2.Status(code=code_pb2.UNAVAILABLE)
        for item in request_iterator:
            result = allocator_pb2.AllocateResult(error=error)
            yield allocator_pb2.AllocateStreamResponse(request_id=item.request.request_id, result=result)


@pytest.mark.parametrize("kind", [CallKind.UNARY, CallKind.STREAM])
def test_calls_and_streams_are_dealt_over_the_connections(kind):
    peers = Peers()
    server = grpc.server(futures.ThreadPoolExecutor(8))
    allocator_pb2_grpc.add_AllocatorServicer_to_server(peers, server)
    target = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        plan = LoadPlan(Arrivals.CONSTANT, kind, rate=50, duration=0.4, warmup=0, streams=3, connections=3)
        assert sum(run_load(Connection(target), plan).codes.values()) == 20
    finally:
        server.stop(None)
    assert len(peers.seen) == 3


class Stalling(allocator_pb2_grpc.AllocatorServicer):
    """Answers one call at a time, and once stalls for a while."""

    def __init__(self, stall):
        self.stall = stall
        self.calls = 0
        self.lock = threading.Lock()

    def Allocate(self, request, context):  # noqa: N802
        with self.lock:
            self.calls += 1
            if self.calls == 20:
                time.sleep(self.stall)
        return allocator_pb2.AllocateResponse()


@pytest.fixture
def stalling():
    server = grpc.server(futures.ThreadPoolExecutor(1))
    allocator_pb2_grpc.add_AllocatorServicer_to_server(Stalling(0.5), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield Connection(f"127.0.0.1:{port}")
    server.stop(None).wait()


def test_a_stall_is_seen_by_all_calls_that_were_meant_in_it(stalling):
    open_loop = run_load(stalling, LoadPlan(Arrivals.CONSTANT, rate=100, duration=1, warmup=0))
    # 50 of the 100 calls fall into the stall of half a second, and wait 0.25 s of it on average.
    assert open_loop.answered == 100
    assert open_loop.latency["p75"] > 0.15
    assert open_loop.latency["max"] >= 0.5


def test_a_closed_loop_hides_the_same_stall(stalling):
    closed = run_load(stalling, LoadPlan(Arrivals.CLOSED, concurrency=1, duration=1, warmup=0))
    assert closed.latency["max"] >= 0.5
    # One of at least twenty calls.
    assert closed.latency["p90"] < 0.25


def test_who_never_answers_does_not_hold_the_generator_up():
    server = grpc.server(futures.ThreadPoolExecutor(1))
    release = threading.Event()

    class Silent(allocator_pb2_grpc.AllocatorServicer):
        def Allocate(self, request, context):  # noqa: N802
            release.wait(20)

    allocator_pb2_grpc.add_AllocatorServicer_to_server(Silent(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        plan = LoadPlan(Arrivals.CONSTANT, rate=20, duration=0.5, warmup=0, drain=0.2)
        report = run_load(Connection(f"127.0.0.1:{port}"), plan)
        assert report.codes == {"UNANSWERED": 10}
        assert report.good_share == 0
    finally:
        release.set()
        server.stop(None).wait()


def invoke(target, *arguments):
    common = ["load", "--target", target, "--rate", "30", "--duration", "0.5", "--warmup", "0"]
    return CliRunner().invoke(app, [*common, *map(str, arguments)])


def test_the_command_writes_its_report_and_picture(real, tmp_path):
    out, picture = tmp_path / "report.json", tmp_path / "report.png"
    result = invoke(real.target, "--json", out, "--picture", picture, "--max-p99", "30", "--max-failed", "0")
    assert result.exit_code == 0, result.output
    report = json.loads(out.read_text())
    assert report["plan"]["arrivals"] == "poisson"
    assert report["limits_broken"] == []
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".partial")] == []


def test_a_broken_limit_is_exit_1_and_named(real):
    result = invoke(real.target, "--max-p99", "1e-6")
    assert result.exit_code == 1
    assert "p99" in result.stderr


def test_a_search_reports_its_steps(real, tmp_path):
    out = tmp_path / "report.json"
    result = invoke(real.target, "--search", 2, "--max-p99", "30", "--json", out)
    assert result.exit_code == 0, result.output
    assert [step["rate"] for step in json.loads(out.read_text())["search"]] == [30, 60]
    assert "highest rate within the limits: 60 calls/s" in result.output
    assert "no rate broke a limit" in result.output


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--rate", "0"], 2), (["--policy", "best"], 2), (["--search", "3"], 2), (["--mix", "/does/not/exist.csv"], 2)],
)
def test_bad_input_is_exit_2(real, arguments, status):
    assert invoke(real.target, *arguments).exit_code == status


def test_nobody_there_is_exit_3(monkeypatch):
    monkeypatch.setattr("airgraph_client.load.run.CONNECT_SECONDS", 0.3)
    assert invoke("127.0.0.1:1").exit_code == 3


class Links(HTMLParser):
    """What a page would load from elsewhere, and its text."""

    def __init__(self):
        super().__init__()
        self.found, self.text = [], []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in ("src", "href") and not value.startswith("#")]

    def handle_data(self, data):
        self.text.append(data.strip())


def test_the_page_holds_the_run_and_needs_nothing_else(real, tmp_path):
    out, report = tmp_path / "report.html", tmp_path / "report.json"
    result = invoke(real.target, "--html", out, "--json", report, "--search", 2, "--max-p99", "30", "--deadline", "20")
    assert result.exit_code == 0, result.output
    text, said = out.read_text(), json.loads(report.read_text())
    links = Links()
    links.feed(text)
    assert text.startswith("<!DOCTYPE html>")
    assert "<svg" in text
    assert links.found == []
    assert "@import" not in text
    assert "no limit broken" in links.text
    assert f"{said['latency']['p99'] * 1e3:.2f} ms" in links.text
    for solver, count in said["solvers"].items():
        assert {solver, str(count)} <= set(links.text)
    assert {"30", "60"} <= set(links.text), "the steps of the search"


def test_a_page_says_which_limit_is_broken_and_trusts_no_name(real, tmp_path):
    out = tmp_path / "report.html"
    assert invoke(real.target, "--html", out, "--max-p99", "1e-6").exit_code == 1
    assert 'class="broken">p99' in out.read_text()
    report = run_load(Connection(real.target), LoadPlan(rate=30, duration=0.3, warmup=0))
    report.solvers["<script>"] = 1
    assert "<script>" not in page([Step(30, report, [])], Step(30, report, []), "<script>")


def test_every_family_can_be_in_the_mix(real, tmp_path):
    mix = tmp_path / "mix.csv"
    rows = ["power_control,5,1", "beamforming,3,2", "precoding,3,4", "cell_free,4,12", "hybrid_precoding,2,8"]
    assert {row.split(",")[0] for row in rows} == DRAWS.keys()
    mix.write_text("problem,nodes,antennas,share\n" + "".join(f"{row},1\n" for row in rows))
    report = run_load(Connection(real.target), LoadPlan(rate=60, duration=0.7, warmup=0), read_mix(mix))
    assert report.codes == {"OK": report.answered}
    assert len(report.solvers) > 2


def test_deadlines_travel_on_streams_too(real):
    plan = LoadPlan(kind=CallKind.STREAM, rate=50, duration=0.5, warmup=0, deadline=1e-4)
    report = run_load(Connection(real.target), plan)
    # Nobody answers in a tenth of a millisecond, whether the generator or the server notices first.
    assert report.answered == report.good_share == 0
    assert report.codes.keys() <= {"DEADLINE_EXCEEDED", "NOT_SENT", "RESOURCE_EXHAUSTED"}
