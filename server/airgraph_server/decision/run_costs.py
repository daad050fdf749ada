"""What whole runs of iterations cost, by device and kind of work: measured, or guessed from kinds that were."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from airgraph_models.problems import ProblemFamily
from airgraph_server.decision.cost import RunCost

CPU, GPU = "cpu", "gpu"
GUESSES = {CPU: (3e-5, 1.0), GPU: (2e-4, 0.05)}
"""Seconds of an iteration of next to nothing, and the share of the family's time a link, until anything is measured."""
LARGE = 1_000_000
"""Links of a guess."""


class Kind(NamedTuple):
    """Kind of work whose seconds are about a line over the links.

    Attributes:
        what: ``polish`` or ``refine``.
        family: By name.
        solver: By name.
        octaves: Of iterations, nodes and antennas.
    """

    what: str
    family: str
    solver: str
    octaves: tuple[int, int, int]

    def distance(self, other: Kind) -> float:
        """How little one says of the other."""
        if self[:3] != other[:3]:
            return math.inf
        return sum(abs(mine - its) for mine, its in zip(self.octaves, other.octaves, strict=True))


def kind_of(family: ProblemFamily[Any], instance: Any, what: str, iterations: int) -> Kind:
    """The kind of a run of so many iterations on instances of that size."""
    sizes = iterations, family.measure(instance).nodes, family.antennas(instance)
    iterated, nodes, antennas = (size.bit_length() for size in sizes)
    return Kind(what, family.name, family.solver(instance), (iterated, nodes, antennas))


class RunCosts:
    """Seconds of runs on either device."""

    def __init__(self) -> None:
        """Knows nothing."""
        self._costs: dict[tuple[str, Kind], RunCost] = {}

    def of(self, device: str, kind: Kind, family: ProblemFamily[Any]) -> RunCost:
        """The running estimate; of a kind that is new, from the nearest one."""
        known = self._costs.get((device, kind))
        if known is not None:
            return known
        near = [(kind.distance(other), other) for place, other in list(self._costs) if place == device]
        distance, nearest = min(near, default=(math.inf, kind))
        if distance < math.inf:
            longer = 2.0 ** (kind.octaves[0] - nearest.octaves[0])
            nothing, much = (longer * self._costs[device, nearest].predict(links) for links in (0, LARGE))
        else:
            least, share = GUESSES[device]
            iterations, _, antennas = (0.75 * 2**octave for octave in kind.octaves)
            nothing, much = iterations * least, iterations * (least + share * LARGE * family.link_seconds * antennas)
        return self._costs.setdefault((device, kind), RunCost((0, nothing), (LARGE, much)))

    def kinds(self, device: str) -> set[Kind]:
        """All that anything is known or guessed of."""
        return {kind for place, kind in list(self._costs) if place == device}
