"""What the server says about itself and its models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from grpc_health.v1 import health_pb2

from airgraph.v1 import registry_pb2

ALLOCATOR_SERVICE = "airgraph.v1.Allocator"


@dataclass(frozen=True)
class Model:
    """One version of one model.

    Attributes:
        name: Name.
        version: Version.
        problem: Problem it answers, such as ``"power_control"``.
        state: ``"READY"``, ``"LOADING"``, ``"UNLOADING"``, ``"UNLOADED"`` or ``"FAILED"``.
        state_detail: The state in words; may be empty.
        runtime: What runs it, such as ``"onnxruntime"``.
        device: Where it runs, such as ``"cpu"``.
        is_default: Whether calls that pin no model go to it.
        num_parameters: Number of parameters.
        min_nodes: Smallest number of receivers it takes.
        max_nodes: Largest number of receivers it takes; None = no limit.
    """

    name: str
    version: str
    problem: str
    state: str
    state_detail: str
    runtime: str
    device: str
    is_default: bool
    num_parameters: int
    min_nodes: int
    max_nodes: int | None


@dataclass(frozen=True)
class ModelDescription:
    """A model and its card.

    Attributes:
        model: The model.
        card: The card as JSON holds it: training domain, measured quality, features, source.
    """

    model: Model
    card: dict[str, Any]


@dataclass(frozen=True)
class ServerStatus:
    """Whether the server takes calls.

    Attributes:
        serving: Whether it does.
        health: Its health in the words of ``grpc.health.v1``, such as ``"SERVING"``.
        models: Its models; empty where it does not serve or does not let this caller list them.
    """

    serving: bool
    health: str
    models: tuple[Model, ...]


def read_model(message: registry_pb2.Model) -> Model:
    """Reads one model."""
    return Model(
        name=message.name,
        version=message.version,
        problem=message.problem,
        state=registry_pb2.ModelState.Name(message.state).removeprefix("MODEL_STATE_"),
        state_detail=message.state_detail,
        runtime=message.runtime,
        device=message.device,
        is_default=message.is_default,
        num_parameters=message.num_parameters,
        min_nodes=message.min_nodes,
        max_nodes=message.max_nodes or None,
    )


def read_description(response: registry_pb2.DescribeModelResponse) -> ModelDescription:
    """Reads a model's card."""
    return ModelDescription(read_model(response.model), json_format.MessageToDict(response.card))


def read_status(response: health_pb2.HealthCheckResponse, models: tuple[Model, ...]) -> ServerStatus:
    """Reads the health of the allocating service."""
    health = health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
    return ServerStatus(health == "SERVING", health, models)
