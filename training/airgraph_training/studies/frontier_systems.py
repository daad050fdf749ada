"""The systems of the power-control frontier: AUTO by its effort, each network alone, and the classical ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import airgraph_models
from airgraph_models.classical.random_power import random_power, sparse_power
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import POWER_CONTROL, PowerControl
from airgraph_training.evaluation import Exported
from airgraph_training.studies.lab import FloatArray

ZOO = Path(airgraph_models.__file__).parent / "zoo" / "power_control"
AUTO_NETWORK = "aligned"
ITERATIONS = (1, 3, 10, 30, 100)
STARTS = (4, 16, 100)
EFFORTS = ((32, 120), (64, 120), (128, 120), (256, 120))
"""(Starts, iterations) of AUTO's polishing; the server's own setting is 32 starts and 120 iterations."""
HASTY = ((16, 4), (16, 6), (32, 6), (32, 10), (32, 16), (64, 16), (64, 32))
"""The same without the network, for deadlines that leave no time for both it and a race."""
HASTIEST = (1, 3, 10)
"""Iterations of plain WMMSE from full power, for deadlines that leave no time for several starts either."""
TOLERANCE = 1e-5

Solve = Callable[[PowerControl], FloatArray]
System = tuple[str, str, Solve]


def _polished(instance: PowerControl, starts: FloatArray, iterations: int) -> FloatArray:
    polished = POWER_CONTROL.polish([instance], [starts], Stopping(iterations, TOLERANCE))[0].allocation
    return POWER_CONTROL.filled(instance, polished)


def network_systems() -> Iterator[System]:
    """Every network of the zoo alone; it does all of its work, features included."""
    for directory in sorted(ZOO.glob("*/1")):
        network = Exported.of_zoo(directory)
        yield f"{directory.parent.name} alone", "", _alone(network)


def _alone(network: Exported) -> Solve:
    def solve(instance: PowerControl) -> FloatArray:
        answer: FloatArray = POWER_CONTROL.project(instance, network.answers([instance])[0])
        return answer

    return solve


def auto_systems() -> Iterator[System]:
    """AUTO by the effort that a deadline allows."""
    network = _alone(Exported.of_zoo(ZOO / AUTO_NETWORK / "1"))

    def hasty(starts: int, iterations: int) -> Solve:
        return lambda instance: _polished(instance, POWER_CONTROL.polish_starts(instance, starts), iterations)

    def learned(starts: int, iterations: int) -> Solve:
        def solve(instance: PowerControl) -> FloatArray:
            first = network(instance)[None]
            others = POWER_CONTROL.polish_starts(instance, starts - 1)
            return _polished(instance, np.concatenate([first, others]), iterations)

        return solve

    for iterations in HASTIEST:
        yield "AUTO", f"no network, WMMSE, {iterations} iterations", _wmmse(iterations)
    for starts, iterations in HASTY:
        yield "AUTO", f"no network, {starts} starts, {iterations} iterations", hasty(starts, iterations)
    for starts, iterations in EFFORTS:
        yield "AUTO", f"{starts} starts, {iterations} iterations", learned(starts, iterations)


def _refined(instance: PowerControl, starts: FloatArray, iterations: int) -> FloatArray:
    power: FloatArray = POWER_CONTROL.refine([instance], [starts], Stopping(iterations))[0].allocation
    return power


def _wmmse(iterations: int) -> Solve:
    return lambda instance: _refined(instance, POWER_CONTROL.starts(instance), iterations)


def classical_systems(seed: int) -> Iterator[System]:
    """WMMSE, from full power and from many starts."""

    def many(draw: Callable[..., FloatArray], starts: int, iterations: int) -> Solve:
        rng = np.random.default_rng(seed)
        return lambda instance: _refined(instance, draw(instance.max_power[None], starts, rng), iterations)

    for iterations in ITERATIONS:
        yield "WMMSE, full power", f"{iterations} iterations", _wmmse(iterations)
    for name, draw in (("WMMSE, uniform starts", random_power), ("WMMSE, sparse starts", sparse_power)):
        for starts in STARTS:
            for iterations in ITERATIONS[2:]:
                yield name, f"{starts} starts x {iterations}", many(draw, starts, iterations)
