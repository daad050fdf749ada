"""Beamforming: weighted sum rate of MISO links, interference channel or multi-cell (paper 001 (5))."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from airgraph_models.arrays.device import HOST
from airgraph_models.classical.beam_network import DenseBeamNetwork, norms_squared, squared
from airgraph_models.classical.beamforming_wmmse import beamforming_wmmse
from airgraph_models.classical.stopping import Stopping
from airgraph_models.classical.sum_rate import rates_of
from airgraph_models.problems.beamforming_features import (
    beamforming_graph,
    beamforming_statistics,
    beams_from_output,
)
from airgraph_models.problems.beamforming_instance import Beamforming
from airgraph_models.problems.family import Graded, GraphView, ProblemFamily, Refined, Size, best_of, groups_by
from airgraph_models.problems.layouts import ROW_TABLE
from airgraph_models.problems.padded_shapes import SMALL, octave, stack_padded
from airgraph_models.problems.rounding import rounded_within
from airgraph_models.problems.validation import ComplexArray, FloatArray

__all__ = ["BEAMFORMING", "Beamforming", "BeamformingFamily"]


def _used(instance: Beamforming, beams: ComplexArray) -> FloatArray:
    """Largest share of any limit that beams ``[..., K, N]`` use of each transmitter ``[..., J]``."""
    share: FloatArray = instance.per_transmitter(norms_squared(beams)) / instance.max_power
    if instance.max_antenna_power is not None:
        power = squared(beams)
        for antenna, limit in enumerate(instance.max_antenna_power.T):
            share = np.maximum(share, instance.per_transmitter(power[..., antenna]) / limit)
    return share


class BeamformingFamily(ProblemFamily[Beamforming]):
    r"""Maximise :math:`\sum_k \alpha_k \log_2(1 + |s_{kk}|^2 / (\sigma_k^2 + \sum_{i \ne k} |s_{ki}|^2))`.

    With :math:`s_{ki} = h_{k,j(i)} \cdot v_i`, subject to :math:`\sum_{i: j(i) = j} \|v_i\|^2 \le P_j` and, where
    given, a limit for each antenna; allocations are beams ``[K, N]``.
    """

    name: ClassVar[str] = Beamforming.problem
    baseline_solver: ClassVar[str] = "maximum_ratio"
    classical_solver: ClassVar[str] = "wmmse"

    def movable(self, instance: Beamforming) -> bool:
        """Dense channels without limits of the antennas are."""
        return instance.links is None and instance.max_antenna_power is None

    def measure(self, instance: Beamforming) -> Size:
        """Receivers and channels."""
        return Size(instance.size, int(instance.channel.size // instance.antennas))

    def antennas(self, instance: Beamforming) -> int:
        """Antennas a transmitter."""
        return instance.antennas

    def batch(self, instance: Beamforming) -> Hashable:
        """Small dense channels of pairs of one octave of sizes, others of one shape and topology; sparse ones alone."""
        if instance.links is not None:
            return None
        if instance.one_to_one and instance.max_antenna_power is None and instance.size <= SMALL:
            return instance.antennas, octave(instance.size)
        return instance.channel.shape, instance.serving.tobytes(), instance.max_antenna_power is None

    def view(self, instance: Beamforming, layout: str = ROW_TABLE) -> GraphView:
        """The network's output ``[K, 2N]`` is a beam in each node's antenna frame."""
        graph, frames = beamforming_graph(instance)

        def read(output: npt.NDArray[np.floating]) -> ComplexArray:
            return beams_from_output(instance, frames, output)

        return GraphView(graph, partial(beamforming_statistics, graph), read)

    def rates(self, instance: Beamforming, allocation: ComplexArray) -> FloatArray:
        """Spectral efficiency of each receiver ``[..., K]``, bit/s/Hz."""
        own, heard = instance.network.received(allocation)
        return rates_of(heard, squared(own), instance.noise_power)

    def value(self, instance: Beamforming, allocation: ComplexArray, rates: FloatArray) -> float:
        """The weighted sum rate, bit/s/Hz."""
        return float(instance.weights @ rates)

    def project(self, instance: Beamforming, allocation: ComplexArray) -> ComplexArray:
        """Beams of a transmitter over a limit, all scaled down by one factor."""
        scale = 1.0 / np.sqrt(np.maximum(_used(instance, allocation), 1.0))
        return allocation * (scale if instance.one_to_one else scale[instance.serving])[:, None]

    def filled(self, instance: Beamforming, allocation: ComplexArray) -> ComplexArray:
        """Beams over the root of the largest used share of any limit; silence stays silence."""
        share = float(_used(instance, allocation).max())
        return self.project(instance, allocation / np.sqrt(share)) if share > 0 else allocation

    def margin(self, instance: Beamforming, allocation: ComplexArray) -> float:
        """Smallest unused share of any transmitter's budget or antenna limit."""
        return 1.0 - float(np.maximum.reduce(_used(instance, allocation)))

    def baseline(self, instance: Beamforming) -> ComplexArray:
        """Maximum-ratio beams, each transmitter's budget split evenly over its receivers."""
        return self._full_power(instance, instance.network.direct.conj())

    def starts(self, instance: Beamforming) -> ComplexArray:
        """Equal antennas (the papers' start) and maximum ratio ``[2, K, N]``."""
        equal = np.ones((instance.size, instance.antennas), np.complex128)
        return np.stack([self._full_power(instance, equal), self.baseline(instance)])

    def _full_power(self, instance: Beamforming, direction: ComplexArray) -> ComplexArray:
        norm = np.sqrt(norms_squared(direction))
        norm[norm == 0] = 1.0  # of no direction, which no length turns into one
        share = instance.amplitude
        if not instance.one_beam_a_transmitter:
            share = share / np.sqrt(instance.served[instance.serving])
        beams: ComplexArray = direction * (share / norm)[:, None]
        # The budgets are met as they are, to rounding.
        return beams if instance.max_antenna_power is None else self.project(instance, beams)

    def refine(
        self, instances: Sequence[Beamforming], starts: Sequence[ComplexArray], stopping: Stopping
    ) -> list[Refined]:
        """WMMSE; dense instances that `batch` joins and that have as many starts run as one batch."""
        found: dict[int, Refined] = {}
        for group in self.batches(instances, starts):
            members = [instances[i] for i in group]
            device = self.device_of(members[0])
            if len(group) == 1 and device is HOST:
                found[group[0]] = self._refine_alone(members[0], starts[group[0]], stopping)
                continue
            limits = [m.max_antenna_power for m in members if m.max_antenna_power is not None]
            # Who is added to fill up a size has no channel and no weight: nobody hears it, and its beam stays zero.
            channels = device.put(stack_padded([m.channel for m in members]))[:, None]
            solution = beamforming_wmmse(
                DenseBeamNetwork(channels, max((m.serving for m in members), key=len)),
                device.put(stack_padded([m.weights for m in members]))[:, None],
                device.put(stack_padded([m.noise_power for m in members], 1.0))[:, None],
                device.put(stack_padded([m.max_power for m in members], 1.0))[:, None],
                device.put(stack_padded([starts[i] for i in group])),
                stopping,
                np.stack(limits)[:, None] if limits else None,
            )
            for i, beams in zip(group, device.take(solution.beams), strict=True):
                found[i] = self._best(instances[i], beams[:, : instances[i].size], solution.iterations)
        return [found[i] for i in range(len(instances))]

    def _refine_alone(self, instance: Beamforming, starts: ComplexArray, stopping: Stopping) -> Refined:
        """On the network as it is laid out already: all starts at once if it is dense, one by one if sparse."""
        runs = [
            beamforming_wmmse(
                instance.network,
                instance.weights,
                instance.noise_power,
                instance.max_power,
                start,
                stopping,
                instance.max_antenna_power,
            )
            for start in (starts if instance.links is not None else [starts])
        ]
        beams = np.concatenate([run.beams.reshape(-1, *starts.shape[1:]) for run in runs])
        return self._best(instance, beams, max(run.iterations for run in runs))

    def _best(self, instance: Beamforming, beams: ComplexArray, iterations: int) -> Refined:
        # The multiplier meets the budget to 1e-10 relative: the projection takes that last bit off.
        projected = np.stack([self.project(instance, b) for b in beams])
        return best_of(projected, np.array([self.objective(instance, b) for b in projected]), iterations)

    def rounded(self, instance: Beamforming, allocation: ComplexArray) -> npt.NDArray[np.complexfloating]:
        """Shrinks by the least factor that is feasible after rounding."""
        return self._rounded(instance, allocation)[0]

    @staticmethod
    def _rounded(
        instance: Beamforming, allocation: ComplexArray
    ) -> tuple[npt.NDArray[np.complexfloating], ComplexArray]:
        """Of beams ``[..., K, N]``, and the same numbers as complex128."""

        def over(exact: ComplexArray) -> npt.NDArray[np.bool_]:
            return np.asarray(np.maximum.reduce(_used(instance, exact), axis=-1) > 1.0)

        return rounded_within(allocation, instance.dtype, over, 0.5 * float(np.finfo(instance.dtype).eps))

    def grade(self, instances: Sequence[Beamforming], allocations: Sequence[ComplexArray]) -> list[Graded]:
        """The allocations of one instance together: its links are read once."""
        found: dict[int, Graded] = {}
        for group in groups_by([id(instance) for instance in instances]):
            instance = instances[group[0]]
            sent, exact = self._rounded(instance, np.array([allocations[i] for i in group]))
            rates = self.rates(instance, exact)
            objectives = (rates @ instance.weights).tolist()
            for n, i in enumerate(group):
                found[i] = Graded(sent[n], exact[n], rates[n], objectives[n], (-0.0, objectives[n]))
        return [found[i] for i in range(len(instances))]


BEAMFORMING = BeamformingFamily()
