"""Dense power-control instances side by side: long vectors of all pairs, where each alone needs many short ones.

What numpy does with the few entries of one instance takes less time than to ask it. So instances of one message are
checked, laid out, rounded and rated together, and nothing is made for each but what its answer holds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.sum_rate import rates_of
from airgraph_models.problems.gain_blocks import GainBlocks, stack_matrices
from airgraph_models.problems.power_control_gains import single_snr
from airgraph_models.problems.power_control_grading import rounded_within_budgets
from airgraph_models.problems.validation import LARGEST_SNR, FloatArray, IndexArray

Array = npt.NDArray[Any]

FIRST = np.zeros(1, np.int64)
PRECISIONS = (np.dtype(np.float32), np.dtype(np.float64))


class PowerControlFields(NamedTuple):
    """One instance as its caller gave it, not checked yet.

    Attributes:
        gain: ``[K, K]`` power gains, receiver first, float32 or float64.
        noise_power: A number, or one for each pair ``[K]``; so the other two.
        max_power: Budgets.
        weights: Rate weights.
    """

    gain: Array
    noise_power: Array | float = 1.0
    max_power: Array | float = 1.0
    weights: Array | float = 1.0


@dataclass(frozen=True)
class UnionGraded:
    """Answers as they are sent, and what they are worth: the entries of all instances one behind the other.

    Attributes:
        sent: ``[N]`` powers in the callers' precision, within every budget.
        rates: ``[N]`` spectral efficiency of each receiver, bit/s/Hz.
        objectives: Weighted sum rate of each instance.
        baselines: The same of full power.
        margins: Smallest unused fraction of any budget of each instance.
    """

    sent: npt.NDArray[np.floating]
    rates: FloatArray
    objectives: list[float]
    baselines: list[float]
    margins: list[float]


@dataclass(frozen=True)
class PowerControlUnion:
    r"""Instances of :math:`K_1, K_2, \ldots` pairs, :math:`N = \sum_i K_i` in all, that do not hear each other.

    Attributes:
        sizes: Pairs of each instance.
        gain: ``[sum K_i^2]`` power gains of all instances, row by row, receiver first.
        noise_power: ``[N]``.
        max_power: ``[N]``.
        weights: ``[N]``.
        weighted: Whether they are not all the same positive number.
        dtype: Precision in which the answers go back.
    """

    sizes: tuple[int, ...]
    gain: FloatArray
    noise_power: FloatArray
    max_power: FloatArray
    weights: FloatArray
    weighted: bool
    dtype: np.dtype[np.floating]

    @classmethod
    def create(cls, fields: Sequence[PowerControlFields]) -> PowerControlUnion | None:
        """Checks all at once; None if anything is not as nearly always, which `PowerControl.create` looks at closer."""
        gains = [one.gain for one in fields]
        first = gains[0]
        if first.dtype not in PRECISIONS or any(
            gain.dtype != first.dtype or gain.ndim != 2 or gain.shape[0] != gain.shape[1] or not gain.size
            for gain in gains
        ):
            return None
        sizes = tuple(map(len, gains))
        noise = _column([one.noise_power for one in fields], sizes)
        budget = _column([one.max_power for one in fields], sizes)
        weight = _column([one.weights for one in fields], sizes)
        if noise is None or budget is None or weight is None:
            return None
        gain = gains[0].reshape(-1) if len(gains) == 1 else np.concatenate(gains, axis=None)
        least, largest = _extremes(gain)
        # NaN fails every comparison.
        positive = noise.least > 0.0 and budget.least > 0.0 and weight.least >= 0.0 and least >= 0.0
        within = max(noise.largest, budget.largest, weight.largest) <= LARGEST_SNR
        if not positive or not within or not largest * budget.largest / noise.least <= LARGEST_SNR:
            return None
        columns = (noise.values, budget.values, weight.values)
        weighted = weight.least < weight.largest or weight.largest == 0.0
        return cls(sizes, gain.astype(np.float64, copy=False), *columns, weighted, first.dtype)

    @property
    def nodes(self) -> int:
        """Pairs N of all instances."""
        return len(self.noise_power)

    @property
    def links(self) -> int:
        """Gains of all instances."""
        return len(self.gain)

    @cached_property
    def _firsts(self) -> IndexArray:
        """First pair of each instance."""
        if len(self.sizes) == 1:
            return FIRST
        sizes = np.array(self.sizes)
        firsts: IndexArray = sizes.cumsum() - sizes
        return firsts

    @cached_property
    def _row_lengths(self) -> IndexArray:
        """``[N]`` entries of each row of the gains."""
        sizes = np.array(self.sizes)
        return sizes.repeat(sizes)

    @cached_property
    def _own(self) -> IndexArray | slice:
        """``[N]`` where each pair's own gain is."""
        if len(self.sizes) == 1:
            return slice(None, None, self.sizes[0] + 1)
        return self._row_starts + np.arange(self.nodes) - self._firsts.repeat(self.sizes)

    @property
    def _row_starts(self) -> IndexArray:
        return self._row_lengths.cumsum() - self._row_lengths

    def _snr(self) -> FloatArray:
        """``[sum K_i^2]`` gains times budget over noise."""
        if len(self.sizes) == 1:
            factor = self.max_power / self.noise_power[:, None]
            return (self.gain.reshape(factor.shape) * factor).reshape(-1)
        entries, firsts = self._row_lengths, self._firsts
        if np.array_equal(np.minimum.reduceat(self.max_power, firsts), np.maximum.reduceat(self.max_power, firsts)):
            factor = (self.max_power / self.noise_power).repeat(entries)
        else:
            transmitter = np.arange(self.links) + (firsts.repeat(self.sizes) - self._row_starts).repeat(entries)
            factor = self.max_power.take(transmitter) / self.noise_power.repeat(entries)
        return np.multiply(self.gain, factor, out=factor)

    def blocks(self) -> GainBlocks:
        """What a network sees, as `airgraph_models.problems.power_control_gains` describes it."""
        snr = single_snr(self._snr())
        node = np.empty((self.nodes, 2), np.float32)
        node[:, 0] = snr[self._own]
        if self.weighted:
            largest = np.maximum.reduceat(self.weights, self._firsts)
            node[:, 1] = self.weights / np.where(largest > 0, largest, 1.0).repeat(self.sizes)
        else:
            node[:, 1] = 1.0
        snr[self._own] = 0.0
        return stack_matrices(node, snr, self.sizes)

    def grade(self, share: npt.NDArray[np.floating]) -> UnionGraded:
        r"""Projects a network's answer onto the budgets, rounds it, and rates it beside full power.

        .. math:: r_k = \log_2\left(1 + \frac{g_{kk} p_k}{\sigma_k^2 + \sum_{j \ne k} g_{kj} p_j}\right).

        Args:
            share: ``[N]`` of each budget.
        """
        # The answer and full power: two rows, which take hardly longer than one.
        power = np.empty((2, self.nodes))
        np.multiply(share, self.max_power, out=power[0])
        np.minimum(np.maximum(power[0], 0.0, out=power[0]), self.max_power, out=power[0])
        power[1] = self.max_power
        sent, exact = rounded_within_budgets(power, self.max_power, self.dtype)
        rates = rates_of(self._received(exact), self.gain[self._own] * exact, self.noise_power)
        if len(self.sizes) == 1:
            sums = (rates @ self.weights)[:, None]
        else:
            sums = np.add.reduceat(self.weights * rates, self._firsts, axis=1)
        objectives, baselines = sums.tolist()
        margins = 1.0 - np.maximum.reduceat(exact[0] / self.max_power, self._firsts)
        return UnionGraded(sent[0], rates[0], objectives, baselines, margins.tolist())

    def _received(self, power: FloatArray) -> FloatArray:
        """``[2, N]`` power at each receiver, its own signal included."""
        received = np.empty_like(power)
        pair = entry = 0
        for size in self.sizes:
            pairs, entries = slice(pair, pair + size), slice(entry, entry + size * size)
            np.matmul(power[:, pairs], self.gain[entries].reshape(size, size).T, out=received[:, pairs])
            pair, entry = pairs.stop, entries.stop
        return received


