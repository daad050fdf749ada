"""Where the iterations of a group run: on the CPU, or on a GPU where they are expected to end sooner.

Both are timed whenever they run, from the warm-up on. One instance of a few pairs ends on the CPU before a GPU has
started its kernels; a batch of large ones does not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

from airgraph_models.arrays.device import ArrayDevice
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import ProblemFamily, Refined
from airgraph_server.decision.effort import Effort
from airgraph_server.decision.gpu_solver import GpuSolver
from airgraph_server.decision.run_costs import CPU, GPU, Kind, RunCosts, kind_of
from airgraph_server.decision.spaced_clock import SpacedClock
from airgraph_server.decision.types import Task
from airgraph_server.metrics import Metrics
from airgraph_server.settings import Settings

LOOK_SECONDS, MOST_APART = 5e-4, 16
"""Between two looks at the clock of a run on the GPU, and the most iterations."""
NEWS, SHORTEST = 0.2, 1e-9
"""Weight of a run in the share of its iterations that runs spend before they converge, and seconds of the shortest."""
TRIED_EVERY, WITHIN = 64, 2.0
"""One run in so many goes where it is expected to take longer, up to so many times as long: what is never tried is
never learned."""
WARM_UP = ((10, 1), (30, 16))
"""Size and number of the instances of a run at warm-up."""

Solve = Callable[[Sequence[Any], Sequence[Any], Stopping, float | None], list[Refined]]


@dataclass(frozen=True)
class Placed:
    """A group that is about to be solved.

    Attributes:
        what: Names the kind of work for the costs of an iteration: on a GPU it is another kind.
        apart: Iterations between two looks at the clock.
        expected: Seconds between two looks, at least; 0 where the costs of an iteration say enough.
        solve: Takes instances, starts, when to end, and when they must be solved on the clock of `time.perf_counter`.
    """

    what: str
    apart: int
    expected: float
    solve: Solve


class Placement:
    """Chooses between the CPU and the GPU, if there is one."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        device: ArrayDevice | None = None,
        costs: RunCosts | None = None,
    ) -> None:
        """Takes the GPU, without which everything stays on the CPU, and what is known of the costs."""
        self._settings = settings
        self._metrics = metrics
        self._gpu = None if device is None else GpuSolver(device)
        self._costs = RunCosts() if costs is None else costs
        self._placed: Counter[Kind] = Counter()
        self._spent: dict[Kind, float] = {}
        self._warm: set[str] = set()

    def place(self, family: ProblemFamily[Any], instance: Any, what: str, work: int, iterations: int) -> Placed:
        """Where a group runs.

        Args:
            family: Which one.
            instance: One of the group, the others are of its `ProblemFamily.batch`.
            what: ``polish`` or ``refine``.
            work: Links of all instances, times starts.
            iterations: Most iterations.
        """
        gpu = self._gpu
        if gpu is None or not gpu.working or iterations == 0 or not family.movable(instance):
            return Placed(what, 1, 0.0, lambda *group: _by(family, what)(*group[:3]))
        kind = kind_of(family, instance, what, iterations)
        on_cpu, on_gpu = (self._costs.of(device, kind, family).predict(work) for device in (CPU, GPU))
        if not self._prefers_gpu(kind, on_cpu, on_gpu):
            return Placed(what, 1, 0.0, self._timed(None, kind, family, work))
        each = max(on_gpu / (iterations * self._spent.get(kind, 1.0)), SHORTEST)
        apart = max(1, min(int(LOOK_SECONDS / each), MOST_APART, iterations // 2))
        return Placed(f"{what} on {GPU}", apart, apart * each, self._timed(gpu, kind, family, work, apart))

    def warm_up(self, family: ProblemFamily[Any], plain: Callable[[int], Any]) -> None:
        """Times a small and a large run on both, once a family; ``plain`` makes an instance of a size."""
        gpu = self._gpu
        if gpu is None or not gpu.working or family.name in self._warm or not family.movable(plain(1)):
            return
        self._warm.add(family.name)
        for what in ("polish", "refine"):
            seen: dict[str, list[tuple[int, float]]] = {CPU: [], GPU: []}
            for size, count in WARM_UP:
                instance = plain(size)
                starts, stopping = usual_run(family, instance, what, self._settings)
                group = [instance] * count, [starts] * count, stopping
                work = family.measure(instance).links * len(starts) * count
                seen[CPU].append((work, _seconds(partial(_by(family, what), *group))))
                seen[GPU].append((work, _seconds(partial(gpu.solve, family, what, *group, MOST_APART))))
            kind = kind_of(family, instance, what, stopping.iterations)
            for device, (small, large) in seen.items():
                self._costs.of(device, kind, family).calibrate(small, large)

    def _prefers_gpu(self, kind: Kind, on_cpu: float, on_gpu: float) -> bool:
        self._placed[kind] += 1
        tried = self._placed[kind] % TRIED_EVERY == 0 and max(on_cpu, on_gpu) <= WITHIN * min(on_cpu, on_gpu)
        return (on_gpu < on_cpu) != tried

    def _timed(self, gpu: GpuSolver | None, kind: Kind, family: ProblemFamily[Any], work: int, apart: int = 1) -> Solve:
        """Solves, on the GPU if it is given, and learns from how long that took."""

        def solve(
            instances: Sequence[Any], starts: Sequence[Any], stopping: Stopping, latest: float | None
        ) -> list[Refined]:
            clock = SpacedClock(stopping.expired)
            watched = replace(stopping, expired=clock)
            began = perf_counter()
            if gpu is None:
                found, kept = _by(family, kind.what)(instances, starts, watched), True
            else:
                found, kept = gpu.solve(family, kind.what, instances, starts, watched, apart, latest)
            seconds = perf_counter() - began
            done = max(one.iterations for one in found)
            if not kept:
                # A GPU that has no time, or fails, is as slow as is believed.
                seconds = math.inf
            elif clock.over:
                # As long as all iterations would have taken; how long none takes says nothing.
                seconds *= stopping.iterations / done if done else 0.0
            elif gpu is not None:
                spent = self._spent.get(kind, 1.0)
                self._spent[kind] = spent + NEWS * (max(done, 1) / stopping.iterations - spent)
            if seconds:
                self._costs.of(CPU if gpu is None else GPU, kind, family).observe(work, seconds)
            ran_on = CPU if gpu is None or not kept else gpu.device
            self._metrics.child("iterated", family.name, ran_on).inc()
            return found

        return solve


def usual_run(family: ProblemFamily[Any], instance: Any, what: str, settings: Settings) -> tuple[Any, Stopping]:
    """Starts and end of what a request that says nothing gets: AUTO's ``polish``, CLASSICAL's ``refine``."""
    task = Task(family, instance)
    if what == "refine":
        return family.starts(instance), Stopping(task.classical_iterations)
    effort = Effort(settings)
    iterations = effort.iterations(task)
    starts = family.polish_starts(instance, effort.starts(task, iterations, 1))
    return starts, Stopping(iterations, settings.polish_tolerance)


def _by(family: ProblemFamily[Any], what: str) -> Callable[..., list[Refined]]:
    method: Callable[..., list[Refined]] = getattr(family, what)
    return method


def _seconds(run: Callable[[], object]) -> float:
    """Of the second of two runs: the first loads what the second needs."""
    run()
    began = perf_counter()
    run()
    return perf_counter() - began
