"""Precoding: spectral or energy efficiency of one transmitter that serves K users (paper 004, (1) and IV-B2)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.beam_network import squared
from airgraph_models.classical.downlink import downlink_rates
from airgraph_models.classical.dual_ascent import heats, many_shares
from airgraph_models.classical.energy_efficiency import energy_efficiency, maximise_energy_efficiency, missing_rates
from airgraph_models.classical.reduced_wmmse import reduced_wmmse
from airgraph_models.classical.sinr_balancing import target_sinr
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems.errors import UnsupportedInstanceError
from airgraph_models.problems.family import Graded, GraphView, ProblemFamily, Refined, Size, best_of, groups_by
from airgraph_models.problems.layouts import GRAM_BLOCKS
from airgraph_models.problems.padded_shapes import stacked
from airgraph_models.problems.precoding_grading import grade_precoders, rounded_precoders, used_share, within_budgets
from airgraph_models.problems.precoding_gram import gram_statistics, gram_view, precoder_of_shares, rate_of_shares
from airgraph_models.problems.precoding_instance import Precoding
from airgraph_models.problems.precoding_polish import climb
from airgraph_models.problems.precoding_starts import (
    consumption,
    efficient_starts,
    frugally_scaled,
    regularised,
    spectral_starts,
)
from airgraph_models.problems.validation import ComplexArray, FloatArray

__all__ = ["PRECODING", "Precoding", "PrecodingFamily"]

CLASSICAL_STARTS = 4
POLISH_STEPS = 24
"""Most steps of AUTO's polisher where a request does not say."""
POLISH_STARTS = 12
"""Starts of AUTO's polisher, the network's answer among them, where a request asks for no more steps than that."""


def _balanced_at_best(instance: Precoding) -> bool:
    """Whether balanced SINRs are the best effort: their minimum rates cannot all be met, and that is exact."""
    return instance.bands == 1 and instance.out_of_reach


