"""The image, really built, started as Kubernetes starts it, and asked.

Opt-in, since it installs packages and takes minutes: `make image-test`, as root, where buildah is. TARGET, BASE_IMAGE,
CUDA_IMAGE, CA_BUNDLE and PIP_CONF are those of `deploy/build-image.sh`; AIRGRAPH_IMAGE names an image that is built
already. The GPU image answers on the CPU where there is no GPU, and is tested so.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import numpy as np
import pytest

from airgraph.v1 import allocator_pb2
from airgraph_client import Beamforming, CellFree, Client, HybridPrecoding, PowerControl, PowerModel, Precoding

ROOT = Path(__file__).parents[2]
PROBLEMS = allocator_pb2.AllocateRequest.DESCRIPTOR.oneofs_by_name["problem"]
LARGEST = 400_000_000
"""Bytes of the CPU image."""
# No daemon, no kernel modules: what works within another container too.
BUILDAH = {"STORAGE_DRIVER": "vfs", "BUILDAH_ISOLATION": "chroot"}

pytestmark = [
    pytest.mark.slow,
    # The first test waits for the build.
    pytest.mark.timeout(1800),
    pytest.mark.skipif("AIRGRAPH_IMAGE_TEST" not in os.environ, reason="builds an image: make image-test"),
    pytest.mark.skipif(shutil.which("buildah") is None, reason="buildah is not installed"),
    pytest.mark.skipif(os.geteuid() != 0, reason="mounting an image needs root"),
]


def gains(*shape):
    return np.random.default_rng(0).exponential(size=shape)


def channels(*shape):
    parts = np.random.default_rng(0).normal(size=(2, *shape))
    return parts[0] + 1j * parts[1]


ONE_OF_EACH = {
    "power_control": PowerControl(gains(10, 10), noise_power=0.1),
    "beamforming": Beamforming(channels(5, 5, 4), noise_power=0.1),
    "precoding": Precoding(channels(4, 8), noise_power=0.1),
    "cell_free": CellFree(gains(16, 4), snr=10.0, pilot_length=4),
    "hybrid_precoding": HybridPrecoding(channels(16, 2), rf_chains=4),
}

OTHER_SOLVERS = (
    Precoding(channels(4, 8), noise_power=0.1, objective="ee", min_rates=0.5, power_model=PowerModel(0.1, 0.5, 2.0)),
    Precoding(channels(2, 4, 8), noise_power=0.1, max_power=[1.0, 1.0]),
    Beamforming(channels(4, 4, 4), noise_power=0.1, max_antenna_power=0.3),
)
"""Instances that need other code than `ONE_OF_EACH`, which the image must not have lost."""


def buildah(*arguments, **environment):
    done = subprocess.run(
        ["buildah", *arguments], capture_output=True, text=True, check=False, env={**os.environ, **BUILDAH}
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image():
    given = os.environ.get("AIRGRAPH_IMAGE")
    if given:
        yield given
        return
    name = "localhost/airgraph-server:under-test"
    variables = {**os.environ, **BUILDAH, "IMAGE": name, "IMAGE_BUILDER": "buildah"}
    subprocess.run([ROOT / "deploy" / "build-image.sh"], check=True, env=variables)
    yield name
    buildah("rmi", name)


@pytest.fixture(scope="module")
def config(image):
    return json.loads(buildah("inspect", "--type", "image", image))["Docker"]["config"]


@pytest.fixture(scope="module")
def runtime(config):
    """The package that runs the networks."""
    return "onnxruntime-gpu" if "CUDA" in config["Labels"]["org.opencontainers.image.description"] else "onnxruntime"


@pytest.fixture(scope="module")
def root(image):
    container = buildah("from", image)
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)


class Container:
    """Runs commands in the image's root, mounted read-only, as its user and with its environment alone."""

    def __init__(self, root, config, **variables):
        self.root = root
        self.user = config["User"]
        self.environment = {**dict(pair.split("=", 1) for pair in config["Env"]), **variables}

    def command(self, *words):
        # A mount namespace of its own, in which the image can be written nowhere, not even to /tmp.
        script = (
            'mount --make-rprivate / && mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && '
            'mount --rbind /proc "$0/proc" && mount --rbind /dev "$0/dev" && '
            f'exec chroot --userspec={self.user} --groups= "$0" /usr/bin/env -i "$@"'
        )
        pairs = [f"{name}={value}" for name, value in self.environment.items()]
        return ["unshare", "--mount", "sh", "-c", script, str(self.root), *pairs, *words]

    def run(self, *words):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def ports():
    """Three free ports: gRPC, probes, metrics."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    found = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return found


def test_the_entry_point_answers_passes_its_health_check_and_drains(root, config, ports):
    grpc_port, probe_port, metrics_port = ports
    container = Container(
        root,
        config,
        AIRGRAPH_HOST="127.0.0.1",
        AIRGRAPH_PORT=str(grpc_port),
        AIRGRAPH_PROBE_PORT=str(probe_port),
        AIRGRAPH_METRICS_PORT=str(metrics_port),
    )
    process = subprocess.Popen(container.command(*config["Entrypoint"]), stderr=subprocess.PIPE, text=True)
    lines = []
    try:
        for line in process.stderr:
            lines.append(line)
            if '"ready"' in line:
                break
        assert lines, process.wait()
        assert '"ready"' in lines[-1], "".join(lines)
        with Client(f"127.0.0.1:{grpc_port}", timeout=30) as client:
            models = client.models()
            assert models
            assert all(model.state == "READY" for model in models)
            learned = client.control_power(gains(10, 10), noise_power=0.1, policy="learned")
            answers = [client.allocate(instance) for instance in ONE_OF_EACH.values()]
            others = [client.allocate(instance) for instance in OTHER_SOLVERS]
        assert ONE_OF_EACH.keys() == {field.name for field in PROBLEMS.fields}
        assert learned.model is not None
        assert [answer.problem for answer in answers] == list(ONE_OF_EACH)
        for answer in answers + others:
            assert answer.objective >= answer.baseline_objective
            assert answer.constraint_margin >= 0
        status = Path(f"/proc/{process.pid}/status").read_text()
        assert "Uid:\t65532\t65532\t65532\t65532" in status
        assert "CapEff:\t0000000000000000" in status
        kind, *words = config["Healthcheck"]["Test"]
        assert kind == "CMD"
        here = [word.replace("50052", str(probe_port)) for word in words]
        assert here != words
        checked = container.run(*here)
        assert checked.returncode == 0, checked.stderr
        process.send_signal(getattr(signal, config.get("StopSignal") or "SIGTERM"))
        rest = process.stderr.read()
        assert process.wait(timeout=30) == 0
        assert '"stopped"' in rest
        assert container.run(*here).returncode != 0
    finally:
        process.kill()
        process.wait()


def test_nothing_can_be_written(root, config):
    tried = Container(root, config).run("python", "-c", "open('/opt/airgraph/new', 'w')")
    assert "Read-only file system" in tried.stderr


def test_it_holds_what_serving_needs_and_no_more(root, runtime):
    (packages,) = (root / "opt/airgraph/lib").glob("python3*/site-packages")
    present = {path.name for path in packages.iterdir()}
    assert "onnxruntime" in present
    assert not {"torch", "torch_geometric", "lightning", "pip", "setuptools", "pytest"} & present
    files = [path.lstat() for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(file.st_size for file in files)
    print(f"{size / 1e6:.1f} MB in {len(files)} files")
    assert size < LARGEST or runtime != "onnxruntime"


def test_it_says_what_it_is_and_what_is_in_it(root, config, runtime):
    labels = config["Labels"]
    assert labels["org.opencontainers.image.title"] == "airgraph-server"
    assert labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert labels["org.opencontainers.image.version"]
    assert labels["org.opencontainers.image.revision"]
    bill = json.loads((root / labels["org.airgraph.sbom"].lstrip("/")).read_text())
    assert bill["bomFormat"] == "CycloneDX"
    listed = {component["name"]: component["version"] for component in bill["components"]}
    pinned = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")
    )
    for name in (runtime, "grpcio", "numpy", "protobuf"):
        assert listed[name] == pinned[name]
    (packages,) = (root / "opt/airgraph/lib").glob("python3*/site-packages")
    assert len(listed) >= len(list(packages.glob("*.dist-info"))) - 1
