"""One loaded model: verified, self-tested and warm before it answers anyone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from airgraph_models.problems import FAMILIES, ProblemFamily
from airgraph_models.problems.layouts import LAYOUTS, JoinedGraphs
from airgraph_models.zoo.card import ANY_NUMBER, Card, CardError, read_card
from airgraph_server.decision.cost import RunCost
from airgraph_server.errors import InvalidInstanceError
from airgraph_server.log import logger
from airgraph_server.registry.examples import golden_instance, plain_instance
from airgraph_server.runtime.base import Runtime
from airgraph_server.runtime.degrading import DegradingRuntime
from airgraph_server.runtime.loading import MODEL_FILES, load_runtime
from airgraph_server.settings import Settings

WARM_UP_SIZES = (4, 64)
WARM_UP_RUNS = 5


class SelfTestError(RuntimeError):
    """The loaded network does not reproduce its golden instance."""


class LoadedModel:
    """A network that may answer."""

    def __init__(self, card: Card, runtime: Runtime) -> None:
        """Use `load_model`, which verifies first."""
        self.card = card
        self.name = card.name
        self.version = card.version
        self.runtime = runtime.name
        self.layout = card.layout
        self.shapes = runtime.shapes
        self.output_name = runtime.output_name
        self.example = _example(card)
        self._runtime = runtime
        self._cost = RunCost()

    @property
    def device(self) -> str:
        """Where the network runs now."""
        return self._runtime.device

    def refusal(self, family: ProblemFamily[Any], instance: Any) -> str | None:
        """Why the network cannot take the instance at all; None if it can."""
        antennas = family.antennas(instance)
        if self.card.antennas not in (antennas, ANY_NUMBER):
            return f"{self.name} was built for {self.card.antennas} antennas, the instance has {antennas}"
        return None

    def out_of_domain(self, statistics: dict[str, float], nodes: int) -> str | None:
        """Which statistic lies outside the training domain; None if all lie inside."""
        observed = {**statistics, "nodes": float(nodes)}
        for name, (low, high) in self.card.domain.items():
            value = observed[name]
            if not low <= value <= high:
                return f"{name} is {value:.4g}, {self.name} was trained for {low:.4g} to {high:.4g}"
        return None

    def join(self, graphs: Sequence[Any]) -> JoinedGraphs:
        """The disjoint union of graphs, laid out for the network."""
        return LAYOUTS[self.layout](graphs)

    def inputs(self, joined: JoinedGraphs) -> dict[str, npt.NDArray[Any]]:
        """What the network reads of a union: padded where its device is faster on a few shapes."""
        return joined.padded() if self._runtime.few_shapes else joined.inputs()

    def when_device_lost(self, tell: Callable[[str], None]) -> None:
        """Has the reason told once the CPU has taken over from a lost GPU."""
        if isinstance(self._runtime, DegradingRuntime):
            self._runtime.on_lost = tell

    def predicted_seconds(self, links: int) -> float:
        """Expected time of one run."""
        return self._cost.predict(links)

    def skipped(self) -> None:
        """A run was left out for its predicted time."""
        self._cost.skipped()

    def run(self, inputs: dict[str, npt.NDArray[Any]], links: int) -> npt.NDArray[np.float32]:
        """Runs the network on a joined batch of ``links`` links."""
        began = perf_counter()
        output = self._runtime.run(inputs)
        self._cost.observe(links, perf_counter() - began)
        return output

    def run_raw(self, inputs: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.float32]:
        """Runs the network on inputs that a caller laid out.

        Raises:
            InvalidInstanceError: The network cannot take them together.
        """
        try:
            return self._runtime.run(inputs)
        except Exception as error:
            logger().warning("raw_run_failed", model=self.name, error=repr(error))
            shapes = ", ".join(f"{name} {list(value.shape)}" for name, value in inputs.items())
            raise InvalidInstanceError("inputs", f"inputs that fit together in layout {self.layout}", shapes) from error

    def self_test(self) -> None:
        """Runs the golden instance.

        Raises:
            SelfTestError: The answer differs from the card's by more than its tolerance.
        """
        golden = self.card.golden
        instance = golden_instance(self.card)
        view = FAMILIES[self.card.problem].view(instance, self.layout)
        outside = set(self.card.domain) - set(view.statistics) - {"nodes"}
        if outside:
            raise SelfTestError(f"domain names statistics that do not exist: {', '.join(sorted(outside))}")
        joined = self.join([view.graph])
        output = self._runtime.run(self.inputs(joined))[: sum(joined.sizes)]
        expected = np.asarray(golden["output"], np.float64)
        if output.shape != expected.shape:
            raise SelfTestError(f"golden output has shape {output.shape}, the card says {expected.shape}")
        error = float(np.abs(output - expected).max())
        if not error <= golden["tolerance"]:
            raise SelfTestError(f"golden output is off by {error:.3g}, the card allows {golden['tolerance']:.3g}")

    def warm_up(self) -> None:
        """Runs small and large instances, so that the first caller waits for nothing, and times them."""
        measured: list[tuple[int, float]] = []
        family = FAMILIES[self.card.problem]
        for nodes in WARM_UP_SIZES:
            graph = family.view(plain_instance(self.card, nodes), self.layout).graph
            inputs = self.inputs(self.join([graph]))
            seconds = []
            for _ in range(WARM_UP_RUNS):
                began = perf_counter()
                self._runtime.run(inputs)
                seconds.append(perf_counter() - began)
            measured.append((graph.links, min(seconds)))
        self._cost.calibrate(measured[0], measured[1])


def _example(card: Card) -> dict[str, npt.NDArray[Any]]:
    """Inputs of a small instance: their names, types and numbers of axes are those of every instance."""
    return dict(LAYOUTS[card.layout]([FAMILIES[card.problem].view(golden_instance(card), card.layout).graph]).inputs())


def load_model(directory: Path, settings: Settings) -> LoadedModel:
    """Verifies, loads, self-tests and warms one model.

    Raises:
        CardError: The card is malformed, or a file is missing or not the one the card was made for.
        SelfTestError: The network does not reproduce its golden instance.
    """
    card = read_card(directory)
    if card.problem not in FAMILIES:
        raise CardError(f"card.json: problem {card.problem!r} is not one of {', '.join(FAMILIES)}")
    if card.layout not in FAMILIES[card.problem].layouts:
        known = ", ".join(FAMILIES[card.problem].layouts)
        raise CardError(f"card.json: layout {card.layout!r} is not one of {known}, those of {card.problem}")
    card.verify(directory, MODEL_FILES[settings.runtime])
    model = LoadedModel(card, load_runtime(directory, settings))
    model.self_test()
    model.warm_up()
    return model
