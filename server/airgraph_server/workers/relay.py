"""Changes of the models in all workers: one after the other, each in all of them at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from airgraph_server.workers.process import WorkerProcess


class Relay:
    """The parent's record of what is served, as far as the zoo does not say it: what was unloaded."""

    def __init__(self) -> None:
        """Nothing is unloaded."""
        self._changing = asyncio.Lock()
        self._unloaded: list[list[str]] = []

    async def join(self, worker: WorkerProcess) -> None:
        """Lets a worker serve as the others do; from here on it is told of every change."""
        async with self._changing:
            worker.send({"join": self._unloaded})
            worker.joined = True

    async def change(self, workers: Iterable[WorkerProcess], change: str, arguments: list[str], name: str) -> list[str]:
        """Makes a change in all workers that have joined; what went wrong, one line a worker."""
        async with self._changing:
            joined = [worker for worker in workers if worker.joined]
            outcomes = await asyncio.gather(*(worker.apply(change, arguments, name) for worker in joined))
            # One that ended meanwhile is replaced by one that joins after this.
            made = [outcome for outcome in outcomes if outcome is not None]
            if made:
                self._unloaded = made[-1]["unloaded"]
            return [outcome["error"] for outcome in made if outcome["error"] is not None]
