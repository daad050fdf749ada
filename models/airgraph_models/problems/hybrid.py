"""Hybrid precoding: phase shifters and a digital half in place of a digital precoder (paper 000, (7)-(9))."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.hybrid_alternation import (
    alternate,
    blocks_of,
    captured,
    chain_digital,
    column_starts,
    digital_half,
    partially_connected,
    phase_extraction,
    phases,
    strongest_columns,
)
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems.errors import UnsupportedInstanceError
from airgraph_models.problems.family import Graded, GraphView, ProblemFamily, Refined, Size
from airgraph_models.problems.hybrid_chains import MOST_STREAMS, hybrid_chains, hybrid_statistics
from airgraph_models.problems.hybrid_instance import HybridPrecoding
from airgraph_models.problems.layouts import CHAIN_BLOCKS
from airgraph_models.problems.validation import ComplexArray, FloatArray

__all__ = ["HYBRID_PRECODING", "HybridPrecoding", "HybridPrecodingFamily", "join_halves", "split_halves"]

FIRST_ITERATIONS, GOING_ON = 3, 3
"""Iterations of all starts, and how many of them a chain go on."""
SUMMING = 1e-13
"""Share of the power left unused, so that a caller who sums in another order finds nothing over it."""
CONVERGED = 1e-7
"""Relative gain of the captured power an iteration that is none."""
EQUAL = 1e-5
"""Share of the captured power by which a network's ends may differ and count as one."""


