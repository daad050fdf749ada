"""The GPU of the iterative algorithms: optional, whatever the networks run on."""

import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from airgraph_server.runtime import array_devices
from airgraph_server.runtime.array_devices import load_array_device
from airgraph_server.settings import Device, Settings


def refused(settings):
    """Nothing is found; the reason in the log, at the level debug."""
    with capture_logs() as logs:
        assert load_array_device(settings) is None
    for line in logs:
        assert (line["event"], line["log_level"], line["work"]) == ("no_gpu", "debug", "polishing")
    return [line["reason"] for line in logs]


def test_on_the_cpu_nobody_looks_for_a_gpu(monkeypatch):
    monkeypatch.setattr(array_devices, "find_spec", lambda name: pytest.fail("looked for torch"))
    assert refused(Settings(device=Device.CPU)) == []


@pytest.mark.parametrize("device", [Device.AUTO, Device.CUDA])
def test_without_torch_polishing_stays_on_the_cpu(monkeypatch, device):
    monkeypatch.setattr(array_devices, "find_spec", lambda name: None)
    assert refused(Settings(device=device)) == ["torch is not installed"]


def test_several_workers_leave_the_gpu_alone():
    (reason,) = refused(Settings(workers=2))
    assert "one owner" in reason


def test_without_a_driver_torch_is_not_even_loaded():
    code = (
        "import sys\n"
        "from airgraph_server.runtime import array_devices\n"
        "from airgraph_server.settings import Settings\n"
        "array_devices.DRIVER = 'libnosuchdriver.so.1'\n"
        "assert array_devices.load_array_device(Settings()) is None\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_driver_without_a_gpu_is_named(monkeypatch):
    monkeypatch.setattr(array_devices.ctypes, "CDLL", lambda name: None)

    def no_device():
        raise RuntimeError("Torch not compiled with CUDA enabled")

    monkeypatch.setattr(array_devices, "_torch_device", no_device)
    assert refused(Settings()) == ["Torch not compiled with CUDA enabled"]


def test_a_gpu_that_works_is_named_at_start(monkeypatch):
    stand_ins = pytest.importorskip("gpu_stand_ins")
    monkeypatch.setattr(array_devices.ctypes, "CDLL", lambda name: None)
    monkeypatch.setattr(array_devices, "_torch_device", stand_ins.PretendGpu)
    with capture_logs() as logs:
        device = load_array_device(Settings())
    assert device is not None
    assert [(line["event"], line["device"]) for line in logs] == [("polishing_on_gpu", "cuda")]
