"""What every problem family can do: the pivot between the wire, the networks and the solvers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

import numpy as np
import numpy.typing as npt

from airgraph_models.arrays.device import HOST, ArrayDevice
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems.layouts import ROW_TABLE, Graph
from airgraph_models.problems.validation import FloatArray

Array = npt.NDArray[Any]


class Instance(Protocol):
    """What the families share of their instances."""

    @property
    def size(self) -> int:
        """Number of receivers."""


InstanceT = TypeVar("InstanceT", bound=Instance)


@dataclass(frozen=True)
class Size:
    """What an instance costs to serve: its nodes and its links."""

    nodes: int
    links: int


@dataclass(frozen=True)
class Refined:
    """The outcome of an iterative algorithm on one instance.

    Attributes:
        allocation: Feasible, float64 or complex128.
        objective: Its objective, bit/s/Hz.
        iterations: Iterations spent.
        start: Which start led to it; -1 for none of them.
    """

    allocation: Array
    objective: float
    iterations: int
    start: int


@dataclass(frozen=True)
class Graded:
    """An answer as it is sent, and what it is worth.

    Attributes:
        sent: In the caller's precision, within every limit.
        exact: The same numbers as float64 or complex128.
        rates: ``[K]`` spectral efficiency of each receiver, bit/s/Hz.
        objective: What the problem maximises.
        standing: See `ProblemFamily.standing`.
    """

    sent: Array
    exact: Array
    rates: FloatArray
    objective: float
    standing: tuple[float, float]


@dataclass(frozen=True)
class GraphView:
    """One instance as a network sees it.

    Attributes:
        graph: Features and links; graphs of several instances join into one union.
        describe: Makes `statistics`.
        read: Turns the network's output for this instance ``[K, ...]`` into an allocation (not projected).
        start: Turns it into what `ProblemFamily.polish` starts from; None where that is the projected allocation.
        value: Objective of the allocation that such a start stands for, in less time than reading and rating it takes;
            None where there is no shorter way. For problems without minimum rates, whose standing it is.
    """

    graph: Graph
    describe: Callable[[], dict[str, float]]
    read: Callable[[npt.NDArray[np.floating]], Array]
    start: Callable[[npt.NDArray[np.floating]], Array] | None = None
    value: Callable[[Array], float] | None = None

    @cached_property
    def statistics(self) -> dict[str, float]:
        """Input statistics, for the check of the training domain; who does not check it does not pay for them."""
        return self.describe()


class ProblemFamily(ABC, Generic[InstanceT]):
    """One family of radio resource-management problems, stateless but for where its iterations run.

    Attributes:
        name: As in the contract.
        baseline_solver: Name of the closed form that guards every answer.
        classical_solver: Name of the iterative algorithm.
        link_seconds: Rough time of an iteration a link and antenna, until one has been measured.
        layouts: Names of the layouts that its networks may read.
        starts_before_network: Whether AUTO leaves the network out where the deadline has no time for both it and all
            polish starts.
    """

    name: ClassVar[str]
    baseline_solver: ClassVar[str]
    classical_solver: ClassVar[str]
    link_seconds: ClassVar[float] = 1e-7
    layouts: ClassVar[tuple[str, ...]] = (ROW_TABLE,)
    starts_before_network: ClassVar[bool] = False

    _device: ArrayDevice = HOST

    def on(self, device: ArrayDevice) -> Self:
        """The same family with the iterations of what is `movable` on that device; all else stays on the host."""
        moved = copy(self)
        moved._device = device
        return moved

    def movable(self, instance: InstanceT) -> bool:
        """Whether `polish` and `refine` of this instance iterate on whatever device the family was given."""
        return False

    def device_of(self, instance: InstanceT) -> ArrayDevice:
        """Where the iterations of this instance run."""
        return self._device if self.movable(instance) else HOST

    @abstractmethod
    def measure(self, instance: InstanceT) -> Size:
        """Nodes and links of an instance."""

    @abstractmethod
    def antennas(self, instance: InstanceT) -> int:
        """Antennas of each transmitter (1 where the problem has scalar gains)."""

    @abstractmethod
    def view(self, instance: InstanceT, layout: str = ROW_TABLE) -> GraphView:
        """The instance's graph, and how the network's answer is read back.

        Args:
            instance: What is to be solved.
            layout: Which graphs the network reads; one of `layouts`.

        Raises:
            UnsupportedInstanceError: No network of this family can take the instance.
        """

    def batch(self, instance: InstanceT) -> Hashable:
        """Instances for which this is the same, and not None, iterate as one batch where they have as many starts."""
        return self.measure(instance), self.antennas(instance)

    def batches(self, instances: Sequence[InstanceT], starts: Sequence[Array]) -> list[list[int]]:
        """Positions of what iterates as one batch."""
        keys = [self.batch(instance) for instance in instances]
        return groups_by([None if key is None else (key, len(start)) for key, start in zip(keys, starts, strict=True)])

    def solver(self, instance: InstanceT) -> str:
        """Name of the iterative algorithm for this instance."""
        return self.classical_solver

    def polisher(self, instance: InstanceT) -> str:
        """Name of what `polish` runs for this instance."""
        return self.solver(instance)

    def polish_limit(self, instance: InstanceT) -> int | None:
        """Most iterations of `polish` where a request does not say; None leaves it to the server's setting."""
        return None

    def exact(self, instance: InstanceT) -> bool:
        """Whether `polish` ends at the optimum from any start, sooner than a network answers: AUTO then asks none."""
        return False

    @abstractmethod
    def rates(self, instance: InstanceT, allocation: Array) -> FloatArray:
        """Spectral efficiency of each receiver ``[K]``, bit/s/Hz."""

    def objective(self, instance: InstanceT, allocation: Array) -> float:
        """What the problem maximises."""
        return self.value(instance, allocation, self.rates(instance, allocation))

    @abstractmethod
    def value(self, instance: InstanceT, allocation: Array, rates: FloatArray) -> float:
        """The objective of an allocation whose rates ``[K]`` are known."""

    def shortfall(self, instance: InstanceT, allocation: Array) -> float:
        """How far an allocation is from minimum rates, 0 where it meets them: goes before the objective."""
        return 0.0

    def standing(self, instance: InstanceT, allocation: Array, objective: float) -> tuple[float, float]:
        """What a better allocation has more of, the first entry before the second."""
        return -self.shortfall(instance, allocation), objective

    def remark(self, instance: InstanceT, rates: FloatArray) -> str:
        """What a caller must know of an answer with these rates ``[K]``, beginning with a named status; or nothing."""
        return ""

    @abstractmethod
    def project(self, instance: InstanceT, allocation: Array) -> Array:
        """The allocation brought within every limit: scaled down where needed, never up."""

    @abstractmethod
    def filled(self, instance: InstanceT, allocation: Array) -> Array:
        """A feasible allocation with all powers scaled by one factor until the first limit is met.

        Noise stays as it is, so no SINR falls, and neither does the objective.
        """

    @abstractmethod
    def margin(self, instance: InstanceT, allocation: Array) -> float:
        """Smallest unused fraction of any limit: 0 at a full budget, negative if one is exceeded."""

    @abstractmethod
    def baseline(self, instance: InstanceT) -> Array:
        """The closed-form answer that no other may fall below."""

    @abstractmethod
    def starts(self, instance: InstanceT) -> Array:
        """Feasible classical starting points ``[S, ...]``; the first is the papers'."""

    def polish_starts(self, instance: InstanceT, most: int) -> Array:
        """At most ``most`` starting points ``[S, ...]`` for AUTO beside the network's answer; always the same ones.

        They are allocations, or whatever else `polish` starts from: then the views have a ``start`` of that form too.
        """
        return self.starts(instance)[:most]

    def baseline_start(self, instance: InstanceT, baseline: Array) -> Array:
        """The closed-form answer as what `polish` starts from, ``[1, ...]``."""
        return baseline[None]

    def most_starts(self, instance: InstanceT, iterations: int) -> int | None:
        """Most starts of `polish` behind a request of so many iterations; None leaves it to the server's setting."""
        return None

    def polish(self, instances: Sequence[InstanceT], starts: Sequence[Array], stopping: Stopping) -> list[Refined]:
        """What AUTO does with its starts: `refine`, unless the family has something faster.

        Each instance gets its best result, never worse than its first start.
        """
        return self.refine(instances, starts, stopping)

    def polish_stages(self, starts: int, iterations: int) -> list[tuple[int, int]]:
        """(starts still running, iterations) that so many starts must have time for to be worth it."""
        return [(starts, iterations)]

    @abstractmethod
    def refine(self, instances: Sequence[InstanceT], starts: Sequence[Array], stopping: Stopping) -> list[Refined]:
        """Runs the monotone classical algorithm from the starts ``[S, ...]`` of each instance.

        Instances of one `batch` run vectorised. Each gets its best result, never worse than its best start.
        """

    def solve(self, instances: Sequence[InstanceT], stopping: Stopping) -> list[Refined]:
        """The classical answer: `refine` from `starts`."""
        return self.refine(instances, [self.starts(instance) for instance in instances], stopping)

    @abstractmethod
    def rounded(self, instance: InstanceT, allocation: Array) -> Array:
        """The feasible allocation in the caller's precision, feasible after that rounding too."""

    def grade(self, instances: Sequence[InstanceT], allocations: Sequence[Array]) -> list[Graded]:
        """Rounds a feasible allocation of each instance to its caller's precision and rates what came of it."""
        graded = []
        for instance, allocation in zip(instances, allocations, strict=True):
            sent = self.rounded(instance, allocation)
            exact = sent.astype(np.complex128 if np.iscomplexobj(sent) else np.float64)
            rates = self.rates(instance, exact)
            objective = self.value(instance, exact, rates)
            graded.append(Graded(sent, exact, rates, objective, self.standing(instance, exact, objective)))
        return graded


def best_of(allocations: Array, objectives: FloatArray, iterations: int) -> Refined:
    """The allocation ``[S, ...]`` of the largest objective ``[S]``."""
    best = int(np.argmax(objectives))
    return Refined(allocations[best], float(objectives[best]), iterations, best)


def groups_by(keys: Sequence[object]) -> list[list[int]]:
    """Positions with equal keys, in order of first appearance; a key of None stays alone."""
    groups: dict[object, list[int]] = {}
    for position, key in enumerate(keys):
        groups.setdefault(("alone", position) if key is None else ("shared", key), []).append(position)
    return list(groups.values())
