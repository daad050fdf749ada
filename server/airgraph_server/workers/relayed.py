"""Changes of the models, made in all workers before the caller who wanted them is answered."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Any
from uuid import uuid4

from airgraph_server.errors import ModelCannotServeError, ModelNotFoundError
from airgraph_server.log import logger
from airgraph_server.registry.registry import Changes, Entry, Registry, State
from airgraph_server.workers.link import LOAD, RELOAD, UNLOAD, Message, ParentLink


class RelayedChanges:
    """Asks the parent for a change, and makes those that the parent tells all workers to make, one after the other."""

    def __init__(self, registry: Registry, link: ParentLink) -> None:
        """Keeps this worker's registry and its link."""
        self._registry, self._link = registry, link
        self._lock = threading.Lock()
        self._asked: dict[str, Future[list[str]]] = {}
        self._results: dict[str, Any] = {}

    def load_model(self, name: str, version: str = "") -> Entry:
        """As `Registry.load_model`, in all workers."""
        entry: Entry = self._everywhere(LOAD, name, version)
        return entry

    def unload_model(self, name: str, version: str = "") -> list[Entry]:
        """As `Registry.unload_model`, in all workers."""
        entries: list[Entry] = self._everywhere(UNLOAD, name, version)
        return entries

    def reload(self) -> Changes:
        """As `Registry.reload`, in all workers."""
        changes: Changes = self._everywhere(RELOAD)
        return changes

    def join(self, unloaded: list[list[str]]) -> None:
        """Catches up with the other workers: the zoo as it is now, without what they have unloaded."""
        self._registry.reload()
        for name, version in unloaded:
            try:
                self._registry.unload_model(name, version)
            except ModelNotFoundError:
                logger().debug("unloaded_before", model=name, version=version)

    def apply(self, message: Message) -> None:
        """Makes one change here and tells the parent."""
        result: Any
        error = None
        try:
            result = self._make(message["apply"], *message["arguments"])
        except Exception as refused:
            result, error = refused, str(refused)
            logger().error("change_failed", change=message["apply"], model=message["arguments"], reason=error)
        with self._lock:
            if message["id"] in self._asked:
                self._results[message["id"]] = result
        entries = self._registry.entries()
        unloaded = [[f"{e.problem}/{e.name}", e.version] for e in entries if e.state is State.UNLOADED]
        self._link.send({"reply": message["id"], "error": error, "unloaded": unloaded})

    def settled(self, message: Message) -> None:
        """All workers have made a change that was asked for here."""
        with self._lock:
            asked = self._asked.get(message["settled"])
        if asked is not None:
            asked.set_result(message["failures"])

    def parent_gone(self) -> None:
        """Nobody will answer any more."""
        with self._lock:
            waiting = list(self._asked.values())
        for asked in waiting:
            asked.set_exception(ConnectionError("the server is stopping"))

    def _make(self, change: str, *arguments: str) -> Any:
        if change == LOAD:
            return self._registry.load_model(*arguments)
        if change == UNLOAD:
            return self._registry.unload_model(*arguments)
        return self._registry.reload()

    def _everywhere(self, change: str, *arguments: str) -> Any:
        name, done = uuid4().hex, Future[list[str]]()
        with self._lock:
            self._asked[name] = done
        try:
            self._link.send({"ask": change, "arguments": arguments, "id": name})
            failures = done.result()
        finally:
            with self._lock:
                del self._asked[name]
                result = self._results.pop(name, None)
        if isinstance(result, Exception):
            raise result
        if failures:
            raise ModelCannotServeError("; ".join(failures))
        return result
