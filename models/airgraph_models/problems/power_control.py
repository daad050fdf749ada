"""Power control: weighted sum rate of K interfering pairs (paper 000 (3); paper 001 (5); paper 003 (3))."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache, partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from airgraph_models.arrays.device import HOST
from airgraph_models.classical.race import Interference, Winner, race
from airgraph_models.classical.random_power import sparse_power
from airgraph_models.classical.scalar_wmmse import Crosstalk, scalar_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.sum_rate import spectral_efficiency, weighted_sum_rate
from airgraph_models.problems.family import Graded, GraphView, ProblemFamily, Refined, Size, best_of, groups_by
from airgraph_models.problems.layouts import GAIN_BLOCKS, ROW_TABLE
from airgraph_models.problems.padded_shapes import SMALL, octave, stack_padded
from airgraph_models.problems.power_control_features import power_control_graph, power_control_statistics
from airgraph_models.problems.power_control_gains import gain_statistics, power_control_gains
from airgraph_models.problems.power_control_grading import grade_powers, rounded_within_budgets
from airgraph_models.problems.power_control_instance import PowerControl
from airgraph_models.problems.validation import FloatArray

__all__ = ["POWER_CONTROL", "PowerControl", "PowerControlFamily"]

FINAL_ITERATIONS = 1
"""Plain iterations in double precision behind a race."""
LEAST_ITERATIONS = 6
"""Of all starts, before it pays to race fewer: so many of sixteen starts beat sixteen of four."""


class PowerControlFamily(ProblemFamily[PowerControl]):
    r"""Maximise :math:`\sum_k \alpha_k \log_2(1 + g_{kk} p_k / (\sigma_k^2 + \sum_{j \ne k} g_{kj} p_j))`.

    Subject to :math:`0 \le p_k \le P_k`; allocations are powers ``[K]``.
    """

    name: ClassVar[str] = PowerControl.problem
    baseline_solver: ClassVar[str] = "full_power"
    classical_solver: ClassVar[str] = "wmmse"
    link_seconds: ClassVar[float] = 2e-9
    starts_before_network: ClassVar[bool] = True
    layouts: ClassVar[tuple[str, ...]] = (ROW_TABLE, GAIN_BLOCKS)

    def movable(self, instance: PowerControl) -> bool:
        """Dense gains are."""
        return instance.links is None

    def measure(self, instance: PowerControl) -> Size:
        """Pairs and channels."""
        return Size(instance.size, int(instance.gain.size))

    def antennas(self, instance: PowerControl) -> int:
        """One."""
        return 1

    def batch(self, instance: PowerControl) -> Hashable:
        """Small dense instances of two octaves of sizes, large ones of one size; sparse ones alone."""
        if instance.links is not None:
            return None
        return super().batch(instance) if instance.size > SMALL else (octave(instance.size) + 1) // 2

    def view(self, instance: PowerControl, layout: str = ROW_TABLE) -> GraphView:
        """The network's output ``[K, 1]`` is the share of each budget."""

        def read(output: npt.NDArray[np.floating]) -> FloatArray:
            return output[:, 0].astype(np.float64) * instance.max_power

        if layout == GAIN_BLOCKS:
            gains = power_control_gains(instance)
            return GraphView(gains, partial(gain_statistics, gains), read)
        graph = power_control_graph(instance)
        return GraphView(graph, partial(power_control_statistics, graph), read)

    def rates(self, instance: PowerControl, allocation: FloatArray) -> FloatArray:
        """Spectral efficiency of each pair ``[K]``, bit/s/Hz."""
        rates: FloatArray = spectral_efficiency(instance.crosstalk, instance.noise_power, allocation[None])[0]
        return rates

    def value(self, instance: PowerControl, allocation: FloatArray, rates: FloatArray) -> float:
        """The weighted sum rate, bit/s/Hz."""
        return float(instance.weights @ rates)

    def project(self, instance: PowerControl, allocation: FloatArray) -> FloatArray:
        """Powers clipped to 0 .. max_power."""
        # A third of the time of `np.clip` on so few entries.
        return np.minimum(np.maximum(allocation, 0.0), instance.max_power)

    def filled(self, instance: PowerControl, allocation: FloatArray) -> FloatArray:
        """Powers over the largest share of any budget; silence stays silence."""
        share = float((allocation / instance.max_power).max())
        return self.project(instance, allocation / share) if share > 0 else allocation

    def margin(self, instance: PowerControl, allocation: FloatArray) -> float:
        """Smallest of (max_power - power) / max_power, negative too where a power is below zero."""
        # The ufuncs themselves: half the time of the methods on so few entries.
        share = allocation / instance.max_power
        least = float(np.minimum.reduce(share))
        return min(1.0 - float(np.maximum.reduce(share)), least if least < 0 else np.inf)

    def baseline(self, instance: PowerControl) -> FloatArray:
        """Full power."""
        return instance.max_power.copy()

    def starts(self, instance: PowerControl) -> FloatArray:
        """Full power ``[1, K]``."""
        return instance.max_power[None]

    def polish_starts(self, instance: PowerControl, most: int) -> FloatArray:
        """Full power and random powers ``[most, K]``, the same ones for every instance of a size."""
        return instance.max_power * _start_shares(instance.size, most)

    def polish(
        self, instances: Sequence[PowerControl], starts: Sequence[FloatArray], stopping: Stopping
    ) -> list[Refined]:
        """A race of all starts, then plain WMMSE from its winner; what `batch` joins in one batch."""
        found: dict[int, Refined] = {}
        for group in self.batches(instances, starts):
            members = [instances[i] for i in group]
            budgets, given = stack_padded([m.max_power for m in members], 1.0), stack_padded([starts[i] for i in group])
            shares = given / budgets[:, None]
            device = self.device_of(members[0])
            if len(group) == 1 and device is HOST:
                winner = race(members[0].interference, members[0].weights[None], shares[0], stopping)
            else:
                snr = stack_padded([member.snr.astype(np.float32) for member in members])
                weights = device.put(stack_padded([member.weights[None] for member in members]))
                leader = race(Interference.dense(device.put(snr)), weights, device.put(shares), stopping)
                winner = Winner(device.take(leader.power), device.take(leader.start), leader.iterations)
            # A doubled step may overshoot: the first start stays in.
            ends = np.stack([winner.power.reshape(budgets.shape) * budgets, given[:, 0]], axis=1)
            own = [end[:, : member.size] for member, end in zip(members, ends, strict=True)]
            last = Stopping(min(FINAL_ITERATIONS, stopping.iterations), 0.0, stopping.expired)
            for i, end, led in zip(group, self.refine(members, own, last), winner.start.reshape(-1), strict=True):
                led_by = 0 if end.start == 1 else int(led)
                found[i] = Refined(end.allocation, end.objective, winner.iterations + end.iterations, led_by)
        return [found[i] for i in range(len(instances))]

    def polish_stages(self, starts: int, iterations: int) -> list[tuple[int, int]]:
        """The first few iterations of the race, which may end at any time."""
        return [(starts, min(iterations, LEAST_ITERATIONS))]

    def refine(
        self, instances: Sequence[PowerControl], starts: Sequence[FloatArray], stopping: Stopping
    ) -> list[Refined]:
        """WMMSE; dense instances that `batch` joins and that have as many starts run as one batch."""
        found: dict[int, Refined] = {}
        for group in self.batches(instances, starts):
            members = [instances[i] for i in group]
            device = self.device_of(members[0])
            if len(group) == 1 and device is HOST:
                # Alone, as it is laid out already, dense or sparse, and without a batch axis.
                (one,), crosstalk = members, members[0].crosstalk
                weights, noise, budget = one.weights[None], one.noise_power[None], one.max_power[None]
                start = starts[group[0]]
            else:
                # Who is added to fill up a size has no gain, no weight and no power, and stays silent.
                crosstalk = Crosstalk.dense(device.put(stack_padded([m.gain for m in members])))
                weights = device.put(stack_padded([m.weights[None] for m in members]))
                noise = device.put(stack_padded([m.noise_power[None] for m in members], 1.0))
                budget = device.put(stack_padded([m.max_power[None] for m in members], 1.0))
                start = device.put(stack_padded([starts[i] for i in group]))
            solution = scalar_wmmse(crosstalk, weights, noise, budget, start, stopping)
            rates = device.take(weighted_sum_rate(crosstalk, weights, noise, solution.power))
            powers, count = device.take(solution.power), len(starts[group[0]])
            powers = powers.reshape(len(group), count, -1)
            for i, power, rate in zip(group, powers, rates.reshape(len(group), count), strict=True):
                found[i] = best_of(power[:, : instances[i].size], rate, solution.iterations)
        return [found[i] for i in range(len(instances))]

    def rounded(self, instance: PowerControl, allocation: FloatArray) -> npt.NDArray[np.floating]:
        """Rounds towards zero where the nearest number would exceed the budget."""
        return rounded_within_budgets(allocation, instance.max_power, instance.dtype)[0]

    def grade(self, instances: Sequence[PowerControl], allocations: Sequence[FloatArray]) -> list[Graded]:
        """All of one precision together."""
        found: dict[int, Graded] = {}
        for group in groups_by([instance.dtype for instance in instances]):
            graded = grade_powers([instances[i] for i in group], [allocations[i] for i in group])
            found.update(zip(group, graded, strict=True))
        return [found[i] for i in range(len(instances))]


@lru_cache(maxsize=256)
def _start_shares(size: int, most: int) -> FloatArray:
    """Shares of the budgets ``[most, K]``: full power, then random ones, most of them small in most."""
    random = sparse_power(np.ones((1, size)), max(most - 1, 0), np.random.default_rng(size))
    shares = np.concatenate([np.ones((1, size)), random])[:most]
    shares.flags.writeable = False
    return shares


POWER_CONTROL = PowerControlFamily()
