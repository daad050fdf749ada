"""Structured logs: one event a line, with the request's id where there is one."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from airgraph_server.settings import LogFormat


def configure_logging(level: str, style: LogFormat) -> None:
    """Sends structured events to standard error."""
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def logger() -> structlog.typing.FilteringBoundLogger:
    """The log of the calling module."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return log
