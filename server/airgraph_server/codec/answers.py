"""Decisions to answer messages."""

from __future__ import annotations

from typing import Any

from airgraph.v1 import allocator_pb2, problems_pb2, provenance_pb2
from airgraph_models.problems import BEAMFORMING, CELL_FREE, HYBRID_PRECODING, POWER_CONTROL, PRECODING
from airgraph_models.problems.hybrid import split_halves
from airgraph_server.codec.tensors import encode_tensor
from airgraph_server.decision.types import Decision, Fallback, Shadow


def encode_decision(request_id: str, family: str, instance: Any, decision: Decision) -> allocator_pb2.AllocateResponse:
    """The answer of one instance with its provenance."""
    answer: dict[str, Any]
    if family == HYBRID_PRECODING.name:
        f_rf, f_bb = (encode_tensor(half) for half in split_halves(instance, decision.allocation))
        answer = {"hybrid_precoding": problems_pb2.HybridPrecodingAnswer(f_rf=f_rf, f_bb=f_bb)}
    elif family == POWER_CONTROL.name:
        answer = {"power_control": problems_pb2.PowerControlAnswer(power=encode_tensor(decision.allocation))}
    elif family == BEAMFORMING.name:
        answer = {"beamforming": problems_pb2.BeamformingAnswer(beamformer=encode_tensor(decision.allocation))}
    elif family == PRECODING.name:
        answer = {"precoding": problems_pb2.PrecodingAnswer(precoder=encode_tensor(decision.allocation))}
    elif family == CELL_FREE.name:
        answer = {"cell_free": problems_pb2.CellFreeAnswer(power=encode_tensor(decision.allocation))}
    else:
        raise ValueError(f"no answer message for family {family!r}")
    return allocator_pb2.AllocateResponse(request_id=request_id, provenance=_provenance(decision), **answer)


def _reason(fallback: Fallback | None) -> provenance_pb2.FallbackReason.ValueType:
    if fallback is None:
        return provenance_pb2.FALLBACK_REASON_UNSPECIFIED
    return provenance_pb2.FallbackReason.Value(f"FALLBACK_REASON_{fallback.reason.value}")


def _detail(decision: Decision) -> str:
    """The remark, a named status, goes first: it concerns the answer, the rest who gave it."""
    parts = (decision.remark, decision.fallback.detail if decision.fallback else "")
    return "; ".join(part for part in parts if part)


def _provenance(decision: Decision) -> provenance_pb2.Provenance:
    timings = decision.timings
    return provenance_pb2.Provenance(
        solver=decision.solver,
        model_name=decision.model.name if decision.model else "",
        model_version=decision.model.version if decision.model else "",
        fallback_reason=_reason(decision.fallback),
        fallback_detail=_detail(decision),
        objective=decision.objective,
        baseline_objective=decision.baseline_objective,
        rates=encode_tensor(decision.rates) if decision.rates.size else None,
        constraint_margin=decision.margin,
        polish_iterations=decision.polish_iterations,
        batch_size=decision.batch_size,
        timings=provenance_pb2.Timings(
            decode_seconds=timings.decode,
            queue_seconds=timings.queue,
            inference_seconds=timings.inference,
            decision_seconds=timings.decision,
            polish_seconds=timings.polish,
            total_seconds=timings.total,
        ),
        shadow=_shadow(decision.shadow) if decision.shadow else None,
    )


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
