"""What the precoding studies compare: RZF, R-WMMSE by iterations and starts, the shipped network alone, and AUTO."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np

import airgraph_models
from airgraph_models.classical.downlink import ComplexArray, FloatArray
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import PRECODING, Precoding
from airgraph_models.problems.layouts import LAYOUTS
from airgraph_models.problems.precoding_gram import gram_view, precoder_of_shares
from airgraph_models.problems.precoding_starts import spectral_starts
from airgraph_training.evaluation import Exported
from airgraph_training.export import run_onnx

NETWORK = Path(airgraph_models.__file__).parent / "zoo" / "precoding" / "gram" / "1"
REFERENCE_STARTS, REFERENCE_ITERATIONS = 4, 500
ITERATIONS = (1, 2, 3, 5, 10, 20, 50, 100, 200)
STARTS = (4, 8)
STARTED_ITERATIONS = (5, 10, 30, 100)
HASTY = ((1, 0), (1, 1), (1, 2), (1, 4), (1, 8), (3, 24), (6, 24), (12, 24), (32, 60))
"""(Starts, steps) of AUTO without the network, where none can take the instance or a deadline leaves it no time."""
EFFORTS = ((1, 0), (1, 4), (1, 24), (3, 24), (6, 24), (12, 24), (17, 60), (32, 60))
"""(Starts, steps) of AUTO behind the network; more than twelve starts go to who asks for more steps than the default.
"""
TOLERANCE = 1e-5

Solve = Callable[[Precoding], ComplexArray]
System = tuple[str, str, Solve]


@cache
def shipped() -> Exported:
    """The network that AUTO serves."""
    return Exported.of_zoo(NETWORK)


def network_alone(instance: Precoding) -> ComplexArray:
    """Its answer on the budget, features included; neither guarded nor polished."""
    answer: ComplexArray = PRECODING.project(instance, shipped().answers([instance])[0])
    return answer


def features_alone(instance: Precoding) -> ComplexArray:
    """The shares that the network is given, without it: what is classical in its answer."""
    return precoder_of_shares(instance, gram_view(instance).share)


def rzf(instance: Precoding) -> ComplexArray:
    """RZF with equal power."""
    return PRECODING.baseline(instance)


def wmmse(instance: Precoding, starts: int, iterations: int) -> ComplexArray:
    """The best of so many starts of R-WMMSE; the first is RZF."""
    given = spectral_starts(instance, starts)
    found: ComplexArray = PRECODING.refine([instance], [given], Stopping(iterations))[0].allocation
    return found


def _polished(instance: Precoding, shares: FloatArray, steps: int) -> ComplexArray:
    """The polisher's precoder, guarded by RZF."""
    found = PRECODING.polish([instance], [shares], Stopping(steps, TOLERANCE))[0]
    closed = rzf(instance)
    return found.allocation if found.objective >= PRECODING.objective(instance, closed) else closed


def auto(starts: int, steps: int) -> Solve:
    """The polisher from the network's shares and ``starts - 1`` classical ones, guarded by RZF."""

    def solve(instance: Precoding) -> ComplexArray:
        view = gram_view(instance)
        (share,) = run_onnx(shipped().session, LAYOUTS[shipped().layout]([view.graph])).T
        others = PRECODING.polish_starts(instance, starts - 1)
        return _polished(instance, np.concatenate([share[None].astype(np.float64), others]), steps)

    return solve


def _hasty(starts: int, steps: int) -> Solve:
    def solve(instance: Precoding) -> ComplexArray:
        if not steps:
            return rzf(instance)
        return _polished(instance, PRECODING.polish_starts(instance, starts), steps)

    return solve


def systems() -> Iterator[System]:
    """Name, setting and solver of everything on the frontier."""
    yield "RZF", "", rzf
    for iterations in ITERATIONS:
        yield "R-WMMSE, from RZF", f"{iterations} iterations", _classical(1, iterations)
    for starts in STARTS:
        for iterations in STARTED_ITERATIONS:
            yield "R-WMMSE, many starts", f"{starts} starts x {iterations}", _classical(starts, iterations)
    yield "network alone", "", network_alone
    for starts, steps in HASTY:
        yield "AUTO", f"no network, {starts} starts, {steps} steps", _hasty(starts, steps)
    for starts, steps in EFFORTS:
        yield "AUTO", f"{starts} starts, {steps} steps", auto(starts, steps)


def _classical(starts: int, iterations: int) -> Solve:
    return lambda instance: wmmse(instance, starts, iterations)
