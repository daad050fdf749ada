"""The layers of the house: what may import what, and how long a file may be."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GENERATED = (ROOT / "clients" / "airgraph", ROOT / "clients" / "inference")
ROOMS = ("models", "training", "server", "clients", "tests", "benchmarks")
LONGEST_FILE = 400

SERVE_WITHOUT = """
import importlib, importlib.abc, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {refused}:
            raise AssertionError(name + " was imported")
        return None

sys.meta_path.insert(0, Refuse())
for module in {modules}:
    importlib.import_module(module)
"""


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)


def import_refusing(modules: list[str], refused: set[str]) -> subprocess.CompletedProcess[str]:
    return run_python(SERVE_WITHOUT.format(modules=modules, refused=refused))


def test_import_contracts_hold():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint, "--no-cache", "--no-logo"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("modules", "refused"),
    [
        (
            ["airgraph_server.cli", "airgraph_models.problems", "airgraph_models.classical"],
            {"torch", "torch_geometric", "lightning", "airgraph_training", "opentelemetry"},
        ),
        (
            ["airgraph_client", "airgraph_client.cli"],
            {"torch", "onnxruntime", "scipy", "matplotlib", "opentelemetry", "airgraph_models", "airgraph_server"},
        ),
    ],
    ids=["server", "client"],
)
def test_imports_without_what_its_install_leaves_out(modules, refused):
    done = import_refusing(modules, refused)
    assert done.returncode == 0, done.stderr


def test_the_import_guard_would_notice():
    done = import_refusing(["scipy.sparse"], {"numpy"})
    assert done.returncode != 0
    assert "numpy was imported" in done.stderr


def test_the_server_keeps_onnx_runtime_from_reporting_home():
    done = run_python(
        "import os; os.environ.pop('ORT_DISABLE_TELEMETRY', None)\n"
        "import airgraph_server.runtime.onnx_runtime\n"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    assert done.returncode == 0, done.stderr


def test_files_stay_short():
    long = {
        str(path.relative_to(ROOT)): lines
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if not any(path.is_relative_to(folder) for folder in GENERATED)
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert not long
