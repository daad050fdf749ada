"""Structured logs: one event a line, with the request's id where there is one."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from airgraph_server.settings import LogFormat


def configure_logging(level: str, style: LogFormat, worker: int | None = None) -> None:
    """Sends structured events to standard error, with the number of the worker where there are several."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            *([] if worker is None else [_from_worker(worker)]),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        # A line in one write: other processes write to the same pipe.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )


def logger() -> structlog.typing.FilteringBoundLogger:
    """The log of the calling module."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return log


def _from_worker(number: int) -> structlog.typing.Processor:
    def name_it(log: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event.setdefault("worker", number)
        return event

    return name_it
