"""Starts what is measured, each in a process of its own, and ends it."""

import json
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    """That a process has used so far."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / TICK


@contextmanager
def _running(command, **options):
    process = subprocess.Popen(command, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def airgraph(*flags, **settings):
    """An AirGraph server with the shipped models; gives its address."""
    with airgraph_pids(*flags, **settings) as (target, _):
        yield target


@contextmanager
def airgraph_pids(*flags, packages=None, **settings):
    """An AirGraph server with the shipped models; gives its address and the processes that answer.

    Its code is that of ``packages``, a search path, where that is given.
    """
    environment = {**os.environ, **{f"AIRGRAPH_{name.upper()}": str(value) for name, value in settings.items()}}
    if packages is not None:
        environment["PYTHONPATH"] = packages
    command = [sys.executable, "-m", "airgraph_server.cli", "--port", "0", "--metrics-port", "0", *flags]
    with _running(command, stderr=subprocess.PIPE, env=environment) as process:
        for line in process.stderr:
            event = json.loads(line)
            if event["event"] == "ready":
                yield event["target"], event.get("workers", [process.pid])
                return
        raise RuntimeError("the server did not start")


@contextmanager
def echo():
    """The echo server; gives its address and its process."""
    with _running([sys.executable, HERE / "echo.py"], stderr=subprocess.PIPE) as process:
        yield f"127.0.0.1:{int(process.stderr.readline())}", process.pid


@contextmanager
def mlserver(python, network):
    """MLServer of the environment of ``python`` with one network; gives its address."""
    ports = {f"MLSERVER_{kind}_PORT": str(_free()) for kind in ("GRPC", "HTTP", "METRICS")}
    environment = {**os.environ, **ports, "PEER_NETWORK": str(network), "MLSERVER_HOST": "127.0.0.1"}
    environment.pop("PYTHONPATH", None)
    command = [Path(python).with_name("mlserver"), "start", HERE / "mlserver_peer"]
    with _running(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        port = int(ports["MLSERVER_GRPC_PORT"])
        _listening(port)
        yield f"127.0.0.1:{port}"


@contextmanager
def ray_serve(python, network):
    """Ray Serve of the environment of ``python`` with one network; gives its address."""
    port = _free()
    environment = {
        **os.environ,
        "PEER_NETWORK": str(network),
        "PYTHONPATH": str(HERE.parents[1] / "clients"),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [python, HERE / "ray_peer" / "peer.py", str(port), str(_free())]
    with _running(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        for line in process.stdout:
            if line.strip() == "ready":
                yield f"127.0.0.1:{port}"
                return
        raise RuntimeError("Ray Serve did not start")


def _free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _listening(port, seconds=60.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(1.0)
                return
        time.sleep(0.2)
    raise RuntimeError(f"nothing listens on port {port}")
