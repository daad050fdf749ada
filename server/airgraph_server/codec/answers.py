"""Decisions to answer messages."""

from __future__ import annotations

from typing import Any

from airgraph.v1 import allocator_pb2, provenance_pb2, tensor_pb2
from airgraph_models.problems import BEAMFORMING, CELL_FREE, HYBRID_PRECODING, POWER_CONTROL, PRECODING
from airgraph_models.problems.hybrid import split_halves
from airgraph_server.codec.tensors import fill_tensor
from airgraph_server.decision.types import Decision, Fallback, Shadow


def encode_decision(request_id: str, family: str, instance: Any, decision: Decision) -> allocator_pb2.AllocateResponse:
    """The answer of one instance with its provenance."""
    # Filled in place, here and below: a message given to another's constructor is written out and read again.
    response = allocator_pb2.AllocateResponse(request_id=request_id)
    if family == HYBRID_PRECODING.name:
        f_rf, f_bb = split_halves(instance, decision.allocation)
        fill_tensor(response.hybrid_precoding.f_rf, f_rf)
        fill_tensor(response.hybrid_precoding.f_bb, f_bb)
    else:
        fill_tensor(_allocation_of(response, family), decision.allocation)
    _fill_provenance(response.provenance, decision)
    return response


def _allocation_of(response: allocator_pb2.AllocateResponse, family: str) -> tensor_pb2.Tensor:
    if family == POWER_CONTROL.name:
        return response.power_control.power
    if family == BEAMFORMING.name:
        return response.beamforming.beamformer
    if family == PRECODING.name:
        return response.precoding.precoder
    if family == CELL_FREE.name:
        return response.cell_free.power
    raise ValueError(f"no answer message for family {family!r}")


def _reason(fallback: Fallback | None) -> provenance_pb2.FallbackReason.ValueType:
    if fallback is None:
        return provenance_pb2.FALLBACK_REASON_UNSPECIFIED
    return provenance_pb2.FallbackReason.Value(f"FALLBACK_REASON_{fallback.reason.value}")


def _detail(decision: Decision) -> str:
    """The remark, a named status, goes first: it concerns the answer, the rest who gave it."""
    parts = (decision.remark, decision.fallback.detail if decision.fallback else "")
    return "; ".join(part for part in parts if part)


def _fill_provenance(message: provenance_pb2.Provenance, decision: Decision) -> None:
    message.solver = decision.solver
    if decision.model:
        message.model_name, message.model_version = decision.model.name, decision.model.version
    if decision.fallback:
        message.fallback_reason = _reason(decision.fallback)
    message.fallback_detail = _detail(decision)
    message.objective = decision.objective
    message.baseline_objective = decision.baseline_objective
    if decision.rates.size:
        fill_tensor(message.rates, decision.rates)
    message.constraint_margin = decision.margin
    message.polish_iterations = decision.polish_iterations
    message.batch_size = decision.batch_size
    timings, seconds = decision.timings, message.timings
    seconds.decode_seconds = timings.decode
    seconds.queue_seconds = timings.queue
    seconds.inference_seconds = timings.inference
    seconds.decision_seconds = timings.decision
    seconds.polish_seconds = timings.polish
    seconds.total_seconds = timings.total
    if decision.shadow:
        message.shadow.CopyFrom(_shadow(decision.shadow))


def _shadow(shadow: Shadow) -> provenance_pb2.ShadowReport:
    return provenance_pb2.ShadowReport(
        model_name=shadow.model.name if shadow.model else "",
        model_version=shadow.model.version if shadow.model else "",
        objective=shadow.objective,
        constraint_margin=shadow.margin,
        inference_seconds=shadow.inference_seconds,
        fallback_reason=_reason(shadow.fallback),
        fallback_detail=shadow.fallback.detail if shadow.fallback else "",
    )
