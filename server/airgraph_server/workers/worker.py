"""One worker: a process of its own, which its parent starts, and which ends with it."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from contextlib import suppress

from airgraph_server.app import Server, quick_to_answer
from airgraph_server.log import configure_logging, logger
from airgraph_server.registry.registry import Registry
from airgraph_server.runtime.base import DeviceUnavailableError
from airgraph_server.settings import Settings
from airgraph_server.workers.link import Message, ParentLink
from airgraph_server.workers.relayed import RelayedChanges


class Worker:
    """A server that listens once the parent says so, and leaves changes of the models to it."""

    def __init__(self, settings: Settings, link: ParentLink) -> None:
        """Prepares the server; it listens on nothing yet."""
        self._link = link
        self._stopping = threading.Event()
        self._server = Server(settings, self._relayed)

    def _relayed(self, registry: Registry) -> RelayedChanges:
        self._changes = RelayedChanges(registry, self._link)
        return self._changes

    def run(self) -> None:
        """Serves until SIGTERM, or until the parent is gone, then drains."""
        quick_to_answer()
        server = self._server
        server.registry.load()
        devices = {entry.model.device for entry in server.registry.entries() if entry.model is not None}
        self._link.send({"loaded": sorted(devices)})
        said = self._link.receive()
        if said is None:
            return
        self._changes.join(said["join"])
        signal.signal(signal.SIGTERM, lambda number, frame: self._stopping.set())
        server.open()
        server.report_ready()
        logger().info("worker_ready", pid=os.getpid())
        self._link.send({"ready": True})
        threading.Thread(target=self._follow, daemon=True).start()
        self._stopping.wait()
        server.drain()

    def _follow(self) -> None:
        try:
            while (said := self._link.receive()) is not None:
                if "alive" in said:
                    self._link.send({"reply": said["alive"]})
                elif "apply" in said:
                    # Loading takes its time, and the parent makes one change after the other.
                    threading.Thread(target=self._apply, args=(said,), daemon=True).start()
                else:
                    self._changes.settled(said)
        except OSError as error:
            logger().error("parent_lost", reason=str(error))
        self._changes.parent_gone()
        self._stopping.set()

    def _apply(self, said: Message) -> None:
        # A parent that has gone meanwhile is noticed where its next word is awaited.
        with suppress(OSError):
            self._changes.apply(said)


def main() -> None:
    """Starts as the parent says on standard input, which is its socket."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    link = ParentLink(socket.socket(fileno=os.dup(0)))
    said = link.receive()
    if said is None:
        return
    number, settings = said["worker"], Settings(**said["start"])
    configure_logging(settings.log_level, settings.log_format, worker=number)
    try:
        Worker(settings, link).run()
    except (OSError, DeviceUnavailableError, ImportError) as error:
        print(f"airgraph-server: worker {number}: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