class PrecodingFamily(ProblemFamily[Precoding]):
    r"""Maximise :math:`\sum_k \alpha_k R_k`, or that over the consumed power under minimum rates.

    With :math:`R_k = \sum_b \log_2(1 + |t_{kk}|^2 / (\sigma_k^2 + \sum_{i \ne k} |t_{ki}|^2))` and
    :math:`T = H_b V_b`, subject to :math:`\|V_b\|_F^2 \le P_b`; allocations are precoders ``[N, K]`` or ``[B, N, K]``.
    """

    name: ClassVar[str] = Precoding.problem
    baseline_solver: ClassVar[str] = "rzf"
    classical_solver: ClassVar[str] = "reduced_wmmse"
    link_seconds: ClassVar[float] = 1e-8
    layouts: ClassVar[tuple[str, ...]] = (GRAM_BLOCKS,)

    def solver(self, instance: Precoding) -> str:
        """R-WMMSE, Dinkelbach's method, or SINR balancing where the minimum rates are out of reach."""
        if instance.power is None:
            return self.classical_solver
        return "sinr_balancing" if _balanced_at_best(instance) else "dinkelbach_wmmse"

    def movable(self, instance: Precoding) -> bool:
        """Spectral efficiency is."""
        return instance.power is None

    def measure(self, instance: Precoding) -> Size:
        """Users, and pairs of users in every sub-band: what the reduced form works on."""
        return Size(instance.size, instance.bands * instance.size**2)

    def antennas(self, instance: Precoding) -> int:
        """Antennas of the transmitter."""
        return instance.antennas

    def view(self, instance: Precoding, layout: str = GRAM_BLOCKS) -> GraphView:
        """The network's output ``[K, 1]`` is each user's share of the dual uplink (`classical.dual_uplink`)."""
        if layout != GRAM_BLOCKS or instance.power is not None or instance.channel.ndim > 2:
            raise UnsupportedInstanceError(
                "a precoding network takes the spectral efficiency of one band, as Gram blocks"
            )
        seen = gram_view(instance)

        def shares(output: npt.NDArray[np.floating]) -> FloatArray:
            return output[:, 0].astype(np.float64)

        def read(output: npt.NDArray[np.floating]) -> ComplexArray:
            return precoder_of_shares(instance, shares(output))

        return GraphView(
            seen.graph, partial(gram_statistics, instance, seen), read, shares, partial(rate_of_shares, instance)
        )

    def rates(self, instance: Precoding, allocation: ComplexArray) -> FloatArray:
        """Spectral efficiency of each user ``[K]`` over all sub-bands, bit/s/Hz."""
        rates: FloatArray = self._rates(instance, allocation[None])[0]
        return rates

    @staticmethod
    def _rates(instance: Precoding, precoders: ComplexArray) -> FloatArray:
        """Of many precoders ``[S, ...]`` at once: ``[S, K]``."""
        rates = downlink_rates(instance.channel, instance.noise_power, precoders)
        if instance.channel.ndim == 2:
            return rates
        summed: FloatArray = rates.reshape(len(precoders), instance.bands, instance.size).sum(axis=1)
        return summed

    def value(self, instance: Precoding, allocation: ComplexArray, rates: FloatArray) -> float:
        """Weighted sum rate, bit/s/Hz, or that over the consumed power."""
        if instance.power is None:
            return float(instance.weights @ rates)
        consumed = consumption(instance).of(np.asarray(squared(allocation).sum()))
        return float(energy_efficiency(np.asarray(instance.weights @ rates), consumed))

    def shortfall(self, instance: Precoding, allocation: ComplexArray) -> float:
        """Share of its SINR target that the worst user misses of its minimum rate; 0 where all are met."""
        if instance.power is None or not instance.minimum_rates.any():
            return 0.0
        return self._shortfall(instance, self.rates(instance, allocation))

    @staticmethod
    def _shortfall(instance: Precoding, rates: FloatArray) -> float:
        if not missing_rates(rates, instance.minimum_rates).any():
            return 0.0
        asked = instance.minimum_rates > 0
        return float((1.0 - target_sinr(rates[asked]) / target_sinr(instance.minimum_rates[asked])).max())

    def remark(self, instance: Precoding, rates: FloatArray) -> str:
        """Names minimum rates that are missed, and whether any precoder could meet them."""
        if instance.power is None:
            return ""
        missing = missing_rates(rates, instance.minimum_rates)
        if not missing.any():
            return ""
        worst = int(np.argmax(missing))
        status = "MINIMUM_RATES_UNREACHABLE" if instance.out_of_reach else "MINIMUM_RATES_NOT_MET"
        return (
            f"{status}: {np.count_nonzero(missing)} of {instance.size} users get less than asked, user {worst} "
            f"{rates[worst]:.4g} of {instance.minimum_rates[worst]:.4g} bit/s/Hz"
        )

    def project(self, instance: Precoding, allocation: ComplexArray) -> ComplexArray:
        """Each sub-band over its budget scaled down by one factor."""
        return within_budgets(allocation, instance.max_power)

    def filled(self, instance: Precoding, allocation: ComplexArray) -> ComplexArray:
        """Each sub-band scaled to its budget; as it is for energy efficiency, which more power may lower."""
        if instance.power is not None:
            return allocation
        used = used_share(allocation, instance.max_power)
        # Up to rounding, which `rounded` sees to; silence stays silence.
        return allocation / np.sqrt(np.where(used > 0, used, 1.0))[..., None, None]

    def margin(self, instance: Precoding, allocation: ComplexArray) -> float:
        """Smallest unused share of a sub-band's budget."""
        return float(1.0 - used_share(allocation, instance.max_power).max())

    def baseline(self, instance: Precoding) -> ComplexArray:
        """RZF with equal power; for energy efficiency at its best share of the budget."""
        precoder = regularised(instance)
        return precoder if instance.power is None else frugally_scaled(instance, precoder)

    def starts(self, instance: Precoding) -> ComplexArray:
        """RZF, MRT, ZF and one random precoder; for energy efficiency see `efficient_starts`."""
        if instance.power is None:
            return spectral_starts(instance, CLASSICAL_STARTS)
        return efficient_starts(instance)

    def polish_starts(self, instance: Precoding, most: int) -> npt.NDArray[Any]:
        """Shares of the dual uplink ``[most, K]`` or ``[most, B, K]``: equal ones, then random ones around their step.

        For energy efficiency precoders, as `starts`.
        """
        if instance.power is not None:
            return self.starts(instance)[:most]
        spread = many_shares(instance.size, most)
        spread = spread if instance.channel.ndim == 2 else spread[:, None]
        shares = instance.first_share * spread
        shares[:1] = 1.0
        shares /= np.add.reduce(shares, axis=-1, keepdims=True)
        return shares

    def baseline_start(self, instance: Precoding, baseline: ComplexArray) -> npt.NDArray[Any]:
        """Equal shares, which are RZF's directions."""
        return baseline[None] if instance.power is not None else self.polish_starts(instance, 1)

    def polisher(self, instance: Precoding) -> str:
        """Ascent in the dual uplink for spectral efficiency."""
        return "dual_ascent" if instance.power is None else self.solver(instance)

    def polish_limit(self, instance: Precoding) -> int | None:
        """Far fewer steps than WMMSE has iterations; as many as are set for energy efficiency."""
        return POLISH_STEPS if instance.power is None else None

    def most_starts(self, instance: Precoding, iterations: int) -> int | None:
        """`POLISH_STARTS`; who allows more than `POLISH_STEPS` gets as many as are set."""
        return POLISH_STARTS if instance.power is None and iterations <= POLISH_STEPS else None

    def polish(
        self, instances: Sequence[Precoding], starts: Sequence[npt.NDArray[Any]], stopping: Stopping
    ) -> list[Refined]:
        """`dual_ascent` from shares, instances of one shape and number of starts in one batch."""
        found: dict[int, Refined] = {}
        keys = [
            (instance.channel.shape, len(start)) if instance.power is None else None
            for instance, start in zip(instances, starts, strict=True)
        ]
        for group in groups_by(keys):
            members, given = [instances[i] for i in group], [starts[i] for i in group]
            if members[0].power is not None:
                found[group[0]] = self._refine_efficiency(members[0], given[0], stopping)
                continue
            found.update(zip(group, climb(members, given, stopping, self._device), strict=True))
        return [found[i] for i in range(len(instances))]

    def polish_stages(self, starts: int, iterations: int) -> list[tuple[int, int]]:
        """The heats of the race."""
        return heats(starts, iterations)

    def refine(
        self, instances: Sequence[Precoding], starts: Sequence[ComplexArray], stopping: Stopping
    ) -> list[Refined]:
        """R-WMMSE, instances of one shape and number of starts in one batch; Dinkelbach's method one by one."""
        found: dict[int, Refined] = {}
        keys = [
            (instance.channel.shape, len(start)) if instance.power is None else None
            for instance, start in zip(instances, starts, strict=True)
        ]
        for group in groups_by(keys):
            members = [instances[i] for i in group]
            if members[0].power is not None:
                found[group[0]] = self._refine_efficiency(members[0], starts[group[0]], stopping)
                continue
            # Axes: instance, start, sub-band where there is one.
            banded = members[0].channel.ndim - 2
            per_user = (slice(None), None, *(None,) * banded)
            channel = stacked([m.channel for m in members])[:, None]
            weights = stacked([m.weights for m in members])[per_user]
            noise = stacked([m.noise_power for m in members])[per_user]
            budget = stacked([m.max_power for m in members])[:, None]
            given = stacked([starts[i] for i in group])
            put = self._device.put
            solution = reduced_wmmse(put(channel), put(weights), put(noise), put(budget), put(given), stopping)
            ends = within_budgets(self._device.take(solution.precoder), budget)
            objectives = (weights * downlink_rates(channel, noise, ends)).sum(axis=-1)
            objectives = objectives.reshape(*given.shape[:2], -1).sum(axis=-1)
            for i, precoders, values in zip(group, ends, objectives, strict=True):
                found[i] = best_of(precoders, values, solution.iterations)
        return [found[i] for i in range(len(instances))]

    def _refine_efficiency(self, instance: Precoding, starts: ComplexArray, stopping: Stopping) -> Refined:
        """From each start in turn; where minimum rates are out of reach, balanced SINRs instead."""
        if _balanced_at_best(instance):
            (found,) = instance.balances
            precoder = self.project(instance, found.precoder.reshape(starts.shape[1:]))
            return Refined(precoder, self.objective(instance, precoder), found.steps, -1)
        ends: list[ComplexArray] = []
        iterations = 0
        for start in starts:
            if ends and stopping.expired():
                break
            solution = maximise_energy_efficiency(
                instance.by_band,
                instance.weights,
                instance.noise_power,
                instance.max_power.reshape(-1),
                instance.minimum_rates,
                consumption(instance),
                start.reshape(instance.bands, instance.antennas, instance.size),
                stopping,
            )
            ends.append(self.project(instance, solution.precoder.reshape(start.shape)))
            iterations = max(iterations, solution.iterations)
        origins = [*range(len(ends)), *range(len(starts))]
        # Where the rates are out of reach, less of all that is missing may be more of the worst: starts stay in.
        ends += list(starts)
        reached = self._rates(instance, np.stack(ends))
        standing = [
            (-self._shortfall(instance, rates), self.value(instance, end, rates))
            for end, rates in zip(ends, reached, strict=True)
        ]
        best = max(range(len(ends)), key=standing.__getitem__)
        return Refined(ends[best], standing[best][1], iterations, origins[best])

    def rounded(self, instance: Precoding, allocation: ComplexArray) -> npt.NDArray[np.complexfloating]:
        """Shrinks each sub-band by the least factor that is feasible after rounding."""
        return rounded_precoders(allocation, instance.max_power, instance.dtype)[0]

    def grade(self, instances: Sequence[Precoding], allocations: Sequence[ComplexArray]) -> list[Graded]:
        """Those of spectral efficiency, one shape and one precision together."""
        found: dict[int, Graded] = {}
        keys = [
            (instance.channel.shape, instance.dtype) if instance.power is None and instance.channel.ndim == 2 else None
            for instance in instances
        ]
        for group in groups_by(keys):
            members, given = [instances[i] for i in group], [allocations[i] for i in group]
            graded = super().grade(members, given) if keys[group[0]] is None else grade_precoders(members, given)
            found.update(zip(group, graded, strict=True))
        return [found[i] for i in range(len(instances))]


PRECODING = PrecodingFamily()
