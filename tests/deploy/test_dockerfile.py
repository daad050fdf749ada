"""What can be said of the Dockerfile, and of the scripts around it, without running them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_every_base_is_pinned_by_digest():
    bases = dict(re.findall(r"^ARG (\w+_IMAGE)=(\S+)$", DOCKERFILE, re.MULTILINE))
    stages = set(re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE))
    used = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert {f"${{{name}}}" for name in bases} == set(used) - stages
    for image in bases.values():
        assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image)


def test_nothing_that_runs_is_root():
    for stage in re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE):
        if "ENTRYPOINT" in stage:
            user = re.search(r"^USER (\d+):(\d+)$", stage, re.MULTILINE)
            assert user is not None
            assert "0" not in user.groups()


def passes(tool, *arguments):
    program = Path(sys.executable).parent / tool
    if not program.exists():
        pytest.skip(f"{tool} is not installed")
    ended = subprocess.run([program, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_hadolint_finds_nothing():
    # DL3008: Debian and Ubuntu drop a package's old versions, so that a pinned one could soon not be built any more.
    passes("hadolint", "--ignore", "DL3008", "Dockerfile")


def test_shellcheck_finds_nothing():
    scripts = [*ROOT.glob("deploy/**/*.sh"), *ROOT.glob("tests/**/*.sh"), ROOT / ".ci" / "run"]
    assert len(scripts) > 5
    passes("shellcheck", *scripts)
