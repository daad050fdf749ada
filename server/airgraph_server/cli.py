"""The ``airgraph-server`` command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError

from airgraph_server.log import configure_logging
from airgraph_server.runtime.base import DeviceUnavailableError
from airgraph_server.settings import Device, LogFormat, RuntimeKind, Settings
from airgraph_server.workers.parent import Parent, WorkersFailedError

app = typer.Typer(add_completion=False, no_args_is_help=False)


@app.command()
def serve(
    config: Annotated[Path | None, typer.Option("--config", help="TOML file with settings.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="gRPC port; 0 takes a free one.")] = None,
    metrics_port: Annotated[
        str | None, typer.Option(help="Prometheus port; 0 takes a free one, none: no metrics.")
    ] = None,
    zoo: Annotated[Path | None, typer.Option(help="Model directory.")] = None,
    device: Annotated[Device | None, typer.Option(help="Where networks and polishers run.")] = None,
    runtime: Annotated[RuntimeKind | None, typer.Option(help="What runs them.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that share the port.")] = None,
    threads: Annotated[int | None, typer.Option(help="Calls that a process computes at once.")] = None,
    polish_iterations: Annotated[int | None, typer.Option(help="Most iterations behind a learned answer.")] = None,
    drain_seconds: Annotated[float | None, typer.Option(help="Longest wait for running calls.")] = None,
    log_level: Annotated[str | None, typer.Option(help="debug, info, warning or error.")] = None,
    log_format: Annotated[LogFormat | None, typer.Option(help="json or console.")] = None,
) -> None:
    """Serves allocations of powers and beamformers over gRPC until SIGTERM.

    Every setting can also be given as AIRGRAPH_<NAME> in the environment or in the TOML file; flags win.
    """
    given: dict[str, Any] = {
        name: value for name, value in {**locals()}.items() if value is not None and name != "config"
    }
    if config is not None:
        given["config_file"] = config
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for line in _faults(error):
            print(f"airgraph-server: {line}", file=sys.stderr)
        raise typer.Exit(2) from None
    except (SettingsError, OSError, ValueError) as error:
        print(f"airgraph-server: {error}", file=sys.stderr)
        raise typer.Exit(2) from None
    configure_logging(settings.log_level, settings.log_format)
    try:
        _run(settings)
    except (OSError, DeviceUnavailableError, ImportError, WorkersFailedError) as error:
        print(f"airgraph-server: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


def _faults(error: ValidationError) -> list[str]:
    """A line for each setting that is wrong."""
    return [
        f"{fault['loc'][0]}: {fault['msg']}, got {fault['input']!r}"
        if fault["loc"]
        else fault["msg"].removeprefix("Value error, ")
        for fault in error.errors()
        # What another setting's default could not be derived from is named already.
        if fault["type"] != "default_factory_not_called"
    ]


def _run(settings: Settings) -> None:
    if settings.workers > 1:
        Parent(settings).run()
        return
    # The parent of workers needs neither gRPC nor a runtime.
    from airgraph_server.app import Server

    Server(settings).run()


if __name__ == "__main__":
    app()
