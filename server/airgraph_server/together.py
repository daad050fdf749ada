"""Which requests of a call are decided as one: those that ask the same network for nothing but its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from airgraph.v1 import allocator_pb2
from airgraph_models.problems import POWER_CONTROL
from airgraph_models.problems.layouts import GAIN_BLOCKS
from airgraph_server.codec.unions import joins, read_fields
from airgraph_server.decision.union import UnionTask
from airgraph_server.errors import ModelNotFoundError
from airgraph_server.registry.model import LoadedModel
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings

MOST_JOINED = 64
"""Instances of one union: some ten milliseconds, after which what is more urgent gets its turn."""


@dataclass(frozen=True)
class Together:
    """Requests that are decided as one.

    Attributes:
        positions: Which ones of the call.
        task: What is to be decided.
        priority: Of all of them.
        began: When they were begun to be read, on the clock of `time.perf_counter`.
        ended: When they had been read.
    """

    positions: list[int]
    task: UnionTask
    priority: int
    began: float
    ended: float


class Gatherer:
    """Finds what goes together; whatever needs a closer look is left to be read by itself."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        """Keeps the limits and the models."""
        self._settings, self._registry = settings, registry

    def gather(
        self,
        requests: Sequence[allocator_pb2.AllocateRequest],
        deadline: float | None,
        abandoned: Callable[[], bool],
    ) -> list[Together]:
        """The unions of a call's requests; most calls ask for something else and have none."""
        alike: dict[tuple[int, tuple[str, str] | None], list[int]] = {}
        for position, request in enumerate(requests):
            if joins(request):
                pinned = (request.model.name, request.model.version) if request.HasField("model") else None
                alike.setdefault((request.priority, pinned), []).append(position)
        found = []
        for (priority, pinned), positions in alike.items():
            model = self._model(pinned)
            if model is None:
                continue
            for first in range(0, len(positions), MOST_JOINED):
                part = positions[first : first + MOST_JOINED]
                began = perf_counter()
                fields = [read_fields(requests[i], self._settings) for i in part]
                known = [one for one in fields if one is not None]
                task = UnionTask(known, model, deadline, abandoned)
                if len(known) == len(part) and task.links <= self._settings.max_batch_links:
                    found.append(Together(part, task, priority, began, perf_counter()))
        return found

    def _model(self, pinned: tuple[str, str] | None) -> LoadedModel | None:
        try:
            model, _ = self._registry.find(POWER_CONTROL.name, pinned)
        except ModelNotFoundError:
            return None
        if model is None or model.layout != GAIN_BLOCKS or model.refusal(POWER_CONTROL, None) is not None:
            return None
        return model
