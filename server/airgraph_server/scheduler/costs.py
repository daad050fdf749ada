"""How long runs take, a line for each kind of them: what admission and the cut of a run go by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from time import perf_counter

from airgraph_server.decision.types import Decision, Policy, Task
from airgraph_server.scheduler.job import Kind, Result, Ticket, Work, kind_of, load_of
from airgraph_server.scheduler.load import NOTHING, Load, LoadCost
from airgraph_server.scheduler.raw import Decides, run_all

SHORTEST = 1e-6


class KindCosts:
    """Learned at warm-up, and by every run.

    Attributes:
        runs: Seconds of a run. With a deadline its polishing is left out, which gives way to what waits.
        floors: Seconds of the least that a run may do: without polishing, and without the network where AUTO may leave
            it out.
    """

    def __init__(self, threads: int) -> None:
        """Knows nothing yet; large runs are made in ``threads`` places beside each other."""
        self.runs: defaultdict[Kind, LoadCost] = defaultdict(LoadCost)
        self.floors: defaultdict[Kind, LoadCost] = defaultdict(LoadCost)
        self._threads = threads

    def length_of(self, loads: Mapping[Kind, Load]) -> float:
        """Seconds that the loads take, large ones beside each other."""
        return sum(self.runs[kind].predict(load) / (1 if load.small else self._threads) for kind, load in loads.items())

    def calibrate(self, decider: Decides, runs: Sequence[Sequence[Work]]) -> None:
        """Times runs without anybody waiting."""
        measured: dict[Kind, list[tuple[Load, float, float]]] = {}
        for tasks in runs:
            began = perf_counter()
            results = run_all(decider, tasks)
            seconds = perf_counter() - began
            load = sum((load_of(task) for task in tasks), NOTHING)
            floor = seconds - _inference(tasks, results)
            measured.setdefault(kind_of(tasks[0]), []).append((load, seconds, floor))
        for kind, seen in measured.items():
            # With a deadline or without one, it is the same work.
            for either in (kind, (*kind[:3], not kind[3], kind[4])):
                self.runs[either].calibrate([(load, seconds) for load, seconds, _ in seen])
                self.floors[either].calibrate([(load, floor) for load, _, floor in seen])

    def observe(self, tickets: Sequence[Ticket], results: Sequence[Result], seconds: float) -> None:
        """Learns from a run, unless it failed for somebody."""
        if any(isinstance(result, Exception) for result in results):
            return
        load = sum((ticket.load for ticket in tickets), NOTHING)
        kind = tickets[0].kind
        polish = max((r.timings.polish for r in results if isinstance(r, Decision)), default=0.0)
        # Without a deadline polishing runs to its end.
        self.runs[kind].observe(load, seconds - polish if kind[3] else seconds)
        least = seconds - polish - _inference([ticket.task for ticket in tickets], results)
        self.floors[kind].observe(load, max(least, SHORTEST))


def _inference(tasks: Sequence[Work], results: Sequence[Result]) -> float:
    """Seconds of the network that AUTO can leave out."""
    if not isinstance(tasks[0], Task) or tasks[0].policy is not Policy.AUTO or tasks[0].shadow:
        return 0.0
    return max((r.timings.inference for r in results if isinstance(r, Decision)), default=0.0)
