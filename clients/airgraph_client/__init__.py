"""Client of an AirGraph server: powers and beamformers for a radio network, over gRPC.

>>> from airgraph_client import Client
>>> with Client("localhost:50051") as client:
...     answer = client.control_power(gain, noise_power=0.1, max_power=1.0, timeout=0.01)
>>> answer.power
"""

from airgraph_client.administration import Reloaded
from airgraph_client.answers import Answer, Shadow, Timings
from airgraph_client.async_client import AsyncClient
from airgraph_client.cell_free import CellFree
from airgraph_client.client import Client
from airgraph_client.errors import (
    AirGraphError,
    DeadlineMissed,
    Denied,
    InstanceTooLarge,
    InvalidInstance,
    ModelCannotServe,
    ModelNotFound,
    NotImplementedByServer,
    Overloaded,
    ServerError,
    Unavailable,
)
from airgraph_client.hybrid import HybridPrecoding
from airgraph_client.instances import Beamforming, Instance, Links, PowerControl, PowerModel, Precoding
from airgraph_client.models import Model, ModelDescription, ServerStatus
from airgraph_client.requests import Options
from airgraph_client.security import Security
from airgraph_client.units import db_to_linear, dbm_to_watt, linear_to_db, noise_with_error, watt_to_dbm

__all__ = [
    "AirGraphError",
    "Answer",
    "AsyncClient",
    "Beamforming",
    "CellFree",
    "Client",
    "DeadlineMissed",
    "Denied",
    "HybridPrecoding",
    "Instance",
    "InstanceTooLarge",
    "InvalidInstance",
    "Links",
    "Model",
    "ModelCannotServe",
    "ModelDescription",
    "ModelNotFound",
    "NotImplementedByServer",
    "Options",
    "Overloaded",
    "PowerControl",
    "PowerModel",
    "Precoding",
    "Reloaded",
    "Security",
    "ServerError",
    "ServerStatus",
    "Shadow",
    "Timings",
    "Unavailable",
    "db_to_linear",
    "dbm_to_watt",
    "linear_to_db",
    "noise_with_error",
    "watt_to_dbm",
]
