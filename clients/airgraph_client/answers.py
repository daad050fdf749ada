"""Answers: the allocation, where it comes from and how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from airgraph.v1 import allocator_pb2, provenance_pb2, tensor_pb2
from airgraph_client.errors import ServerError
from airgraph_client.tensors import read_tensor

Array = npt.NDArray[Any]

# Of each kind of answer this client reads: the field of its message that holds the allocation.
ALLOCATIONS = {
    "power_control": "power",
    "beamforming": "beamformer",
    "precoding": "precoder",
    "cell_free": "power",
    "hybrid_precoding": "f_rf",
}


@dataclass(frozen=True)
class Timings:
    """Where the server's time went, in seconds. Stages shared by a batch count in full for each instance.

    Attributes:
        decode: Reading and checking the request.
        queue: Waiting for a batch.
        inference: Building features and running the model; 0 where no model ran.
        decision: Projection, re-check, guard and classical fallback.
        polish: Polishing.
        total: From the request's arrival in the handler to the answer.
    """

    decode: float
    queue: float
    inference: float
    decision: float
    polish: float
    total: float


@dataclass(frozen=True)
class Shadow:
    """What the model would have answered where the answer is classical.

    Attributes:
        model: Model that ran, ``"name:version"``.
        objective: Objective of its answer after projection onto the constraints.
        constraint_margin: Smallest constraint margin of that answer.
        inference: Seconds the model took.
        fallback_reason: Why that answer would not have been used, such as ``"OUT_OF_DOMAIN"``; None where it
            would.
        fallback_detail: The reason in words.
    """

    model: str
    objective: float
    constraint_margin: float
    inference: float
    fallback_reason: str | None
    fallback_detail: str


@dataclass(frozen=True, eq=False)
class Answer:
    """One allocation with its provenance.

    Attributes:
        request_id: Id of the request, the caller's or one chosen by the server.
        problem: ``"power_control"``, ``"beamforming"``, ``"precoding"``, ``"cell_free"`` or
            ``"hybrid_precoding"``.
        allocation: What was asked for, read-only; by name: `power`, `beamformer`, `precoder`.
        rates: ``[K]`` rate of each receiver, float64, bit/s/Hz, read-only.
        objective: Weighted sum rate in bit/s/Hz, for energy efficiency over the consumed power, the smallest rate if
            cell-free, the alignment with what is approached (1 = reached) if hybrid; recomputed by the server in
            float64 on what it answers.
        baseline_objective: The same of the closed-form baseline (full power and the like).
        solver: What produced the allocation, such as ``"learned"``, ``"wmmse"`` or ``"full_power"``.
        model: Model behind it, ``"name:version"``; None for a classical answer.
        fallback_reason: Why the allocation is not the model's, such as ``"BEATEN_BY_BASELINE"``; None where
            it is.
        fallback_detail: The reason in words; begins with a named status where minimum rates are missed.
        constraint_margin: Smallest distance to a limit relative to that limit; 0 = a limit met with equality.
        polish_iterations: Iterations of the polisher, or of the classical algorithm that answered.
        batch_size: Instances that ran together.
        timings: Where the time went.
        shadow: What the model would have answered; None unless asked for.
        digital: The digital half of a hybrid precoder, by name `f_bb`; None for every other problem.
    """

    request_id: str
    problem: str
    allocation: Array
    rates: npt.NDArray[np.float64]
    objective: float
    baseline_objective: float
    solver: str
    model: str | None
    fallback_reason: str | None
    fallback_detail: str
    constraint_margin: float
    polish_iterations: int
    batch_size: int
    timings: Timings
    shadow: Shadow | None
    digital: Array | None = None

    @property
    def power(self) -> Array:
        """Transmit power of each transmitter, ``[K]``, in the unit of ``max_power``; of full power if cell-free.

        Raises:
            AttributeError: The answer is not one to a power-control problem, cell-free or not.
        """
        return self._allocation_of("cell_free" if self.problem == "cell_free" else "power_control")

    @property
    def beamformer(self) -> Array:
        """Beamformer of each receiver at its serving transmitter, ``[K, N]``, in the root of the power unit.

        Raises:
            AttributeError: The answer is not one to a beamforming problem.
        """
        return self._allocation_of("beamforming")

    @property
    def precoder(self) -> Array:
        """Precoder, one column a user, ``[N, K]`` or ``[B, N, K]``, in the root of the power unit.

        Raises:
            AttributeError: The answer is not one to a precoding problem.
        """
        return self._allocation_of("precoding")

    @property
    def f_rf(self) -> Array:
        """Analogue half of a hybrid precoder, ``[Nt, R]``, entries of modulus 1 or 0.

        Raises:
            AttributeError: The answer is not one to a hybrid-precoding problem.
        """
        return self._allocation_of("hybrid_precoding")

    @property
    def f_bb(self) -> Array:
        """Digital half of a hybrid precoder, ``[R, Ns]``.

        Raises:
            AttributeError: The answer is not one to a hybrid-precoding problem.
        """
        if self.digital is None:
            raise AttributeError(f"an answer to {self.problem} has no f_bb")
        return self.digital

    def _allocation_of(self, problem: str) -> Array:
        if self.problem != problem:
            raise AttributeError(f"an answer to {self.problem} has no {ALLOCATIONS[problem]}")
        return self.allocation


def read_answer(response: allocator_pb2.AllocateResponse) -> Answer:
    """Reads a reply; arrays are views of the message's bytes.

    Raises:
        ServerError: The reply holds no allocation this client knows, or one that cannot be read.
    """
    problem = response.WhichOneof("answer")
    if problem not in ALLOCATIONS:
        raise ServerError(f"the server sent no allocation this client can read: {problem or 'none'}")
    source = response.provenance
    try:
        allocation = read_tensor(getattr(getattr(response, problem), ALLOCATIONS[problem]))
        digital = read_tensor(response.hybrid_precoding.f_bb) if problem == "hybrid_precoding" else None
        rates = _rates(source.rates) if source.HasField("rates") else np.empty(0)
    except ValueError as error:
        raise ServerError(f"the server sent an answer that cannot be read: {error}") from error
    return Answer(
        request_id=response.request_id,
        problem=problem,
        allocation=allocation,
        rates=rates,
        objective=source.objective,
        baseline_objective=source.baseline_objective,
        solver=source.solver,
        model=_model(source.model_name, source.model_version) or None,
        fallback_reason=reason_of(source.fallback_reason),
        fallback_detail=source.fallback_detail,
        constraint_margin=source.constraint_margin,
        polish_iterations=source.polish_iterations,
        batch_size=source.batch_size,
        timings=_timings(source.timings),
        shadow=_shadow(source.shadow) if source.HasField("shadow") else None,
        digital=digital,
    )


def _rates(tensor: tensor_pb2.Tensor) -> npt.NDArray[np.float64]:
    return read_tensor(tensor).astype(np.float64, copy=False)


def _model(name: str, version: str) -> str:
    return f"{name}:{version}" if version else name


def reason_of(reason: provenance_pb2.FallbackReason.ValueType) -> str | None:
    """Name of a fallback reason without its prefix; None where there was no fallback."""
    if reason == provenance_pb2.FALLBACK_REASON_UNSPECIFIED:
        return None
    if reason in provenance_pb2.FallbackReason.values():
        return provenance_pb2.FallbackReason.Name(reason).removeprefix("FALLBACK_REASON_")
    # A newer server may know reasons this client does not.
    return f"REASON_{int(reason)}"


def _timings(timings: provenance_pb2.Timings) -> Timings:
    return Timings(
        decode=timings.decode_seconds,
        queue=timings.queue_seconds,
        inference=timings.inference_seconds,
        decision=timings.decision_seconds,
        polish=timings.polish_seconds,
        total=timings.total_seconds,
    )


def _shadow(report: provenance_pb2.ShadowReport) -> Shadow:
    return Shadow(
        model=_model(report.model_name, report.model_version),
        objective=report.objective,
        constraint_margin=report.constraint_margin,
        inference=report.inference_seconds,
        fallback_reason=reason_of(report.fallback_reason),
        fallback_detail=report.fallback_detail,
    )
