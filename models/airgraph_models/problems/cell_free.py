"""Cell-free power control: the smallest uplink rate of a cell-free network (paper 000, (6))."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.max_min_power import LARGEST_SQUARED, interference, leaping_fixed_point
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems.cell_free_instance import CellFree
from airgraph_models.problems.cell_free_users import cell_free_statistics, cell_free_users
from airgraph_models.problems.errors import UnsupportedInstanceError
from airgraph_models.problems.family import GraphView, ProblemFamily, Refined, Size
from airgraph_models.problems.layouts import GRAM_BLOCKS
from airgraph_models.problems.validation import FloatArray

__all__ = ["CELL_FREE", "CellFree", "CellFreeFamily"]


class CellFreeFamily(ProblemFamily[CellFree]):
    r"""Maximise :math:`\min_k \log_2(1 + p_k / (F p + u)_k)`.

    Subject to :math:`0 \le p_k \le 1`; allocations are shares of the users' power ``[K]``, and
    `CellFree.coupling` has F and u.
    """

    name: ClassVar[str] = CellFree.problem
    baseline_solver: ClassVar[str] = "full_power"
    classical_solver: ClassVar[str] = "fixed_point"
    link_seconds: ClassVar[float] = 1e-8
    layouts: ClassVar[tuple[str, ...]] = (GRAM_BLOCKS,)

    def measure(self, instance: CellFree) -> Size:
        """Users, and pairs of users."""
        return Size(instance.size, instance.size**2)

    def antennas(self, instance: CellFree) -> int:
        """One."""
        return 1

    def view(self, instance: CellFree, layout: str = GRAM_BLOCKS) -> GraphView:
        """The network's output ``[K, 1]`` is each user's share of full power."""
        if layout != GRAM_BLOCKS:
            raise UnsupportedInstanceError("a cell-free network reads users in blocks")
        graph = cell_free_users(instance)

        def read(output: npt.NDArray[np.floating]) -> FloatArray:
            return output[:, 0].astype(np.float64)

        return GraphView(graph, partial(cell_free_statistics, graph), read)

    def exact(self, instance: CellFree) -> bool:
        """Where the fixed point leaps: one or two leaps from full power meet the bound of the optimum."""
        return instance.size <= LARGEST_SQUARED

    def rates(self, instance: CellFree, allocation: FloatArray) -> FloatArray:
        """Spectral efficiency of each user ``[K]``, bit/s/Hz, pilots not deducted."""
        coupling = instance.coupling
        rates: FloatArray = np.log2(1.0 + allocation / interference(coupling.matrix, coupling.noise, allocation))
        return rates

    def value(self, instance: CellFree, allocation: FloatArray, rates: FloatArray) -> float:
        """The smallest rate, bit/s/Hz."""
        return float(rates.min())

    def project(self, instance: CellFree, allocation: FloatArray) -> FloatArray:
        """Powers clipped to 0 .. 1."""
        return np.clip(allocation, 0.0, 1.0)

    def filled(self, instance: CellFree, allocation: FloatArray) -> FloatArray:
        """Powers over the largest; silence stays silence."""
        largest = float(allocation.max())
        return self.project(instance, allocation / largest) if largest > 0 else allocation

    def margin(self, instance: CellFree, allocation: FloatArray) -> float:
        """Smallest of 1 - power, negative too where a power is below zero."""
        return float(min((1.0 - allocation).min(), allocation.min() if (allocation < 0).any() else np.inf))

    def baseline(self, instance: CellFree) -> FloatArray:
        """Full power."""
        return np.ones(instance.size)

    def starts(self, instance: CellFree) -> FloatArray:
        """Full power ``[1, K]``; the optimum is the same from any start."""
        return np.ones((1, instance.size))

    def polish_starts(self, instance: CellFree, most: int) -> FloatArray:
        """None: beside a network's answer another start cannot end higher; full power where there is no network."""
        return self.starts(instance)[:0]

    def refine(self, instances: Sequence[CellFree], starts: Sequence[FloatArray], stopping: Stopping) -> list[Refined]:
        """The normalised fixed point in leaps, instances with one number of users and starts in one batch."""
        found: dict[int, Refined] = {}
        for group in self.batches(instances, starts):
            couplings = [instances[i].coupling for i in group]
            solution = leaping_fixed_point(
                np.array([coupling.matrix for coupling in couplings])[:, None],
                np.array([coupling.noise for coupling in couplings])[:, None],
                np.array([starts[i] for i in group]),
                stopping,
            )
            for i, powers, sinr in zip(group, solution.power, solution.sinr, strict=True):
                best = int(np.argmax(sinr))
                found[i] = Refined(powers[best], math.log2(1.0 + sinr[best]), solution.iterations, best)
        return [found[i] for i in range(len(instances))]

    def rounded(self, instance: CellFree, allocation: FloatArray) -> npt.NDArray[np.floating]:
        """To the nearest number: one is exact in every precision."""
        return allocation.astype(instance.dtype)


CELL_FREE = CellFreeFamily()
