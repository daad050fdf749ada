"""How an instance is to be answered, and the messages that say so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol, TypeAlias, TypedDict

from airgraph.v1 import allocator_pb2
from airgraph_client.answers import Answer, read_answer
from airgraph_client.errors import AirGraphError, InvalidInstance, ServerError, from_status

PolicyName: TypeAlias = Literal["auto", "learned", "classical"]

POLICIES: dict[str, allocator_pb2.Policy.ValueType] = {
    "auto": allocator_pb2.POLICY_AUTO,
    "learned": allocator_pb2.POLICY_LEARNED,
    "classical": allocator_pb2.POLICY_CLASSICAL,
}


class Problem(Protocol):
    """What can make itself the problem of a request; every `airgraph_client.instances.Instance` can."""

    def put_into(self, request: allocator_pb2.AllocateRequest) -> None:
        """Fills in the problem."""


class Options(TypedDict, total=False):
    """Options every allocating method takes by keyword.

    Attributes:
        policy: ``"auto"`` (default): the model, never worse than the closed form, polished while time allows.
            ``"learned"``: the model alone. ``"classical"``: WMMSE or the problem's own algorithm.
        model: Model that may answer, ``"name"`` or ``"name:version"``; None = the server's choice.
        timeout: Seconds until the answer must be here; None = the client's timeout. The server plans by it.
        max_polish_iterations: Most iterations of the polisher under ``"auto"``; None = the server's default.
        classical_iterations: Iterations of the algorithm under ``"classical"``; None = the server's 100.
        shadow: Answer classically, run the model too, and report both.
        priority: Among what is queued, higher goes first; 0 is normal.
        request_id: Id for logs and traces; None = the server chooses one. In a batch, instance i gets
            ``"id/i"``.
    """

    policy: PolicyName
    model: str | None
    timeout: float | None
    max_polish_iterations: int | None
    classical_iterations: int | None
    shadow: bool
    priority: int
    request_id: str | None


def allocate_request(instance: Problem, options: Options) -> allocator_pb2.AllocateRequest:
    """The message for one instance.

    Raises:
        InvalidInstance: An option or a field of the instance cannot be sent.
    """
    policy = options.get("policy", "auto")
    if policy not in POLICIES:
        raise InvalidInstance("policy", " or ".join(POLICIES), repr(policy))
    request = allocator_pb2.AllocateRequest(
        request_id=options.get("request_id") or "",
        policy=POLICIES[policy],
        shadow=options.get("shadow", False),
        priority=options.get("priority", 0),
        max_polish_iterations=_count("max_polish_iterations", options.get("max_polish_iterations")),
        classical_iterations=_count("classical_iterations", options.get("classical_iterations")),
    )
    model = options.get("model")
    if model:
        name, _, version = model.partition(":")
        request.model.CopyFrom(allocator_pb2.ModelPin(name=name, version=version))
    instance.put_into(request)
    return request


def batch_request(instances: Iterable[Problem], options: Options) -> allocator_pb2.AllocateBatchRequest:
    """The message for many instances, all with the same options.

    Raises:
        InvalidInstance: An option or a field of an instance cannot be sent.
    """
    request = allocator_pb2.AllocateBatchRequest()
    identity = options.get("request_id")
    for index, instance in enumerate(instances):
        one = allocate_request(instance, options)
        if identity:
            one.request_id = f"{identity}/{index}"
        request.requests.append(one)
    return request


def read_batch(
    response: allocator_pb2.AllocateBatchResponse, expected: int, raise_on_error: bool
) -> list[Answer | AirGraphError]:
    """Answers and errors in the order of the instances.

    Raises:
        AirGraphError: The first error, if ``raise_on_error``.
        ServerError: The reply does not have one result an instance.
    """
    if len(response.results) != expected:
        raise ServerError(f"the server sent {len(response.results)} results for {expected} instances")
    outcomes = [read_result(result) for result in response.results]
    if raise_on_error:
        for outcome in outcomes:
            if isinstance(outcome, AirGraphError):
                raise outcome
    return outcomes


def read_result(result: allocator_pb2.AllocateResult) -> Answer | AirGraphError:
    """The answer, or the error that a call of its own would have ended with."""
    return from_status(result.error) if result.HasField("error") else read_answer(result.response)


def _count(field: str, value: int | None) -> int | None:
    if value is not None and not 0 <= value < 2**32:
        raise InvalidInstance(field, "a number of iterations, at least 0", str(value))
    return value
