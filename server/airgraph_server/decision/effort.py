"""How much work a task gets: iterations, starts, and whether there is time for its network, from measured costs."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from airgraph_models.problems import ProblemFamily
from airgraph_server.decision.clock import Ending
from airgraph_server.decision.cost import RunCost
from airgraph_server.decision.types import Policy, Task
from airgraph_server.settings import Settings


class Effort:
    """Chooses the effort of AUTO's polishing by size and deadline."""

    def __init__(self, settings: Settings) -> None:
        """Keeps the limits, and what work has cost so far."""
        self._settings = settings
        self._costs: dict[tuple[str, str, str, int], RunCost] = {}
        self._endings: dict[tuple[str, str, str, int, int], Ending] = {}

    def cost(self, what: str, family: ProblemFamily[Any], instance: Any) -> RunCost:
        """The running estimate for one kind of work, a family, its algorithm and a number of antennas."""
        antennas = family.antennas(instance)
        key = (what, family.name, family.solver(instance), antennas)
        known = self._costs.get(key)
        if known is None:
            guess = RunCost((0, 3e-5), (1_000_000, 1e6 * family.link_seconds * antennas))
            known = self._costs.setdefault(key, guess)
        return known

    def ending(self, what: str, family: ProblemFamily[Any], instance: Any, work: int) -> Ending:
        """What a family's algorithm takes to end, by antennas and, within a factor of two, by links in the works."""
        key = (what, family.name, family.solver(instance), family.antennas(instance), work.bit_length())
        return self._endings.setdefault(key, Ending())

    def iterations(self, task: Task) -> int:
        """Most iterations of polishing."""
        most, wanted = self._settings.polish_iterations, task.max_polish_iterations
        if wanted is None:
            wanted = task.family.polish_limit(task.instance)
        return most if wanted is None else min(wanted, most)

    def starts(self, task: Task, iterations: int, sharing: int) -> int:
        """How many starts the instance's size and the deadline allow, if so many tasks share the time; at least one."""
        most = self._most_starts(task, iterations)
        if task.deadline is None:
            return most
        left = (task.deadline - self._settings.deadline_reserve - perf_counter()) / sharing
        while most > 1 and self._polish_seconds(task, most, iterations) > left:
            most //= 2
        return most

    def spared(self, task: Task, sharing: int) -> float:
        """Seconds that classical starts have a better use for than the network, where so many tasks share the time."""
        iterations = self.iterations(task)
        if task.policy is not Policy.AUTO or task.shadow or not iterations or not task.family.starts_before_network:
            return 0.0
        polishing = self._polish_seconds(task, self._most_starts(task, iterations), iterations)
        return self._settings.deadline_reserve + sharing * polishing

    def _most_starts(self, task: Task, iterations: int) -> int:
        links, most = task.family.measure(task.instance).links, self._settings.polish_starts
        wanted = task.family.most_starts(task.instance, iterations)
        most = most if wanted is None else min(most, wanted)
        if links > self._settings.multi_start_links:
            most = max(1, most * self._settings.multi_start_links // links)
        return most

    def _polish_seconds(self, task: Task, starts: int, iterations: int) -> float:
        links = task.family.measure(task.instance).links
        cost = self.cost("polish", task.family, task.instance)
        stages = task.family.polish_stages(starts, iterations)
        return sum(count * cost.predict(links * running) for running, count in stages)
