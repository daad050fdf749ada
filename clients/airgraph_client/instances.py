"""Radio problems as callers hold them: numpy arrays in frozen dataclasses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from airgraph.v1 import allocator_pb2, problems_pb2, tensor_pb2
from airgraph_client.cell_free import CellFree
from airgraph_client.errors import InvalidInstance
from airgraph_client.hybrid import HybridPrecoding
from airgraph_client.tensors import complex_tensor, index_tensor, real_tensor

IndexPair: TypeAlias = tuple[npt.ArrayLike, npt.ArrayLike]


@dataclass(frozen=True, eq=False)
class Links:
    """Which receiver hears which transmitter, where most pairs are out of reach of each other.

    Entry e is the link from transmitter ``transmitter[e]`` to receiver ``receiver[e]``; a pair that is not
    listed has channel zero. Indices start at 0.

    Attributes:
        receiver: ``[E]`` receiver of each link.
        transmitter: ``[E]`` transmitter of each link.
        num_receivers: Number of receivers K; None = the length of the problem's first per-receiver array, and
            failing that the highest index plus 1.
        num_transmitters: Number of transmitters J; None = the same for per-transmitter arrays.
    """

    receiver: npt.ArrayLike
    transmitter: npt.ArrayLike
    num_receivers: int | None = None
    num_transmitters: int | None = None

    def to_message(self) -> tensor_pb2.Links:
        """The message of the contract.

        Raises:
            InvalidInstance: The indices are not integers.
        """
        return tensor_pb2.Links(
            receiver=index_tensor("receiver", self.receiver),
            transmitter=index_tensor("transmitter", self.transmitter),
        )


@dataclass(frozen=True, eq=False)
class PowerControl:
    """Power control of K single-antenna transmitter-receiver pairs that share one channel.

    The server chooses p maximising
    ``sum_k weights[k] log2(1 + gain[k, k] p[k] / (sum_{j != k} gain[k, j] p[j] + noise_power[k]))``
    subject to ``0 <= p[k] <= max_power[k]``. Everything is linear, in one power unit of the caller's choice.

    An array of float64 travels and is answered as float64; anything else as float32.

    Attributes:
        gain: ``[K, K]`` power gains |channel|^2, receiver first; with ``links`` ``[E]``, one entry a link.
        weights: ``[K]`` or scalar, rate weights, not negative.
        noise_power: ``[K]`` or scalar, noise power at each receiver, positive, in the unit of gain times
            power.
        max_power: ``[K]`` or scalar, power budget of each transmitter, positive.
        links: Index arrays (receiver, transmitter) or `Links` of a sparse network; the direct links (k, k)
            are part of the list.
    """

    gain: npt.ArrayLike
    weights: npt.ArrayLike = 1.0
    noise_power: npt.ArrayLike = 1.0
    max_power: npt.ArrayLike = 1.0
    links: Links | IndexPair | None = None

    def put_into(self, request: allocator_pb2.AllocateRequest) -> None:
        """Makes this the problem of a request.

        Raises:
            InvalidInstance: A field holds no numbers.
        """
        message = problems_pb2.PowerControl(
            gain=real_tensor("gain", self.gain),
            weights=_node_tensor("weights", self.weights),
            noise_power=_node_tensor("noise_power", self.noise_power),
            max_power=_node_tensor("max_power", self.max_power),
        )
        if self.links is not None:
            links = _links(self.links)
            message.links.CopyFrom(links.to_message())
            message.num_nodes = (
                links.num_receivers
                or links.num_transmitters
                or _extent(self.weights, self.noise_power, self.max_power)
                or max(_highest(links.receiver), _highest(links.transmitter)) + 1
            )
        request.power_control.CopyFrom(message)


@dataclass(frozen=True, eq=False)
class Beamforming:
    """Beamforming of J transmitters with N antennas to K single-antenna receivers.

    Receiver k hears ``y_k = sum_j channel[k, j, :] . x_j + noise`` with no conjugate. The server chooses
    beamformers v maximising ``sum_k weights[k] log2(1 + S_kk / (sum_{i != k} S_ki + noise_power[k]))`` with
    ``S_ki = |channel[k, b(i), :] . v[i]|^2`` and ``b(i) = serving_transmitter[i]``, subject to
    ``sum_{i: b(i) = j} ||v[i]||^2 <= max_power[j]``. Everything is linear, in one power unit of the caller's
    choice.

    An array of complex128 travels and is answered as complex128; anything else as complex64.

    Attributes:
        channel: ``[K, J, N]`` complex channels, receiver first; with ``links`` ``[E, N]``, one row a link.
        weights: ``[K]`` or scalar, rate weights, not negative.
        noise_power: ``[K]`` or scalar, noise power at each receiver, positive, in the unit of |channel|^2
            times power.
        max_power: ``[J]`` or scalar, power budget of each transmitter, positive.
        links: Index arrays (receiver, transmitter) or `Links` of a sparse network.
        serving_transmitter: ``[K]`` transmitter that serves each receiver; None = transmitter k serves
            receiver k.
        max_antenna_power: Scalar, ``[N]`` or ``[J, N]`` limit of each antenna, positive; None = no limit.
    """

    channel: npt.ArrayLike
    weights: npt.ArrayLike = 1.0
    noise_power: npt.ArrayLike = 1.0
    max_power: npt.ArrayLike = 1.0
    links: Links | IndexPair | None = None
    serving_transmitter: npt.ArrayLike | None = None
    max_antenna_power: npt.ArrayLike | None = None

    def put_into(self, request: allocator_pb2.AllocateRequest) -> None:
        """Makes this the problem of a request.

        Raises:
            InvalidInstance: A field holds no numbers.
        """
        serving, limit = self.serving_transmitter, self.max_antenna_power
        message = problems_pb2.Beamforming(
            channel=complex_tensor("channel", self.channel),
            weights=_node_tensor("weights", self.weights),
            noise_power=_node_tensor("noise_power", self.noise_power),
            max_power=_node_tensor("max_power", self.max_power),
            serving_transmitter=None if serving is None else index_tensor("serving_transmitter", serving),
            max_antenna_power=None if limit is None else real_tensor("max_antenna_power", limit),
        )
        if self.links is not None:
            links = _links(self.links)
            message.links.CopyFrom(links.to_message())
            per_receiver = _extent(*(() if serving is None else (serving,)), self.weights, self.noise_power)
            message.num_receivers = links.num_receivers or per_receiver or _highest(links.receiver) + 1
            message.num_transmitters = (
                links.num_transmitters or _extent(self.max_power) or _highest(links.transmitter) + 1
            )
        request.beamforming.CopyFrom(message)


ObjectiveName: TypeAlias = Literal["se", "ee"]

OBJECTIVES: dict[str, problems_pb2.PrecodingObjective.ValueType] = {
    "se": problems_pb2.PRECODING_OBJECTIVE_SPECTRAL_EFFICIENCY,
    "ee": problems_pb2.PRECODING_OBJECTIVE_ENERGY_EFFICIENCY,
}


@dataclass(frozen=True)
class PowerModel:
    """What a transmitter consumes: ``amplifier_inefficiency * ||V||_F^2 + N * circuit_power + constant_power``.

    Attributes:
        circuit_power: Power an antenna's circuits draw, in the power unit, not negative.
        constant_power: Power drawn whatever is sent, in the power unit, not negative.
        amplifier_inefficiency: Consumed power per radiated power, at least 1 (1 / amplifier efficiency).
    """

    circuit_power: float = 0.0
    constant_power: float = 0.0
    amplifier_inefficiency: float = 1.0

    def to_message(self) -> problems_pb2.PowerModel:
        """The message of the contract."""
        return problems_pb2.PowerModel(
            circuit_power=self.circuit_power,
            constant_power=self.constant_power,
            amplifier_inefficiency=self.amplifier_inefficiency,
        )


@dataclass(frozen=True, eq=False)
class Precoding:
    """Multi-user precoding of one transmitter with N antennas for K single-antenna users.

    User k hears ``y_k = channel[k, :] . x + noise`` with no conjugate, and ``x = V s`` for unit-power streams. The
    server chooses V maximising ``sum_k weights[k] R_k`` (``"se"``), or that over the consumed power (``"ee"``) under
    ``R_k >= min_rates[k]``, subject to ``||V||_F^2 <= max_power``. With B sub-bands R_k is the sum over them and each
    has a budget of its own. Everything is linear, in one power unit of the caller's choice.

    An array of complex128 travels and is answered as complex128; anything else as complex64.

    Attributes:
        channel: ``[K, N]`` or ``[B, K, N]`` complex channels.
        noise_power: ``[K]`` or scalar, noise power at each user, positive, in the unit of |channel|^2 times power.
        max_power: Scalar, or ``[B]`` with sub-bands: power budget of the transmitter, positive.
        weights: ``[K]`` or scalar, rate weights, not negative.
        objective: ``"se"``, spectral efficiency, or ``"ee"``, energy efficiency.
        min_rates: ``[K]`` or scalar, smallest acceptable rates, bit/s/Hz, with ``"ee"`` only; None = none. The server
            names the field ``minimum_rates``.
        power_model: What the transmitter consumes; required with ``"ee"``.
    """

    channel: npt.ArrayLike
    noise_power: npt.ArrayLike = 1.0
    max_power: npt.ArrayLike = 1.0
    weights: npt.ArrayLike = 1.0
    objective: ObjectiveName = "se"
    min_rates: npt.ArrayLike | None = None
    power_model: PowerModel | None = None

    def put_into(self, request: allocator_pb2.AllocateRequest) -> None:
        """Makes this the problem of a request.

        Raises:
            InvalidInstance: A field holds no numbers, or the objective is unknown.
        """
        if self.objective not in OBJECTIVES:
            raise InvalidInstance("objective", " or ".join(OBJECTIVES), repr(self.objective))
        minimum = self.min_rates
        message = problems_pb2.Precoding(
            channel=complex_tensor("channel", self.channel),
            weights=_node_tensor("weights", self.weights),
            noise_power=_node_tensor("noise_power", self.noise_power),
            max_power=_node_tensor("max_power", self.max_power),
            objective=OBJECTIVES[self.objective],
            minimum_rates=None if minimum is None else real_tensor("minimum_rates", minimum),
            power_model=None if self.power_model is None else self.power_model.to_message(),
        )
        request.precoding.CopyFrom(message)


Instance: TypeAlias = PowerControl | Beamforming | Precoding | CellFree | HybridPrecoding


def _links(links: Links | IndexPair) -> Links:
    return links if isinstance(links, Links) else Links(*links)


def _node_tensor(field: str, values: npt.ArrayLike) -> tensor_pb2.Tensor | None:
    # The contract's default travels as an absent field.
    return None if isinstance(values, int | float) and values == 1 else real_tensor(field, values)


def _extent(*per_node: npt.ArrayLike) -> int:
    """Length of the first array that has one entry a node; 0 where all are scalars, shape [1] included."""
    return next((np.size(values) for values in per_node if np.ndim(values) == 1 and np.size(values) > 1), 0)


def _highest(indices: npt.ArrayLike) -> int:
    return int(np.max(indices, initial=-1))
