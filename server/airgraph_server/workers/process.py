"""The parent's end of one worker."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from contextlib import suppress
from typing import Self
from uuid import uuid4

from airgraph_server.settings import Settings
from airgraph_server.workers.link import Message, decode, encode
from airgraph_server.workers.metrics import DIRECTORY_VARIABLE

LONGEST_LINE = 1 << 24
COMMAND = (sys.executable, "-P", "-m", "airgraph_server.workers.worker")


class WorkerProcess:
    """A process and the line to it.

    Attributes:
        joined: Told to listen, and so to be told of changes.
        serving: It has said that it serves.
    """

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Use `start`."""
        self.joined = self.serving = False
        self.process = process
        self._reader, self._writer = reader, writer
        self._awaited: dict[str, asyncio.Future[Message | None]] = {}

    @classmethod
    async def start(cls, number: int, settings: Settings, metrics_directory: str) -> Self:
        """Starts the process and tells it what to serve."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *COMMAND,
                stdin=theirs.fileno(),
                # A terminal's signals are for the parent.
                process_group=0,
                env={
                    **os.environ,
                    DIRECTORY_VARIABLE: metrics_directory,
                    # What the parent runs, not whatever else is installed.
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
            )
        worker = cls(process, *await asyncio.open_connection(sock=ours, limit=LONGEST_LINE))
        worker.send({"start": settings.model_dump(mode="json"), "worker": number})
        return worker

    def send(self, message: Message) -> None:
        """Says something; nothing happens where the worker is gone."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def receive(self) -> Message | None:
        """What the worker says next, but for replies; None when it is gone."""
        with suppress(ConnectionError):
            while (said := decode(await self._reader.readline())) is not None:
                if "reply" not in said:
                    return said
                # One that came too late is awaited no more.
                awaited = self._awaited.pop(said["reply"], None)
                if awaited is not None:
                    awaited.set_result(said)
        return None

    async def apply(self, change: str, arguments: list[str], name: str) -> Message | None:
        """What became of a change in this worker; None if it ended meanwhile."""
        return await self._asked({"apply": change, "arguments": arguments, "id": name}, name)

    async def alive(self, patience: float) -> bool:
        """Whether it replies within ``patience`` seconds, or has ended."""
        name = uuid4().hex
        try:
            await asyncio.wait_for(self._asked({"alive": name}, name), patience)
        except TimeoutError:
            self._awaited.pop(name, None)
            return False
        return True

    async def _asked(self, message: Message, name: str) -> Message | None:
        reply: asyncio.Future[Message | None] = asyncio.get_running_loop().create_future()
        self._awaited[name] = reply
        self.send(message)
        return await reply

    async def ended(self) -> int:
        """Its exit status, once it has ended; it takes no part in anything from now on."""
        self.joined = self.serving = False
        self._writer.close()
        for awaited in self._awaited.values():
            awaited.set_result(None)
        self._awaited.clear()
        return await self.process.wait()
