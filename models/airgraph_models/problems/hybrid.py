"""Hybrid precoding: phase shifters and a digital half in place of a digital precoder (paper 000, (7)-(9))."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.hybrid_alternation import (
    alternate,
    blocks_of,
    captured,
    column_starts,
    cosine,
    digital_half,
    partially_connected,
    phase_extraction,
    phases,
)
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems.errors import UnsupportedInstanceError
from airgraph_models.problems.family import GraphView, ProblemFamily, Refined, Size
from airgraph_models.problems.hybrid_instance import HybridPrecoding
from airgraph_models.problems.validation import ComplexArray, FloatArray

__all__ = ["HYBRID_PRECODING", "HybridPrecoding", "HybridPrecodingFamily", "join_halves", "split_halves"]

FIRST_ITERATIONS, GOING_ON = 3, 3
"""Iterations of all starts, and how many of them a chain go on."""
SUMMING = 1e-13
"""Share of the power left unused, so that a caller who sums in another order finds nothing over it."""
CONVERGED = 1e-7
"""Relative gain of the captured power an iteration that is none."""


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
    layouts: ClassVar[tuple[str, ...]] = ()

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

    def view(self, instance: HybridPrecoding, layout: str = "") -> GraphView:
        """No network reads this problem yet."""
        raise UnsupportedInstanceError("no network of this version takes a hybrid-precoding problem")

    def rates(self, instance: HybridPrecoding, allocation: ComplexArray) -> FloatArray:
        """None: the problem knows no receivers."""
        return np.empty(0)

    def value(self, instance: HybridPrecoding, allocation: ComplexArray, rates: FloatArray) -> float:
        """The alignment."""
        analogue, digital = split_halves(instance, allocation)
        power = self._power(instance, allocation)
        return float(cosine(instance.f_opt, analogue @ digital) * np.sqrt(min(1.0, power)))

    @staticmethod
    def _power(instance: HybridPrecoding, allocation: ComplexArray) -> float:
        analogue, digital = split_halves(instance, allocation)
        return float((np.abs(analogue @ digital) ** 2).sum()) / instance.streams

    def project(self, instance: HybridPrecoding, allocation: ComplexArray) -> ComplexArray:
        """Wired entries brought to modulus one, others to zero; the digital half scaled down to the power."""
        analogue, digital = split_halves(instance, allocation)
        wired = phases(analogue)
        if instance.structure == "partial":
            length = instance.antennas // instance.chains
            wired = wired * (np.arange(instance.antennas)[:, None] // length == np.arange(instance.chains))
        power = float((np.abs(wired @ digital) ** 2).sum()) / instance.streams
        return join_halves(wired, digital / np.sqrt(max(power, 1.0)))

    def filled(self, instance: HybridPrecoding, allocation: ComplexArray) -> ComplexArray:
        """The digital half scaled until the power is Ns."""
        power = self._power(instance, allocation)
        analogue, digital = split_halves(instance, allocation)
        scale = 1.0 / np.sqrt(power) if power > 0 else 1.0
        return self.project(instance, join_halves(analogue, digital * scale))

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
            analogue = partially_connected(column_starts(blocks_of(instance.f_opt, instance.chains))[0])
        else:
            chain = np.arange(instance.chains)
            turned = np.exp(2j * np.pi * np.outer(np.arange(instance.antennas), chain) / instance.chains)
            columns = instance.f_opt[:, chain % instance.streams]
            # Chains beyond the streams start with other phases, or all would stay copies of the first ones.
            analogue = phases(columns * np.where(chain < instance.streams, 1.0, turned))
        return join_halves(analogue, digital_half(instance.f_opt, analogue))[None]

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
        length = blocks.shape[1]
        rows = np.arange(instance.antennas)
        given = [start[rows, rows // length].reshape(instance.chains, length) for start in starts]
        every = np.concatenate([np.stack(given), column_starts(blocks)])
        first = Stopping(min(FIRST_ITERATIONS, stopping.iterations), 0.0, stopping.expired)
        shifts, spent = alternate(blocks, every, first)
        # Chain by chain the best few go on: the others are seldom ahead later.
        ahead = np.argsort(-captured(blocks, shifts), axis=0)[:GOING_ON]
        kept = np.take_along_axis(shifts, ahead[..., None], axis=0)
        tolerance = max(stopping.tolerance, CONVERGED)
        rest = Stopping(stopping.iterations - spent, tolerance, stopping.expired)
        shifts, more = alternate(blocks, kept, rest)
        chosen = np.argmax(captured(blocks, shifts), axis=0)
        here = np.arange(instance.chains)
        analogue = partially_connected(shifts[chosen, here])
        allocation = join_halves(analogue, digital_half(instance.f_opt, analogue))
        started = ahead[chosen, here]
        led = int(started[0]) if bool((started == started[0]).all()) and started[0] < len(starts) else -1
        return Refined(allocation, self.objective(instance, allocation), spent + more, led)

    def rounded(self, instance: HybridPrecoding, allocation: ComplexArray) -> npt.NDArray[np.complexfloating]:
        """Rounds the phases to nearest and shrinks the digital half by the least factor that keeps the power."""
        analogue, digital = split_halves(instance, allocation)
        precision = float(np.finfo(instance.dtype).eps)
        sent: npt.NDArray[np.complexfloating] = allocation.astype(instance.dtype)
        shrink = max(precision, SUMMING)
        while self._power(instance, sent.astype(np.complex128)) > 1.0 - SUMMING:
            sent = join_halves(analogue, digital * (1.0 - shrink)).astype(instance.dtype)
            shrink *= 2
        return sent


HYBRID_PRECODING = HybridPrecodingFamily()
