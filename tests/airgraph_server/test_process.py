"""The airgraph-server command as an operator runs it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from queue import SimpleQueue
from urllib.request import urlopen

import grpc
import numpy as np
import pytest
from requests_to import power_control_request

from airgraph.v1 import allocator_pb2, allocator_pb2_grpc

COMMAND = [sys.executable, "-m", "airgraph_server.cli"]


def start(tmp_path, *flags, **environment):
    """Starts a server without models and waits for its ready line."""
    process = subprocess.Popen(
        [*COMMAND, "--port", "0", "--metrics-port", "0", "--zoo", str(tmp_path), *flags],
        stderr=subprocess.PIPE,
        text=True,
        # The packages that the test imports, not whatever is installed.
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), **environment},
    )
    for line in process.stderr:
        event = json.loads(line)
        if event["event"] == "ready":
            return process, event
    raise AssertionError(f"the server ended with {process.wait()}")


def scraped(ready):
    with urlopen(f"http://127.0.0.1:{ready['metrics_port']}/metrics", timeout=60) as page:
        return page.read().decode()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_sigterm_lets_running_calls_finish_and_refuses_new_ones(tmp_path):
    # However slow the machine is, the long call may end.
    process, ready = start(tmp_path, AIRGRAPH_DRAIN_SECONDS="200")
    with grpc.insecure_channel(ready["target"]) as channel:
        stub = allocator_pb2_grpc.AllocatorStub(channel)
        gain = np.random.default_rng(0).exponential(size=(800, 800))
        long = power_control_request(gain, policy=allocator_pb2.POLICY_CLASSICAL, classical_iterations=8000)
        running = stub.Allocate.future(long)
        while 'grpc_server_started_total{grpc_method="Allocate"' not in scraped(ready):
            time.sleep(0.01)
        states = SimpleQueue()
        channel.subscribe(states.put)
        while states.get(timeout=60) is not grpc.ChannelConnectivity.READY:
            pass
        process.send_signal(signal.SIGTERM)
        assert json.loads(process.stderr.readline())["event"] == "draining"
        # gRPC closes the port, then tells each connection; what comes in between it drops as CANCELLED, and no server
        # built on it can help that. That a call before then is refused in words is tested in test_draining.
        assert states.get(timeout=60) is not grpc.ChannelConnectivity.READY
        while listens(ready["port"]):
            time.sleep(0.01)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Allocate(power_control_request(gain[:3, :3]))
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert running.result().provenance.polish_iterations == 8000
    assert process.wait(timeout=60) == 0
    assert [json.loads(line)["event"] for line in process.stderr] == ["stopped"]


def test_metrics_can_be_left_out(tmp_path):
    process, ready = start(tmp_path, "--metrics-port", "none")
    assert ready["metrics_port"] is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


def test_a_taken_port_is_one_clear_line(tmp_path):
    process, ready = start(tmp_path)
    try:
        second = subprocess.run(
            [*COMMAND, "--port", str(ready["port"]), "--zoo", str(tmp_path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 1
        assert f"airgraph-server: cannot listen on 127.0.0.1:{ready['port']}" in second.stderr
        assert "Traceback" not in second.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--port", "70000"], "port: "),
        (["--metrics-port", "nine"], "metrics_port: "),
        (["--workers", "2", "--device", "cuda"], "workers: "),
        (["--config", "/does/not/exist.toml"], "/does/not/exist.toml"),
    ],
)
def test_a_bad_setting_is_named(flags, named):
    ended = subprocess.run([*COMMAND, *flags], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("airgraph-server: ")
    assert named in ended.stderr
    assert ended.stderr.count("\n") == 1
