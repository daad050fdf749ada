"""Several worker processes behind one port, as an operator runs them."""

import json
import os
import shutil
import signal
import subprocess
import threading
import time
import urllib.request
from contextlib import ExitStack, contextmanager

import grpc
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families
from requests_to import power_control_request
from test_process import COMMAND, start
from tracing.collector import collecting

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc
from airgraph_client import Client, ModelCannotServe, ModelNotFound
from airgraph_server.settings import Settings
from airgraph_server.workers.parent import WorkersFailedError, refuse_gpu

MODEL = "aligned"
SHIPPED = Settings().zoo / "power_control" / MODEL / "1"
GAIN = np.random.default_rng(0).exponential(size=(4, 4))
CONNECTIONS = 24
"""The kernel deals each to a worker by its port: that one of two gets none has a chance of 1e-7."""
PATIENCE = 60.0


@pytest.fixture
def zoo(tmp_path):
    add_version(tmp_path / "zoo", "1")
    return tmp_path / "zoo"


def add_version(zoo, version, damaged=False):
    directory = zoo / "power_control" / MODEL / version
    shutil.copytree(SHIPPED, directory)
    card = json.loads((directory / "card.json").read_text())
    card["version"] = version
    if damaged:
        card["golden"]["output"][0][0] += 0.5
    (directory / "card.json").write_text(json.dumps(card))


@contextmanager
def serving(zoo, *flags, **environment):
    """A server of two workers, its ready line, and what it logs after that."""
    process, ready = start(zoo, "--workers", "2", **environment)
    events = []

    def read():
        events.extend(json.loads(line) for line in process.stderr)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield process, ready, events
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        reader.join(PATIENCE)
        assert all(not alive(pid) for pid in ready["workers"])


@contextmanager
def connections(ready, count=CONNECTIONS):
    """As many clients, each with a connection of its own."""
    with ExitStack() as opened:
        yield [opened.enter_context(Client(ready["target"], timeout=PATIENCE)) for _ in range(count)]


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(true):
    until = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


def samples(ready, name):
    """Values of a metric by labels, at the one endpoint."""
    with urllib.request.urlopen(f"http://127.0.0.1:{ready['metrics_port']}/metrics", timeout=PATIENCE) as page:
        families = text_string_to_metric_families(page.read().decode())
    return [(s.labels, s.value) for family in families for s in family.samples if s.name == name]


def total(ready, name, **labels):
    return sum(value for found, value in samples(ready, name) if labels.items() <= found.items())


def answered(ready):
    return total(ready, "grpc_server_handled_total", grpc_method="Allocate", grpc_code="OK")


def versions(client):
    return {model.version: model.state for model in client.models()}


