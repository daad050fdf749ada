import pytest
from pydantic import ValidationError

from airgraph_server.settings import Device, Settings


def test_flags_win_over_environment_over_file_over_defaults(tmp_path, monkeypatch):
    file = tmp_path / "server.toml"
    file.write_text('port = 1\nthreads = 2\ndevice = "cpu"\n')
    monkeypatch.setenv("AIRGRAPH_CONFIG_FILE", str(file))
    monkeypatch.setenv("AIRGRAPH_PORT", "3")
    settings = Settings(threads=5)
    assert (settings.port, settings.threads, settings.device) == (3, 5, Device.CPU)
    assert Settings(port=4).port == 4
    assert Settings().drain_seconds == 10.0


def test_an_unknown_setting_in_the_file_is_refused(tmp_path):
    file = tmp_path / "server.toml"
    file.write_text("prot = 1\n")
    with pytest.raises(ValidationError, match="prot"):
        Settings(config_file=file)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(OSError, match=r"none\.toml"):
        Settings(config_file=tmp_path / "none.toml")
