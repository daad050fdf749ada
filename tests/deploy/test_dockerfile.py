"""What can be said of the Dockerfile without building it."""

import re
from pathlib import Path

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