def join_halves(analogue: npt.NDArray[Any], digital: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An allocation ``[Nt + Ns, R]``: the analogue precoder ``[Nt, R]`` over the transposed digital one ``[R, Ns]``."""
    return np.concatenate([analogue, digital.T])


def split_halves(instance: HybridPrecoding, allocation: npt.NDArray[Any]) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """The analogue precoder ``[Nt, R]`` and the digital one ``[R, Ns]``."""
    return allocation[: instance.antennas], allocation[instance.antennas :].T


class HybridPrecodingFamily(ProblemFamily[HybridPrecoding]):
    r"""Maximise the alignment :math:`\text{Re tr}(F_\text{opt}^H F_\text{RF} F_\text{BB}) / N_s`, at most one.

    With :math:`\|F_\text{opt}\|_F^2 = \|F_\text{RF} F_\text{BB}\|_F^2 = N_s` the loss
    :math:`\|F_\text{opt} - F_\text{RF} F_\text{BB}\|_F^2` is :math:`2 N_s` times one minus the alignment. Allocations
    hold both halves, see `join_halves`.
    """

    name: ClassVar[str] = HybridPrecoding.problem
    baseline_solver: ClassVar[str] = "strongest_column"
    classical_solver: ClassVar[str] = "alternation"
    link_seconds: ClassVar[float] = 1e-8
    layouts: ClassVar[tuple[str, ...]] = (CHAIN_BLOCKS,)

    def solver(self, instance: HybridPrecoding) -> str:
        """Closed-form alternation, or phase extraction where every chain drives every antenna."""
        return self.classical_solver if instance.structure == "partial" else "phase_extraction"

    def measure(self, instance: HybridPrecoding) -> Size:
        """Antennas, and phase shifters."""
        each = 1 if instance.structure == "partial" else instance.chains
        return Size(instance.antennas, instance.antennas * each)

    def antennas(self, instance: HybridPrecoding) -> int:
        """Streams: what an iteration costs a phase shifter."""
        return instance.streams

    def view(self, instance: HybridPrecoding, layout: str = CHAIN_BLOCKS) -> GraphView:
        """The network's output ``[Nt, 2 H]`` is H numbers an antenna, real parts first; phases of the best are read."""
        if layout != CHAIN_BLOCKS:
            raise UnsupportedInstanceError("a hybrid-precoding network reads chains in blocks")
        if instance.structure == "full":
            raise UnsupportedInstanceError("a hybrid-precoding network takes partially connected chains")
        if instance.streams > MOST_STREAMS:
            raise UnsupportedInstanceError(f"a hybrid-precoding network takes {MOST_STREAMS} streams at most")
        graph = hybrid_chains(instance)
        blocks = blocks_of(instance.f_opt, instance.chains)

        def start(output: npt.NDArray[np.floating]) -> ComplexArray:
            heard = np.empty((len(blocks), output.shape[1] // 2, blocks.shape[1]), np.complex128)
            # Axes: chain, part, end, antenna.
            parts = np.swapaxes(output.reshape(*blocks.shape[:2], -1), 1, 2).reshape(len(blocks), 2, *heard.shape[1:])
            heard.real, heard.imag = parts[:, 0], parts[:, 1]
            ends = phases(heard)
            power = captured(blocks, np.swapaxes(ends, 0, 1))
            # Of ends that are equal but for rounding always the same one, turned so that its first phase is zero.
            best = np.argmax(power >= (1.0 - EQUAL) * np.maximum.reduce(power, axis=0), axis=0)
            chosen = ends[np.arange(instance.chains), best]
            turned: ComplexArray = chosen * chosen[:, :1].conj()
            return turned

        def read(output: npt.NDArray[np.floating]) -> ComplexArray:
            return self._joined(instance, start(output))

        def value(shifts: ComplexArray) -> float:
            return self._alignment(instance, captured(blocks, shifts))

        return GraphView(graph, partial(hybrid_statistics, instance, graph), read, start, value)

    @staticmethod
    def _alignment(instance: HybridPrecoding, power: FloatArray) -> float:
        """Of phases that capture a power ``[R]`` of their blocks, with the best digital half."""
        each = instance.antennas // instance.chains
        return math.sqrt(float(np.add.reduce(power)) / (each * instance.streams))

    @staticmethod
    def _joined(instance: HybridPrecoding, shifts: ComplexArray) -> ComplexArray:
        """Phases ``[R, L]`` with the best digital half."""
        digital = chain_digital(blocks_of(instance.f_opt, instance.chains), shifts)
        return join_halves(partially_connected(shifts), digital)

    def rates(self, instance: HybridPrecoding, allocation: ComplexArray) -> FloatArray:
        """None: the problem knows no receivers."""
        return np.empty(0)

    def value(self, instance: HybridPrecoding, allocation: ComplexArray, rates: FloatArray) -> float:
        """The alignment."""
        return self._aligned(instance, *self._product(instance, allocation))

    @staticmethod
    def _aligned(instance: HybridPrecoding, product: ComplexArray, power: float) -> float:
        """Of ``F_RF F_BB`` and its share of the power."""
        # Below the power the factor that is missing counts against it; above, it is scaled down to it.
        return float(np.vdot(instance.f_opt, product).real) / (instance.streams * math.sqrt(max(power, 1.0)))

    @staticmethod
    def _product(instance: HybridPrecoding, allocation: ComplexArray) -> tuple[ComplexArray, float]:
        """``F_RF F_BB`` and its share of the power Ns."""
        analogue, digital = split_halves(instance, allocation)
        product: ComplexArray = analogue @ digital
        return product, float(np.vdot(product, product).real) / instance.streams

    def _power(self, instance: HybridPrecoding, allocation: ComplexArray) -> float:
        return self._product(instance, allocation)[1]

    def project(self, instance: HybridPrecoding, allocation: ComplexArray) -> ComplexArray:
        """Wired entries brought to modulus one, others to zero; the digital half scaled down to the power."""
        analogue, digital = split_halves(instance, allocation)
        if instance.structure == "partial":
            analogue = partially_connected(phases(self._shifts(instance, allocation[None])[0]))
        else:
            analogue = phases(analogue)
        wired = join_halves(analogue, digital)
        power = self._power(instance, wired)
        return join_halves(analogue, digital / math.sqrt(power)) if power > 1.0 else wired

    def filled(self, instance: HybridPrecoding, allocation: ComplexArray) -> ComplexArray:
        """The digital half scaled until the power is Ns."""
        power = self._power(instance, allocation)
        analogue, digital = split_halves(instance, allocation)
        return join_halves(analogue, digital / math.sqrt(power)) if power > 0 else allocation

    def margin(self, instance: HybridPrecoding, allocation: ComplexArray) -> float:
        """Unused share of the power Ns."""
        return 1.0 - self._power(instance, allocation)

    def baseline(self, instance: HybridPrecoding) -> ComplexArray:
        """Phases of the strongest column of each block, or of the columns in turn, with the best digital half."""
        allocation: ComplexArray = self.starts(instance)[0]
        return allocation

    def starts(self, instance: HybridPrecoding) -> ComplexArray:
        """That one start ``[1, Nt + Ns, R]``."""
        if instance.structure == "partial":
            return self._joined(instance, strongest_columns(blocks_of(instance.f_opt, instance.chains)))[None]
        chain = np.arange(instance.chains)
        turned = np.exp(2j * np.pi * np.outer(np.arange(instance.antennas), chain) / instance.chains)
        columns = instance.f_opt[:, chain % instance.streams]
        # Chains beyond the streams start with other phases, or all would stay copies of the first ones.
        analogue = phases(columns * np.where(chain < instance.streams, 1.0, turned))
        return join_halves(analogue, digital_half(instance.f_opt, analogue))[None]

    def polish_starts(self, instance: HybridPrecoding, most: int) -> ComplexArray:
        """None: the network has tried several starts a chain and answers with the best."""
        return np.empty((0, *self._start_shape(instance)), np.complex128)

    @staticmethod
    def _start_shape(instance: HybridPrecoding) -> tuple[int, int]:
        """Of the phases ``[R, L]`` that polishing starts from; of an allocation where every chain drives all."""
        if instance.structure == "full":
            return instance.antennas + instance.streams, instance.chains
        return instance.chains, instance.antennas // instance.chains

    def baseline_start(self, instance: HybridPrecoding, baseline: ComplexArray) -> ComplexArray:
        """Its phases; where every chain drives all, itself."""
        return baseline[None] if instance.structure == "full" else self._shifts(instance, baseline[None])

    def polish(
        self, instances: Sequence[HybridPrecoding], starts: Sequence[ComplexArray], stopping: Stopping
    ) -> list[Refined]:
        """Alternation from the given phases ``[S, R, L]`` alone."""
        return [self._polished(instance, start, stopping) for instance, start in zip(instances, starts, strict=True)]

    def _polished(self, instance: HybridPrecoding, starts: ComplexArray, stopping: Stopping) -> Refined:
        if instance.structure == "full":
            return self._one(instance, starts, stopping)
        blocks = blocks_of(instance.f_opt, instance.chains)
        ends, spent = self._alternated(blocks, starts, stopping)
        power = captured(blocks, ends)
        if len(ends) == 1:
            return Refined(self._joined(instance, ends[0]), self._alignment(instance, power[0]), spent, 0)
        chosen, here = np.argmax(power, axis=0), np.arange(instance.chains)
        allocation = self._joined(instance, ends[chosen, here])
        led = int(chosen[0]) if bool((chosen == chosen[0]).all()) else -1
        return Refined(allocation, self._alignment(instance, power[chosen, here]), spent, led)

    @staticmethod
    def _shifts(instance: HybridPrecoding, starts: ComplexArray) -> ComplexArray:
        """Phases ``[S, R, L]`` of allocations ``[S, Nt + Ns, R]``."""
        rows = np.arange(instance.antennas)
        wired = starts[:, rows, rows * instance.chains // instance.antennas]
        return wired.reshape(len(starts), instance.chains, -1)

    @staticmethod
    def _alternated(blocks: ComplexArray, start: ComplexArray, stopping: Stopping) -> tuple[ComplexArray, int]:
        tolerance = max(stopping.tolerance, CONVERGED)
        return alternate(blocks, start, Stopping(stopping.iterations, tolerance, stopping.expired))

    def refine(
        self, instances: Sequence[HybridPrecoding], starts: Sequence[ComplexArray], stopping: Stopping
    ) -> list[Refined]:
        """Alternation from each start and, partially connected, from the columns' combinations too, chain by chain."""
        return [self._one(instance, start, stopping) for instance, start in zip(instances, starts, strict=True)]

    def _one(self, instance: HybridPrecoding, starts: ComplexArray, stopping: Stopping) -> Refined:
        if instance.structure == "full":
            ends = [phase_extraction(instance.f_opt, start[: instance.antennas], stopping) for start in starts]
            joined = [join_halves(end, digital_half(instance.f_opt, end)) for end, _ in ends]
            values = [self.objective(instance, one) for one in joined]
            best = int(np.argmax(values))
            return Refined(joined[best], values[best], max(spent for _, spent in ends), best)
        blocks = blocks_of(instance.f_opt, instance.chains)
        every = np.concatenate([self._shifts(instance, starts), column_starts(blocks)])
        first = Stopping(min(FIRST_ITERATIONS, stopping.iterations), 0.0, stopping.expired)
        shifts, spent = alternate(blocks, every, first)
        # Chain by chain the best few go on: the others are seldom ahead later.
        ahead = np.argsort(-captured(blocks, shifts), axis=0)[:GOING_ON]
        kept = np.take_along_axis(shifts, ahead[..., None], axis=0)
        rest = Stopping(stopping.iterations - spent, stopping.tolerance, stopping.expired)
        shifts, more = self._alternated(blocks, kept, rest)
        chosen = np.argmax(captured(blocks, shifts), axis=0)
        here = np.arange(instance.chains)
        allocation = self._joined(instance, shifts[chosen, here])
        started = ahead[chosen, here]
        led = int(started[0]) if bool((started == started[0]).all()) and started[0] < len(starts) else -1
        return Refined(allocation, self.objective(instance, allocation), spent + more, led)

    def rounded(self, instance: HybridPrecoding, allocation: ComplexArray) -> npt.NDArray[np.complexfloating]:
        """Rounds the phases to nearest and shrinks the digital half by the least factor that keeps the power."""
        return self._graded(instance, allocation).sent

    def grade(self, instances: Sequence[HybridPrecoding], allocations: Sequence[ComplexArray]) -> list[Graded]:
        """One by one, each with one product of the halves for its power and its objective."""
        return [self._graded(instance, given) for instance, given in zip(instances, allocations, strict=True)]

    def _graded(self, instance: HybridPrecoding, allocation: ComplexArray) -> Graded:
        sent: npt.NDArray[np.complexfloating] = allocation.astype(instance.dtype)
        exact: ComplexArray = sent.astype(np.complex128)
        shrink = max(float(np.finfo(instance.dtype).eps), SUMMING)
        product, power = self._product(instance, exact)
        while power > 1.0 - SUMMING:
            # By what is over, and by the rounding to come: once is nearly always enough.
            sent[instance.antennas :] = exact[instance.antennas :] * (math.sqrt((1.0 - SUMMING) / power) - shrink)
            exact[instance.antennas :] = sent[instance.antennas :]
            product, power = self._product(instance, exact)
            shrink *= 2
        objective = self._aligned(instance, product, power)
        return Graded(sent, exact, np.empty(0), objective, (0.0, objective))


HYBRID_PRECODING = HybridPrecodingFamily()
