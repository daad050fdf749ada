"""What goes into a decision and what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from airgraph_models.problems import ProblemFamily
from airgraph_models.problems.layouts import JoinedGraphs
from airgraph_models.problems.validation import FloatArray


class Policy(StrEnum):
    """Who may answer."""

    AUTO = "auto"
    LEARNED = "learned"
    CLASSICAL = "classical"


class Reason(StrEnum):
    """Why an answer is not the network's own."""

    MODEL_UNAVAILABLE = "MODEL_UNAVAILABLE"
    OUT_OF_DOMAIN = "OUT_OF_DOMAIN"
    NON_FINITE = "NON_FINITE"
    RUNTIME_ERROR = "RUNTIME_ERROR"
    DEADLINE = "DEADLINE"
    BEATEN_BY_BASELINE = "BEATEN_BY_BASELINE"
    REQUESTED = "REQUESTED"


@dataclass(frozen=True)
class Fallback:
    """A named reason, with what a person needs to act on it."""

    reason: Reason
    detail: str = ""


class ServingModel(Protocol):
    """A loaded network with its card, as far as a decision needs it."""

    name: str
    version: str
    layout: str

    def refusal(self, family: ProblemFamily[Any], instance: Any) -> str | None:
        """Why the network cannot take the instance at all (its antennas, say); None if it can."""

    def out_of_domain(self, statistics: dict[str, float], nodes: int) -> str | None:
        """Which statistic lies outside the training domain; None if all lie inside."""

    def join(self, graphs: Sequence[Any]) -> JoinedGraphs:
        """The disjoint union of graphs of one kind, laid out for the network."""

    def inputs(self, joined: JoinedGraphs) -> dict[str, npt.NDArray[Any]]:
        """What the network reads of a union: padded where its device is faster on a few shapes."""

    def predicted_seconds(self, links: int) -> float:
        """Expected time of one run."""

    def skipped(self) -> None:
        """A run was left out because the prediction said that it would end too late."""

    def run(self, inputs: dict[str, npt.NDArray[Any]], links: int) -> npt.NDArray[np.float32]:
        """Runs the network on a joined batch of ``links`` links."""


@dataclass(slots=True)
class Task:
    """One instance to decide; not changed once made.

    Attributes:
        family: Its problem family.
        instance: The checked instance.
        policy: Who may answer.
        model: The network to use, None if there is none.
        model_detail: Why there is none.
        shadow: Answer classically, run the network beside and report both.
        deadline: On the clock of `time.perf_counter`; None for no deadline.
        max_polish_iterations: Limit for this request; None for the server's.
        classical_iterations: Iterations of a classical answer.
        abandoned: Asked before compute: has the caller gone away?
        log_fields: What a log line about the task names: the ids of its request and its trace.
    """

    family: ProblemFamily[Any]
    instance: Any
    policy: Policy = Policy.AUTO
    model: ServingModel | None = None
    model_detail: str = "no model is loaded for this problem"
    shadow: bool = False
    deadline: float | None = None
    max_polish_iterations: int | None = None
    classical_iterations: int = 100
    abandoned: Callable[[], bool] = lambda: False
    log_fields: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Timings:
    """Seconds by stage.

    Attributes:
        meeting: Waited for others, to be decided as one.
        began, polish_began, ended: When the decision did, on the clock of `time.perf_counter`.
    """

    decode: float = 0.0
    queue: float = 0.0
    inference: float = 0.0
    decision: float = 0.0
    polish: float = 0.0
    encode: float = 0.0
    total: float = 0.0
    meeting: float = 0.0
    began: float = 0.0
    polish_began: float = 0.0
    ended: float = 0.0


@dataclass(frozen=True)
class Shadow:
    """What the network alone would have answered."""

    model: ServingModel | None
    objective: float
    margin: float
    inference_seconds: float
    fallback: Fallback | None


@dataclass
class Decision:
    """An answer with its provenance.

    Attributes:
        allocation: In the caller's precision, within every limit.
        solver: What produced it: a network's name, ``wmmse``, both joined by ``+``, or the closed form.
        model: The network that took part.
        fallback: Why the answer is not the network's own; None if it is.
        objective: Of the answer as sent.
        baseline_objective: Of the closed form as it would have been sent.
        rates: ``[K]`` of the answer as sent.
        margin: Smallest unused share of any limit, not negative.
        remark: What the caller must know of the answer whoever produced it, such as minimum rates that are missed.
        polish_iterations: Classical iterations spent on the answer.
        batch_size: Instances in the same network run.
    """

    allocation: npt.NDArray[Any]
    solver: str
    model: ServingModel | None
    fallback: Fallback | None
    objective: float
    baseline_objective: float
    rates: FloatArray
    margin: float
    remark: str = ""
    polish_iterations: int = 0
    batch_size: int = 1
    timings: Timings = field(default_factory=Timings)
    shadow: Shadow | None = None
