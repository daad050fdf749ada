"""Alert rules and the dashboard, against promtool and a real Prometheus that scrapes a real server under load."""

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import pytest
import yaml
from prometheus_client import start_http_server

from airgraph_client import AirGraphError, Client
from airgraph_client.connection import Connection
from airgraph_client.load import LoadPlan, run_load
from airgraph_server.app import Server
from airgraph_server.settings import Settings
from airgraph_server.workers.metrics import WholeMetrics

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "airgraph.rules.yml"
DASHBOARD = json.loads((DEPLOY / "grafana" / "airgraph.json").read_text())
QUERIES = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def promtool(*arguments):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    ended = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_rules_are_well_formed():
    promtool("check", "rules", RULES)


def test_rules_fire_when_they_should_and_only_then():
    promtool("test", "rules", RULES.with_name("airgraph.rules.test.yml"))


def test_the_configuration_is_well_formed():
    promtool("check", "config", RULES.with_name("prometheus.yml"))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def fetch(port, path, **query):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}?{urllib.parse.urlencode(query)}", timeout=10) as reply:
        return json.load(reply)["data"]


def until(what, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if what():
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s")


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory):
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed (Debian package prometheus)")
    folder = tmp_path_factory.mktemp("prometheus")
    # What the parent of several workers counts itself; the rest is as of one process.
    parent, serving = start_http_server(0, "127.0.0.1", WholeMetrics(str(tmp_path_factory.mktemp("workers"))).registry)
    with Server(Settings(host="127.0.0.1", port=0, metrics_port=0)) as server:
        port = free_port()
        (folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 500ms, evaluation_interval: 500ms}\n"
            f"rule_files: ['{RULES}']\n"
            "scrape_configs: [{job_name: airgraph, scrape_timeout: 500ms, "
            f"static_configs: [{{targets: ['127.0.0.1:{server.metrics_port}', '127.0.0.1:{parent.server_port}']}}]}}]\n"
        )
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: fetch(port, "/api/v1/query", query='sum(up{job="airgraph"}) == 2')["result"])
            run_load(Connection(server.target), LoadPlan(rate=20, duration=3, warmup=0))
            with Client(server.target) as client:
                gain = np.ones((3, 3))
                # One call whose deadline cannot be kept, one that asks for a classical answer.
                with pytest.raises(AirGraphError):
                    client.control_power(gain, timeout=1e-5)
                client.control_power(gain, policy="classical", timeout=30)
            # The rates need a scrape after the last call.
            time.sleep(1.5)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=20)
            parent.shutdown()
            parent.server_close()
            serving.join(timeout=20)


@pytest.mark.parametrize("query", QUERIES)
def test_every_panel_has_data(prometheus, query):
    asked = query.replace("$job", ".*").replace("$__rate_interval", "1m")
    result = fetch(prometheus, "/api/v1/query", query=asked)["result"]
    assert result, asked
    values = [float(series["value"][1]) for series in result]
    assert any(value == value for value in values), asked


def test_every_alert_is_evaluated_without_an_error(prometheus):
    written = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]

    def evaluated():
        groups = fetch(prometheus, "/api/v1/rules")["groups"]
        rules = [rule for group in groups for rule in group["rules"]]
        assert not any(rule.get("lastError") for rule in rules)
        return len(rules) == len(written) and all(rule["health"] == "ok" for rule in rules)

    until(evaluated)


def test_every_metric_of_the_alerts_is_one_the_server_has(prometheus):
    names = set(fetch(prometheus, "/api/v1/label/__name__/values"))
    used = set(re.findall(r"\b((?:airgraph|grpc_server)_\w+)[{\[ )]", RULES.read_text()))
    assert len(used) == 7
    assert used <= names
