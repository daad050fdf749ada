"""`make demo` as a newcomer runs it, in the environment of the tests."""

import re
import subprocess
import sys
from pathlib import Path

from matplotlib.image import imread

ROOT = Path(__file__).parents[1]


def test_the_demo_solves_a_network_draws_it_and_stops_its_server(tmp_path):
    picture = tmp_path / "network.png"
    ended = subprocess.run(
        [ROOT / "deploy" / "demo.sh", sys.prefix, picture],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    rates = {
        name: float(rate)
        for name, rate in re.findall(
            r"^ (full power|WMMSE \(100\)|model alone|AirGraph auto)\s+([\d.]+)", ended.stdout, re.M
        )
    }
    assert set(rates) == {"full power", "WMMSE (100)", "model alone", "AirGraph auto"}
    assert rates["full power"] < rates["model alone"] <= rates["AirGraph auto"]
    assert rates["AirGraph auto"] >= rates["WMMSE (100)"] * 0.999
    image = imread(picture)
    assert min(image.shape[:2]) > 500
    assert image.std() > 0.05
    port = re.search(r"airgraph-server on 127\.0\.0\.1:(\d+)", ended.stdout).group(1)
    listening = subprocess.run(
        ["grep", "-ci", f":{int(port):04X} 0.* 0A ", "/proc/net/tcp"], capture_output=True, text=True, check=False
    )
    assert listening.stdout.strip() == "0"
