"""Models change under load: no call fails, and a version that fails never takes a call."""

import json
import shutil
import signal
import threading
import time

import numpy as np
import pytest
from test_process import start

from airgraph_client import Client, ModelCannotServe, ModelNotFound
from airgraph_server.app import Server
from airgraph_server.settings import Settings

SHIPPED = Settings().zoo
GAIN = np.random.default_rng(0).exponential(size=(6, 6))
MODEL = "aligned"
SWAPS = 50


def shipped_version():
    (first,) = (SHIPPED / "power_control" / MODEL).iterdir()
    return first


def add_version(zoo, version, damaged=False):
    directory = zoo / "power_control" / MODEL / version
    shutil.copytree(shipped_version(), directory)
    card = json.loads((directory / "card.json").read_text())
    card["version"] = version
    if damaged:
        card["golden"]["output"][0][0] += 0.5
    (directory / "card.json").write_text(json.dumps(card))
    return directory


@pytest.fixture
def zoo(tmp_path):
    add_version(tmp_path, "1")
    return tmp_path


@pytest.fixture
def server(zoo):
    with Server(Settings(port=0, metrics_port=None, zoo=zoo, threads=2)) as running:
        yield running


def test_no_call_fails_while_versions_are_swapped(server, zoo):
    add_version(zoo, "2")
    versions, failures, over = set(), [], threading.Event()

    def load():
        with Client(server.target, timeout=20) as client:
            while not over.is_set():
                try:
                    answer = client.control_power(GAIN, policy="learned")
                    versions.add(answer.model)
                except Exception as error:
                    failures.append(error)

    callers = [threading.Thread(target=load) for _ in range(3)]
    for caller in callers:
        caller.start()
    with Client(server.target, timeout=60) as admin:
        for swap in range(SWAPS):
            if swap % 2 == 0:
                assert admin.load_model(MODEL, "2").is_default
            else:
                assert [model.version for model in admin.unload_model(MODEL, "2")] == ["2"]
    over.set()
    for caller in callers:
        caller.join(20)
    assert failures == []
    assert versions == {f"{MODEL}:1", f"{MODEL}:2"}


def test_a_version_that_fails_its_self_test_never_takes_a_call(server, zoo):
    add_version(zoo, "7", damaged=True)
    with Client(server.target, timeout=60) as client:
        with pytest.raises(ModelCannotServe, match="golden"):
            client.load_model(MODEL, "7")
        assert client.control_power(GAIN, policy="learned").model == f"{MODEL}:1"
        states = {model.version: model.state for model in client.models()}
        assert states == {"1": "READY", "7": "FAILED"}
        with pytest.raises(ModelNotFound):
            client.load_model("nothing")


def test_a_damaged_replacement_leaves_what_served(server, zoo):
    card = zoo / "power_control" / MODEL / "1" / "card.json"
    whole = card.read_text()
    card.write_text("{")
    with Client(server.target, timeout=60) as client:
        changed = client.reload_models()
        assert [(model.version, model.state) for model in changed.failed] == [("1", "READY")]
        assert "not JSON" in changed.failed[0].state_detail
        assert client.control_power(GAIN, policy="learned").model == f"{MODEL}:1"
        card.write_text(whole)
        assert [model.version for model in client.reload_models().loaded] == ["1"]


def test_reload_loads_what_is_new_drops_what_is_gone_and_leaves_the_rest(server, zoo):
    second = add_version(zoo, "2")
    with Client(server.target, timeout=60) as client:
        assert [model.version for model in client.reload_models().loaded] == ["2"]
        again = client.reload_models()
        assert (again.loaded, again.unloaded, again.failed) == ((), (), ())
        shutil.rmtree(second)
        assert [model.version for model in client.reload_models().unloaded] == ["2"]
        client.unload_model(MODEL)
        assert client.reload_models().loaded == ()
        assert client.control_power(GAIN).fallback_reason == "MODEL_UNAVAILABLE"
        assert client.load_model(f"power_control/{MODEL}").state == "READY"
        assert client.control_power(GAIN, policy="learned").model == f"{MODEL}:1"


def wait_for(client, version):
    until = time.monotonic() + 20
    while version not in {model.version for model in client.models() if model.state == "READY"}:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("how", ["SIGHUP", "watch"])
def test_the_zoo_is_read_again_on_sighup_or_by_watching(zoo, how):
    process, ready = start(zoo, **({} if how == "SIGHUP" else {"AIRGRAPH_WATCH_SECONDS": "0.1"}))
    try:
        add_version(zoo, "2")
        if how == "SIGHUP":
            process.send_signal(signal.SIGHUP)
        with Client(ready["target"], timeout=20) as client:
            wait_for(client, "2")
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
