"""Energy efficiency under minimum rates: the paper's power model, the numerical solution, and what networks reach.

The unit of power is 1 W, and 10 dB is that over the noise; see `UNIT_DB`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from airgraph_models.classical.downlink import ComplexArray, downlink_rates
from airgraph_models.classical.energy_efficiency import ConsumedPower
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import PRECODING, Precoding
from airgraph_models.problems.precoding_instance import PowerModel
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_sets import BATCH, Downlinks, FloatArray, real_pairs

POWER_MODEL = PowerModel(circuit_power=17.6, constant_power=43.3, amplifier_inefficiency=1 / 0.311)
"""Of a macro base station in paper 004 and its reference [37], W."""
UNIT_DB = 10.0
"""1 W over the noise. The paper's SNR of 10 dB cannot be the budget over the noise: at that, hardly any instance meets
5 bit/s/Hz. With 1 W, the power of its other tables, WMMSE's columns of its table IV come out as printed."""
ANTENNA_POWER = 40.0
"""Budget of each antenna's amplifier, W: 46 dBm in reference [37]. The paper names no budget, and hardly any instance
comes near this one."""
STOPPING = Stopping(100, tolerance=1e-8)
NUMERICAL = (
    f"EE-numerical (Dinkelbach's method around WMMSE, {STOPPING.iterations} iterations at most, the best of its starts)"
)


@dataclass(frozen=True)
class Efficiency:
    """Test instances with one minimum rate.

    Attributes:
        downlinks: Channels in units of the noise and of 1 W.
        minimum_rate: Of every user, bit/s/Hz.
    """

    downlinks: Downlinks
    minimum_rate: float

    @classmethod
    def tests(cls, users: int, antennas: int, minimum_rate: float, count: int) -> Efficiency:
        """Instances that no training set holds; the same fading at every minimum rate."""
        return cls(Downlinks.tests(users, antennas, UNIT_DB, count), minimum_rate)

    @property
    def antennas(self) -> int:
        """N."""
        return int(self.downlinks.channel.shape[2])

    @property
    def power(self) -> ConsumedPower:
        """What the transmitter consumes."""
        return POWER_MODEL.consumed(self.antennas)

    def rates(self, precoder: ComplexArray) -> FloatArray:
        """Rates ``[n, K]`` of precoders ``[n, N, K]``."""
        return downlink_rates(self.downlinks.channel, self.downlinks.noise, precoder)

    def efficiency(self, precoder: ComplexArray) -> FloatArray:
        """bit/s/Hz over W ``[n]``."""
        radiated: FloatArray = (np.abs(precoder) ** 2).sum(axis=(-2, -1))
        found: FloatArray = self.rates(precoder).sum(axis=-1) / self.power.of(radiated)
        return found

    def met(self, precoder: ComplexArray) -> float:
        """Share of all users that get the minimum rate."""
        return float((self.rates(precoder) >= self.minimum_rate).mean())

    def instances(self) -> list[Precoding]:
        """What the numerical algorithm solves."""
        return [
            Precoding.create(
                channel,
                max_power=ANTENNA_POWER * self.antennas,
                objective="ee",
                minimum_rates=self.minimum_rate,
                power_model=POWER_MODEL,
            )
            for channel in self.downlinks.channel
        ]

    def network(self, module: nn.Module) -> ComplexArray:
        """A network's precoders ``[n, N, K]``, within the budget."""
        with torch.inference_mode():
            parts = [module(batch) for batch in torch.split(real_pairs(self.downlinks.channel), BATCH)]
        precoder: ComplexArray = torch.view_as_complex(torch.cat(parts).double().contiguous()).numpy()
        return precoder


def numerical(instance: Precoding) -> ComplexArray:
    """EE-numerical's precoder ``[N, K]``: the best of RZF scaled, balanced SINRs, least power and MRT scaled."""
    solved: ComplexArray = PRECODING.refine([instance], [PRECODING.starts(instance)], STOPPING)[0].allocation
    return solved


@dataclass(frozen=True)
class Reference:
    """What is reached without a network.

    Attributes:
        efficiency: Mean energy efficiency of `NUMERICAL`.
        met: Share of users whose minimum rate it meets.
        power: Mean radiated power of it, W.
        unreachable: Instances whose minimum rates no precoder on the budget meets.
        unreachable_at_unit: The same on a budget of 1 W.
        wmmse_efficiency: Mean energy efficiency of WMMSE with 1 W.
        wmmse_met: Share of users whose minimum rate it meets.
    """

    efficiency: float
    met: float
    power: float
    unreachable: int
    unreachable_at_unit: int
    wmmse_efficiency: float
    wmmse_met: float


def reference(lab: Lab, users: int, antennas: int, minimum_rate: float, count: int) -> Reference:
    """Measured on `Efficiency.tests`; kept for the next visit."""
    settings = {"users": users, "antennas": antennas, "rate": minimum_rate, "count": count, "stop": [100, 1e-8]}

    def measure() -> dict[str, float]:
        lab.report(f"EE-numerical, N = {antennas}, K = {users}, {minimum_rate:g} bit/s/Hz")
        tests = Efficiency.tests(users, antennas, minimum_rate, count)
        instances = tests.instances()
        solved = np.stack([numerical(instance) for instance in instances])
        wmmse = tests.downlinks.wmmse(tests.downlinks.closed_forms()["RZF"])
        level = np.array([instance.balances[0].level for instance in instances])
        small = [
            Precoding.create(i.channel, objective="ee", minimum_rates=minimum_rate, power_model=POWER_MODEL)
            for i in instances
        ]
        return {
            "efficiency": float(tests.efficiency(solved).mean()),
            # Its rates are exact up to single precision.
            "met": float((tests.rates(solved) >= minimum_rate * (1 - 1e-6)).mean()),
            "power": float((np.abs(solved) ** 2).sum(axis=(1, 2)).mean()),
            "unreachable": int((level < 1.0).sum()),
            "unreachable_at_unit": sum(i.out_of_reach for i in small),
            "wmmse_efficiency": float(tests.efficiency(wmmse).mean()),
            "wmmse_met": tests.met(wmmse),
        }

    return Reference(**lab.remembered(f"efficiency-{antennas}-{users}-{minimum_rate:g}", settings, measure))
