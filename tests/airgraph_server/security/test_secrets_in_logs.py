"""Nothing that is secret is written anywhere, at the most talkative level."""

import json
import signal
import subprocess
import sys

import numpy as np
import pytest
from certificates import Authority

from airgraph_client import Client, Denied, Security
from airgraph_server.security.tokens import digest_of, new_token


def test_neither_tokens_nor_hashes_nor_keys_are_logged(tmp_path):
    authority = Authority(tmp_path, "authority")
    pair = authority.issue("server")
    good, bad = new_token(), new_token()
    access = tmp_path / "access"
    access.write_text(f"xapp user {digest_of(good)}\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "airgraph_server.cli", "--log-level", "debug", "--zoo", str(tmp_path), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": ":".join(sys.path),
            "AIRGRAPH_METRICS_PORT": "none",
            "AIRGRAPH_ACCESS_FILE": str(access),
            "AIRGRAPH_TLS_CERTIFICATE": str(pair.certificate),
            "AIRGRAPH_TLS_KEY": str(pair.key),
        },
    )
    lines = []
    for line in process.stderr:
        lines.append(line)
        if '"ready"' in line:
            break
    target = json.loads(lines[-1])["target"]
    with Client(target, timeout=10, security=Security(ca=authority.path, token=good)) as client:
        client.control_power(np.eye(2))
    stranger = Client(target, timeout=10, security=Security(ca=authority.path, token=bad))
    with stranger, pytest.raises(Denied) as caught:
        stranger.control_power(np.eye(2))
    access.write_text(f"xapp user {bad}\n")
    pair.key.write_text("spoiled")
    with Client(target, timeout=10, security=Security(ca=authority.path, token=good)) as client:
        client.control_power(np.eye(2))
    process.send_signal(signal.SIGTERM)
    lines += process.stderr.readlines()
    assert process.wait(20) == 0
    text = "".join(lines) + str(caught.value)
    events = {json.loads(line)["event"] for line in lines}
    assert {"call_refused", "access_file_not_reloaded", "certificate_not_reloaded"} <= events
    for secret in (good, bad, digest_of(good).removeprefix("sha256:"), "PRIVATE KEY", "spoiled"):
        assert secret not in text
    assert good not in repr(Security(token=good))