class _Column(NamedTuple):
    """One quantity of all pairs."""

    values: FloatArray
    least: float
    largest: float


def _column(values: Sequence[Array | float], sizes: Sequence[int]) -> _Column | None:
    """``[N]`` of a number or a vector for each instance; None where one has another shape or type."""
    numbers = [value if isinstance(value, float) else _number(value) for value in values]
    known = [number for number in numbers if number is not None]
    if len(known) == len(sizes):
        # Python's own extremes pass over what is not a number.
        if any(map(math.isnan, known)):
            return None
        joined = np.full(sizes[0], known[0]) if len(sizes) == 1 else np.array(known).repeat(sizes)
        return _Column(joined, min(known), max(known))
    vectors: list[Array] = []
    for value, number, size in zip(values, numbers, sizes, strict=True):
        if number is not None:
            vectors.append(np.full(size, number))
        elif isinstance(value, float) or value.dtype not in PRECISIONS or value.shape != (size,):
            return None
        else:
            vectors.append(value)
    joined = np.concatenate(vectors, dtype=np.float64)
    return _Column(joined, *_extremes(joined))


def _extremes(values: Array) -> tuple[float, float]:
    """The least and the largest; NaN where there is one, unlike of Python's own."""
    return float(np.minimum.reduce(values)), float(np.maximum.reduce(values))


def _number(value: Array) -> float | None:
    if value.size == 1 and value.ndim <= 1 and value.dtype in PRECISIONS:
        return float(value.reshape(()))
    return None
