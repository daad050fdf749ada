"""Problem messages to instances, one function a family."""

from __future__ import annotations

import math
from typing import Any

import numpy.typing as npt

from airgraph.v1 import allocator_pb2, problems_pb2, tensor_pb2
from airgraph_models.problems import (
    BEAMFORMING,
    CELL_FREE,
    HYBRID_PRECODING,
    POWER_CONTROL,
    PRECODING,
    Beamforming,
    CellFree,
    HybridPrecoding,
    Links,
    PowerControl,
    PowerModel,
    Precoding,
    ProblemFamily,
)
from airgraph_models.problems.hybrid_instance import Structure
from airgraph_models.problems.precoding_instance import Objective
from airgraph_server.codec.tensors import decode_given, decode_tensor
from airgraph_server.errors import InvalidInstanceError, TooLargeError
from airgraph_server.settings import Settings

Array = npt.NDArray[Any]

OBJECTIVES: dict[problems_pb2.PrecodingObjective.ValueType, Objective] = {
    problems_pb2.PRECODING_OBJECTIVE_UNSPECIFIED: "se",
    problems_pb2.PRECODING_OBJECTIVE_SPECTRAL_EFFICIENCY: "se",
    problems_pb2.PRECODING_OBJECTIVE_ENERGY_EFFICIENCY: "ee",
}

STRUCTURES: dict[problems_pb2.HybridStructure.ValueType, Structure] = {
    problems_pb2.HYBRID_STRUCTURE_UNSPECIFIED: "partial",
    problems_pb2.HYBRID_STRUCTURE_PARTIALLY_CONNECTED: "partial",
    problems_pb2.HYBRID_STRUCTURE_FULLY_CONNECTED: "full",
}


def decode_problem(
    request: allocator_pb2.AllocateRequest, settings: Settings
) -> tuple[ProblemFamily[Any], PowerControl | Beamforming | Precoding | CellFree | HybridPrecoding]:
    """The family and the checked instance of a request.

    Raises:
        InvalidInstanceError: A field cannot be accepted, or no problem is set.
        TooLargeError: More nodes or links than the settings allow.
    """
    kind = request.WhichOneof("problem")
    if kind is None:
        raise InvalidInstanceError("problem", "one problem", "none")
    if kind == "power_control":
        return POWER_CONTROL, _power_control(request.power_control, settings)
    if kind == "beamforming":
        return BEAMFORMING, _beamforming(request.beamforming, settings)
    if kind == "precoding":
        return PRECODING, _precoding(request.precoding, settings)
    if kind == "cell_free":
        return CELL_FREE, _cell_free(request.cell_free, settings)
    return HYBRID_PRECODING, _hybrid_precoding(request.hybrid_precoding, settings)


def _required(field: str, tensor: tensor_pb2.Tensor, present: bool) -> Array:
    if not present:
        raise InvalidInstanceError(field, "a tensor", "nothing")
    return decode_tensor(field, tensor)


def _check_size(nodes_field: str, nodes: int, links_field: str, links: int, settings: Settings) -> None:
    if nodes > settings.max_nodes:
        raise TooLargeError(nodes_field, settings.max_nodes, nodes)
    if links > settings.max_links:
        raise TooLargeError(links_field, settings.max_links, links)


def _links(message: tensor_pb2.Links, receivers: int, transmitters: int) -> Links:
    return Links.create(
        _required("receiver", message.receiver, message.HasField("receiver")),
        _required("transmitter", message.transmitter, message.HasField("transmitter")),
        receivers,
        transmitters,
    )


def _power_control(message: problems_pb2.PowerControl, settings: Settings) -> PowerControl:
    gain = _required("gain", message.gain, message.HasField("gain"))
    links = None
    if message.HasField("links"):
        if message.num_nodes == 0:
            raise InvalidInstanceError("num_nodes", "at least 1", "0")
        _check_size("num_nodes", message.num_nodes, "gain", gain.size, settings)
        links = _links(message.links, message.num_nodes, message.num_nodes)
    elif gain.ndim == 2:
        _check_size("gain", gain.shape[0], "gain", gain.size, settings)
    given = decode_given(message, ("weights", "noise_power", "max_power"))
    return PowerControl.create(gain, links=links, **given)


