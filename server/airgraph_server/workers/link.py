"""What parent and worker say to each other: one JSON object a line over a pair of sockets.

From the worker: ``loaded`` (the devices of its models), ``ready``, ``ask`` (a change of the models that a caller
wants), ``reply`` (to a change: that it is made, and which models are unloaded since; to a question whether it is alive:
nothing). From the parent: ``start`` (the settings), ``join`` (listen, after unloading what the other workers have
unloaded), ``apply`` (make a change), ``settled`` (all workers have made it, and which could not), ``alive`` (reply).
"""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

Message = dict[str, Any]

LOAD, UNLOAD, RELOAD = "load", "unload", "reload"
"""Changes of the models."""


def encode(message: Message) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message | None:
    """What a line says; None where the other end has gone in the middle of it."""
    if not line.endswith(b"\n"):
        return None
    message: Message = json.loads(line)
    return message


class ParentLink:
    """A worker's end."""

    def __init__(self, connection: socket.socket) -> None:
        """Takes the connection."""
        self._connection = connection
        self._lines = connection.makefile("rb")
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """Says something.

        Raises:
            OSError: The parent is gone.
        """
        with self._sending:
            self._connection.sendall(encode(message))

    def receive(self) -> Message | None:
        """What the parent says next; None when it is gone."""
        try:
            return decode(self._lines.readline())
        except OSError:
            return None
