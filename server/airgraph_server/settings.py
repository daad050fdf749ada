"""Settings of the server: flags over ``AIRGRAPH_*`` environment over file over these defaults."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

import airgraph_models
from airgraph_server.security.settings import SecuritySettings
from airgraph_server.tracing.settings import TracingSettings


class Device(StrEnum):
    """Where networks and iterative algorithms run."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class RuntimeKind(StrEnum):
    """What runs them."""

    ONNX = "onnx"
    TORCHSCRIPT = "torchscript"


class LogFormat(StrEnum):
    """How log lines look."""

    JSON = "json"
    CONSOLE = "console"


class Settings(TracingSettings, SecuritySettings):
    """Everything an operator can set."""

    model_config = SettingsConfigDict(env_prefix="AIRGRAPH_", extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    """Address to listen on; 0.0.0.0 or [::] to serve other machines."""
    port: int = Field(50051, ge=0, le=65535)
    """gRPC port; 0 takes a free one and logs it."""
    metrics_port: int | None = Field(9464, ge=0, le=65535)
    """Prometheus port; 0 takes a free one, "none" serves no metrics."""
    zoo: Path = Path(airgraph_models.__file__).parent / "zoo"
    """Model directory: <problem>/<model>/<version>/ with card.json and the exported networks."""
    device: Device = Device.AUTO
    """Device of networks and, with the torch extra, of WMMSE and polishers where it is faster; auto: CUDA if usable."""
    runtime: RuntimeKind = RuntimeKind.ONNX
    """ONNX Runtime, or TorchScript (needs the torch extra)."""
    workers: int = Field(1, ge=1)
    """Processes that share the port, each with its own threads, queue, streams and connections; 1 on a GPU."""
    worker_patience_seconds: float = Field(30.0, gt=0)
    """Time for a worker to say that it is alive; one that does not, with `workers` > 1, is ended and replaced."""
    threads: int = Field(default_factory=lambda given: max(2, (os.cpu_count() or 2) // given.get("workers", 1)), ge=1)
    """Runs that a process computes at once, by default its share of the cores; those of small instances take turns."""
    runtime_threads: int = Field(1, ge=1)
    """Threads inside one network run. One is best when calls come in parallel."""
    recorded_shapes: int = Field(64, ge=1)
    """Shapes of which a GPU keeps a model's recorded run (a CUDA graph); the ones used last stay."""
    max_queued_calls: int = Field(256, ge=0)
    """Calls that may wait for their turn; the next one is refused with RESOURCE_EXHAUSTED and a retry hint."""
    max_streams: int = Field(64, ge=1)
    """Streams open at once; each holds two threads. One more is refused with RESOURCE_EXHAUSTED."""
    stream_window: int = Field(32, ge=1)
    """Requests read from one stream before their answers are taken; then flow control holds the caller back."""
    watch_seconds: float | None = Field(None, gt=0)
    """Seconds between two looks whether the model directory has changed; "none" looks only when told to (SIGHUP)."""
    max_nodes: int = Field(20_000, ge=1)
    """Largest instance, in receivers."""
    max_links: int = Field(4_000_000, ge=1)
    """Largest instance, in channels."""
    max_antennas: int = Field(256, ge=1)
    """Largest number of antennas a transmitter."""
    max_batch_links: int = Field(500_000, ge=1)
    """Links joined into one network run; a larger batch runs in several."""
    max_batch_nodes: int = Field(20_000, ge=1)
    """Nodes joined into one network run."""
    max_run_seconds: float = Field(0.02, gt=0)
    """Expected length of one run of several instances; what is more urgent gets its turn after that long."""
    max_message_bytes: int = Field(64 * 1024 * 1024, ge=1024)
    """Largest request and answer message."""
    polish_iterations: int = Field(120, ge=0)
    """Most classical iterations behind a learned answer where the request does not say; a problem may take fewer."""
    max_classical_iterations: int = Field(10_000, ge=1)
    """Most iterations that a request may ask of the classical solver."""
    polish_tolerance: float = Field(1e-5, ge=0)
    """Relative gain per iteration under which polishing has converged."""
    polish_starts: int = Field(32, ge=1)
    """Starts of polishing, the network's answer among them; the others are classical."""
    multi_start_links: int = Field(10_000, ge=0)
    """Links up to which polishing runs from all its starts; larger instances get fewer, in proportion, down to one."""
    default_deadline_seconds: float | None = Field(None, gt=0)
    """Deadline of a call, and of a request on a stream, that brings none; "none" lets it take as long as it takes."""
    deadline_reserve: float = Field(0.002, ge=0)
    """Seconds before the deadline by which an answer must be ready to be sent."""
    drain_seconds: float = Field(10.0, ge=0)
    """Longest wait for running calls after SIGTERM."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe events to log."""
    log_format: LogFormat = LogFormat.JSON
    """json for machines, console for people."""
    log_calls: float = Field(0.0, ge=0, le=1)
    """Share of calls, and of answers on streams, that get a line in the log; at the level debug all do."""
    audit_file: Path | None = None
    """File to which a line is appended for every answer of Allocator and ModelInfer, before it is sent."""
    config_file: Path | None = None
    """TOML file with any of these settings."""

    @model_validator(mode="after")
    def _one_owner(self) -> Self:
        if self.workers > 1 and self.device is Device.CUDA:
            raise ValueError(f"workers: expected 1 with device cuda, as a GPU has one owner, got {self.workers}")
        return self

    @field_validator(
        "metrics_port",
        "watch_seconds",
        "default_deadline_seconds",
        "probe_port",
        "max_connection_age_seconds",
        "trace_endpoint",
        "trace_sample_ratio",
        mode="before",
    )
    @classmethod
    def _none(cls, value: object) -> object:
        # Neither the environment nor TOML has a null.
        return None if value == "none" else value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags first, then the environment, then the file either of them names."""
        named = {**env_settings(), **init_settings()}.get("config_file")
        if named is None:
            return (init_settings, env_settings)
        # The library reads a file that is not there as an empty one: an operator's typo must not pass so.
        if not Path(named).is_file():
            raise FileNotFoundError(f"config_file {named} does not exist")
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, Path(named)))
