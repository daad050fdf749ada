"""The control loop: measure, ask, apply; hold the last answer where none comes in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from airgraph_client.ran.boundary import Controller, E2Node
from airgraph_client.ran.cells import NOBODY, CellNetwork


@dataclass(frozen=True)
class Period:
    """What one control period brought.

    Attributes:
        number: Which period.
        hit: Whether the answer came within the period.
        seconds: Time the controller took.
        cell_rates: Rate of each cell's user over the true channels at the end of the period, bit/s/Hz; 0 without one.
        links: Cells that had a user.
        handovers: Users that changed their cell.
    """

    number: int
    hit: bool
    seconds: float
    cell_rates: tuple[float, ...]
    links: int
    handovers: int

    @property
    def throughput(self) -> float:
        """Sum over the cells, bit/s/Hz."""
        return sum(self.cell_rates)


def control(node: E2Node, controller: Controller, seconds: float) -> tuple[bool, float]:
    """One control instant: measures, asks and applies.

    A late or missing answer is not applied: the network keeps the powers it has, which are the last safe ones.

    Returns:
        Whether an answer was applied, or none was needed as nobody is served, and the seconds it took.
    """
    measurement = node.measure()
    if not len(measurement.users):
        return True, 0.0
    began = time.perf_counter()
    power = controller.decide(measurement, seconds)
    took = time.perf_counter() - began
    hit = power is not None and took <= seconds
    if power is not None and hit:
        node.apply(measurement.users, power)
    return hit, took


def run_loop(
    network: CellNetwork,
    controller: Controller,
    periods: int,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Period]:
    """Runs the loop on the simulated network, at its pace.

    Args:
        network: The network.
        controller: Chooses the powers.
        periods: How many.
        sleep: Waits for the rest of a period; a test passes one that does not.
    """
    length = network.settings.period
    next_instant = time.perf_counter()
    for number in range(periods):
        network.advance()
        hit, took = control(network, controller, length)
        links = int((network.served != NOBODY).sum())
        yield Period(number, hit, took, tuple(network.rates().tolist()), links, network.handovers)
        next_instant = max(next_instant + length, time.perf_counter())
        sleep(max(next_instant - time.perf_counter(), 0))
