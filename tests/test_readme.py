"""What the README shows works as it stands there."""

import re
from pathlib import Path

import pytest
from typer.main import get_command

from airgraph_client import cli as client_cli
from airgraph_server import cli as server_cli
from airgraph_server.app import Server
from airgraph_server.settings import Settings
from airgraph_training import cli as training_cli

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PYTHON_BLOCKS = re.findall(r"^```python\n(.*?)^```", README, flags=re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def target():
    with Server(Settings(host="127.0.0.1", port=0, metrics_port=None)) as server:
        yield server.target


def test_there_is_an_example():
    assert PYTHON_BLOCKS


@pytest.mark.parametrize("code", PYTHON_BLOCKS)
def test_examples_run(code, target):
    assert "127.0.0.1:50051" in code
    # The reader's deadline of 10 ms is not the point here, and the machine may be busy.
    code = code.replace("127.0.0.1:50051", target).replace("timeout=0.01", "timeout=10")
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    assert [answer.power.size for answer in names["answers"]] == [5, 10, 20]


def test_flags_exist():
    shown = set(re.findall(r"`(--[a-z-]+)`", README)) | set(
        re.findall(r"(--[a-z-]+)", " ".join(re.findall(r"^\$ airgraph-server (.*)$", README, re.MULTILINE)))
    )
    commands = [get_command(server_cli.app), *get_command(training_cli.app).commands.values()]
    known = {flag for command in commands for parameter in command.params for flag in parameter.opts}
    assert shown
    assert shown <= known


def test_client_commands_exist():
    shown = set(re.findall(r"^\$ airgraph ([a-z]+)", README, re.MULTILINE))
    assert shown
    assert shown <= set(get_command(client_cli.app).commands)