def _beamforming(message: problems_pb2.Beamforming, settings: Settings) -> Beamforming:
    channel = _required("channel", message.channel, message.HasField("channel"))
    links = None
    channels = math.prod(channel.shape[:-1]) if channel.ndim else 0
    if message.HasField("links"):
        _check_size(
            "num_receivers", max(message.num_receivers, message.num_transmitters), "channel", channels, settings
        )
        links = _links(message.links, message.num_receivers, message.num_transmitters)
    elif channel.ndim == 3:
        _check_size("channel", max(channel.shape[:2]), "channel", channels, settings)
    if channel.ndim and channel.shape[-1] > settings.max_antennas:
        raise TooLargeError("channel", settings.max_antennas, channel.shape[-1])
    fields = ("weights", "noise_power", "max_power", "serving_transmitter", "max_antenna_power")
    given = decode_given(message, fields)
    instance = Beamforming.create(channel, links=links, **given)
    # Solvers hold every beam that every receiver hears, and a matrix a transmitter.
    if instance.heard_beams > settings.max_links:
        raise TooLargeError("channel", settings.max_links, instance.heard_beams)
    matrices = instance.transmitters * instance.antennas**2
    if matrices > 4 * settings.max_links:
        raise TooLargeError("channel", 4 * settings.max_links, matrices)
    return instance


def _precoding(message: problems_pb2.Precoding, settings: Settings) -> Precoding:
    channel = _required("channel", message.channel, message.HasField("channel"))
    if channel.ndim in (2, 3):
        users, antennas = channel.shape[-2:]
        bands = channel.shape[0] if channel.ndim == 3 else 1
        # Solvers hold a precoder and a matrix of all pairs of users in every sub-band.
        _check_size("channel", users, "channel", bands * users * max(users, antennas), settings)
        if antennas > settings.max_antennas:
            raise TooLargeError("channel", settings.max_antennas, antennas)
    objective = OBJECTIVES.get(message.objective)
    if objective is None:
        raise InvalidInstanceError("objective", "an objective of this version", str(message.objective))
    power_model = None
    if message.HasField("power_model"):
        given = message.power_model
        inefficiency = given.amplifier_inefficiency if given.HasField("amplifier_inefficiency") else 1.0
        power_model = PowerModel(given.circuit_power, given.constant_power, inefficiency)
    fields = ("weights", "noise_power", "max_power", "minimum_rates")
    tensors = decode_given(message, fields)
    return Precoding.create(channel, objective=objective, power_model=power_model, **tensors)


def _cell_free(message: problems_pb2.CellFree, settings: Settings) -> CellFree:
    fading = _required("fading", message.fading, message.HasField("fading"))
    if fading.ndim == 2:
        access_points, users = fading.shape
        _check_size("fading", max(access_points, users), "fading", users * max(access_points, users), settings)
    pilots = decode_given(message, ("pilots",)).get("pilots")
    return CellFree.create(fading, snr=message.snr, pilots=pilots, pilot_length=message.pilot_length)


def _hybrid_precoding(message: problems_pb2.HybridPrecoding, settings: Settings) -> HybridPrecoding:
    f_opt = _required("f_opt", message.f_opt, message.HasField("f_opt"))
    chains = message.num_rf_chains
    if f_opt.ndim == 2:
        antennas, streams = f_opt.shape
        # Solvers hold every start of the phase shifters.
        _check_size("f_opt", antennas, "f_opt", antennas * max(streams, min(chains, antennas)), settings)
    structure = STRUCTURES.get(message.structure)
    if structure is None:
        raise InvalidInstanceError("structure", "a structure of this version", str(message.structure))
    return HybridPrecoding.create(f_opt, chains=chains, structure=structure)