def test_all_workers_answer_and_every_call_is_counted_and_recorded_once(zoo, tmp_path):
    audit = tmp_path / "audit.jsonl"
    with serving(zoo, AIRGRAPH_AUDIT_FILE=str(audit)) as (_, ready, _):
        with connections(ready) as clients:
            threads = [
                threading.Thread(target=lambda client=client: [client.control_power(GAIN) for _ in range(5)])
                for client in clients
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        lines = [json.loads(line) for line in audit.read_text().splitlines()]
        assert {line["process"] for line in lines} == set(ready["workers"])
        assert len({line["request_id"] for line in lines}) == len(lines) == 5 * CONNECTIONS
        assert answered(ready) == total(ready, "airgraph_answers_total") == 5 * CONNECTIONS
        assert total(ready, "grpc_server_handling_seconds_count", grpc_method="Allocate") == 5 * CONNECTIONS
        assert samples(ready, "airgraph_queue_depth") == [({}, 0.0)]
        assert samples(ready, "airgraph_workers") == [({}, 2.0)]
        (model,) = samples(ready, "airgraph_model_info")
        assert model[1] == 1.0
        assert model[0]["model"] == MODEL


def test_every_call_is_traced_by_the_worker_that_answered_it(zoo):
    with collecting() as (collector, endpoint):
        with (
            serving(zoo, AIRGRAPH_TRACE="true", AIRGRAPH_TRACE_ENDPOINT=endpoint) as (_, ready, _),
            connections(ready) as clients,
        ):
            for client in clients:
                client.control_power(GAIN)
        assert len(collector.named("airgraph.v1.Allocator/Allocate")) == CONNECTIONS
        processes = {int(of["service.instance.id"].rpartition(":")[2]) for of in collector.resources}
        assert processes == set(ready["workers"])


def test_a_killed_worker_is_replaced_as_the_others_are_and_its_counts_stay(zoo):
    add_version(zoo, "2")
    with serving(zoo) as (_, ready, events):
        with connections(ready) as clients:
            clients[0].unload_model(MODEL, "2")
            for client in clients:
                client.control_power(GAIN)
        os.kill(ready["workers"][0], signal.SIGKILL)
        wait_until(lambda: not alive(ready["workers"][0]))
        options = [("grpc.use_local_subchannel_pool", 1)]
        calls = CONNECTIONS
        while total(ready, "airgraph_worker_restarts_total") < 1 or total(ready, "airgraph_workers") < 2:
            # Who connects now finds a worker that serves.
            with grpc.insecure_channel(ready["target"], options) as channel:
                allocator_pb2_grpc.AllocatorStub(channel).Allocate(power_control_request(GAIN), wait_for_ready=True)
            calls += 1
        assert answered(ready) == calls
        assert samples(ready, "airgraph_queue_depth") == [({}, 0.0)]
        with connections(ready) as clients:
            assert all(versions(client) == {"1": "READY", "2": "UNLOADED"} for client in clients)
        wait_until(lambda: any(event["event"] == "worker_ended" for event in events))
        (ended,) = [event for event in events if event["event"] == "worker_ended"]
        assert (ended["pid"], ended["code"]) == (ready["workers"][0], -signal.SIGKILL)


def test_a_worker_that_hangs_is_replaced(zoo):
    with serving(zoo, AIRGRAPH_WORKER_PATIENCE_SECONDS="3") as (_, ready, events):
        hung = ready["workers"][1]
        os.kill(hung, signal.SIGSTOP)
        wait_until(lambda: not alive(hung))
        wait_until(lambda: total(ready, "airgraph_worker_restarts_total") >= 1)
        wait_until(lambda: total(ready, "airgraph_workers") == 2)
        wait_until(lambda: hung in {event["pid"] for event in events if event["event"] == "worker_hung"})
        with connections(ready) as clients:
            assert all(client.control_power(GAIN).solver for client in clients)


def test_what_one_caller_changes_is_changed_everywhere_before_the_answer(zoo):
    with serving(zoo) as (_, ready, _), connections(ready) as clients:
        assert [model.version for model in clients[0].unload_model(MODEL)] == ["1"]
        assert all(versions(client) == {"1": "UNLOADED"} for client in clients)
        assert clients[1].load_model(MODEL).is_default
        assert all(versions(client) == {"1": "READY"} for client in clients)
        add_version(zoo, "2")
        add_version(zoo, "3", damaged=True)
        changes = clients[2].reload_models()
        assert [model.version for model in changes.loaded] == ["2"]
        assert [model.version for model in changes.failed] == ["3"]
        assert all(versions(client) == {"1": "READY", "2": "READY", "3": "FAILED"} for client in clients)
        with pytest.raises(ModelNotFound):
            clients[3].load_model("nothing")
        with pytest.raises(ModelCannotServe, match="golden"):
            clients[4].load_model(MODEL, "3")


def test_no_call_fails_while_all_workers_swap(zoo):
    add_version(zoo, "2")
    failures, seen, over = [], set(), threading.Event()
    with serving(zoo) as (_, ready, _), connections(ready, 6) as clients:

        def load(client):
            while not over.is_set():
                try:
                    seen.add(client.control_power(GAIN, policy="learned").model)
                except Exception as error:
                    failures.append(error)

        callers = [threading.Thread(target=load, args=(client,)) for client in clients[1:]]
        for caller in callers:
            caller.start()
        for _ in range(5):
            clients[0].unload_model(MODEL, "2")
            clients[0].load_model(MODEL, "2")
        over.set()
        for caller in callers:
            caller.join(PATIENCE)
    assert failures == []
    assert seen == {f"{MODEL}:1", f"{MODEL}:2"}


@pytest.mark.parametrize("how", ["SIGHUP", "watch"])
def test_all_read_the_zoo_again_on_sighup_or_by_watching(zoo, how):
    watching = {} if how == "SIGHUP" else {"AIRGRAPH_WATCH_SECONDS": "0.1"}
    with serving(zoo, **watching) as (process, ready, _), connections(ready) as clients:
        add_version(zoo, "2")
        if how == "SIGHUP":
            process.send_signal(signal.SIGHUP)
        for client in clients:
            wait_until(lambda client=client: versions(client) == {"1": "READY", "2": "READY"})


def test_sigterm_lets_the_running_calls_of_all_workers_finish(zoo):
    gain = np.random.default_rng(0).exponential(size=(150, 150))
    long = power_control_request(gain, policy=allocator_pb2.POLICY_CLASSICAL, classical_iterations=2000)
    options = [("grpc.use_local_subchannel_pool", 1)]
    with ExitStack() as opened:
        process, ready, events = opened.enter_context(serving(zoo, AIRGRAPH_DRAIN_SECONDS="60"))
        channels = [opened.enter_context(grpc.insecure_channel(ready["target"], options)) for _ in range(8)]
        running = [allocator_pb2_grpc.AllocatorStub(channel).Allocate.future(long) for channel in channels]
        wait_until(lambda: total(ready, "grpc_server_started_total", grpc_method="Allocate") == len(running))
        process.send_signal(signal.SIGTERM)
        assert [call.result().provenance.polish_iterations for call in running] == [2000] * len(running)
        assert process.wait(PATIENCE) == 0
    assert [event["event"] for event in events] == ["draining", "stopped"]


def test_workers_do_not_outlive_their_parent(zoo):
    process, ready = start(zoo, "--workers", "2")
    process.kill()
    process.wait()
    wait_until(lambda: not any(alive(pid) for pid in ready["workers"]))


@pytest.mark.parametrize("taken_by", ["1", "2"])
def test_a_taken_port_is_one_clear_line(zoo, taken_by):
    process, ready = start(zoo, "--workers", taken_by)
    try:
        second = subprocess.run(
            [*COMMAND, "--workers", "2", "--port", str(ready["port"]), "--zoo", str(zoo)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert second.returncode == 1
        assert f"airgraph-server: cannot listen on 127.0.0.1:{ready['port']}" in second.stderr
        assert "Traceback" not in second.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_workers_that_cannot_start_end_the_server_with_the_reason(tmp_path):
    missing = tmp_path / "nothing"
    ended = subprocess.run(
        [*COMMAND, "--workers", "2", "--port", "0", "--metrics-port", "0", "--zoo", str(missing)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 1
    assert f"zoo {missing} is not a folder" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_gpu_has_one_owner():
    with pytest.raises(ValueError, match="one owner, got 2"):
        Settings(workers=2, device="cuda")
    assert Settings(workers=1, device="cuda").workers == 1
    refuse_gpu(["cpu"], 2)
    with pytest.raises(WorkersFailedError, match="one owner, got 2"):
        refuse_gpu(["cpu", "cuda"], 2)


def test_the_cores_are_shared_out(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 12)
    assert [Settings(workers=n).threads for n in (1, 3, 12)] == [12, 4, 2]
    assert Settings(workers=3, threads=5).threads == 5
