"""From one request to the task that it asks for."""

from __future__ import annotations

from collections.abc import Callable

from airgraph.v1 import allocator_pb2
from airgraph_server.codec.problems import decode_problem
from airgraph_server.decision.types import Policy, Task
from airgraph_server.errors import InvalidInstanceError
from airgraph_server.registry.registry import Registry
from airgraph_server.settings import Settings
from airgraph_server.tracing.facts import LONGEST_ID

POLICIES = {
    allocator_pb2.POLICY_UNSPECIFIED: Policy.AUTO,
    allocator_pb2.POLICY_AUTO: Policy.AUTO,
    allocator_pb2.POLICY_LEARNED: Policy.LEARNED,
    allocator_pb2.POLICY_CLASSICAL: Policy.CLASSICAL,
}
CLASSICAL_ITERATIONS = 100
"""What the papers call WMMSE: 100 iterations."""


class Reader:
    """Reads requests one by one, with the limits of one server and its models."""

    def __init__(self, settings: Settings, registry: Registry) -> None:
        """Keeps both."""
        self._settings, self._registry = settings, registry

    def read(
        self,
        request: allocator_pb2.AllocateRequest,
        deadline: float | None,
        abandoned: Callable[[], bool],
        trace_id: str,
    ) -> Task | Exception:
        """The task, or what is wrong with the request: that is told to its caller alone."""
        try:
            policy = POLICIES.get(request.policy)
            if policy is None:
                raise InvalidInstanceError("policy", "a policy of this version", str(request.policy))
            family, instance = decode_problem(request, self._settings)
            iterations = CLASSICAL_ITERATIONS
            if request.HasField("classical_iterations"):
                iterations = request.classical_iterations
                most = self._settings.max_classical_iterations
                if iterations > most:
                    raise InvalidInstanceError("classical_iterations", f"at most {most}", str(iterations))
            asked = (request.model.name, request.model.version) if request.HasField("model") else None
            model, detail = self._registry.find(family.name, asked)
        except Exception as error:
            return error
        ids = {"request_id": request.request_id[:LONGEST_ID]}
        return Task(
            family=family,
            instance=instance,
            policy=policy,
            model=model,
            model_detail=detail,
            shadow=request.shadow,
            deadline=deadline,
            max_polish_iterations=(
                request.max_polish_iterations if request.HasField("max_polish_iterations") else None
            ),
            classical_iterations=iterations,
            abandoned=abandoned,
            log_fields={**ids, "trace_id": trace_id} if trace_id else ids,
        )
