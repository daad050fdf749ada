"""What a trace says of an instance. Names are ours, under ``airgraph.``: no convention has them."""

from __future__ import annotations

from airgraph.v1 import allocator_pb2
from airgraph_server.decision.types import Decision, Policy, Task
from airgraph_server.tracing.spans import Facts

LONGEST_ID = 200
"""Characters of a caller's id that are kept."""


def request_facts(request: allocator_pb2.AllocateRequest) -> Facts:
    """What is known before anything was read."""
    return {
        "airgraph.request_id": request.request_id[:LONGEST_ID],
        "airgraph.problem": request.WhichOneof("problem") or "",
    }


def instance_facts(task: Task) -> Facts:
    """Size of the instance, and who was asked."""
    size = task.family.measure(task.instance)
    return {
        "airgraph.nodes": size.nodes,
        "airgraph.links": size.links,
        "airgraph.antennas": task.family.antennas(task.instance),
        "airgraph.policy": "shadow" if task.shadow else task.policy.value,
    }


def union_facts(pairs: int) -> Facts:
    """The same of one instance of a union."""
    return {
        "airgraph.nodes": pairs,
        "airgraph.links": pairs * pairs,
        "airgraph.antennas": 1,
        "airgraph.policy": Policy.LEARNED.value,
    }


def answer_facts(decision: Decision) -> Facts:
    """Who answered."""
    facts: Facts = {
        "airgraph.solver": decision.solver,
        "airgraph.batch_size": decision.batch_size,
        "airgraph.polish_iterations": decision.polish_iterations,
    }
    if decision.model is not None:
        facts["airgraph.model"] = f"{decision.model.name}:{decision.model.version}"
    if decision.fallback is not None:
        facts["airgraph.fallback_reason"] = decision.fallback.reason.value
    return facts
