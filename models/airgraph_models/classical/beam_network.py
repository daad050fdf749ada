"""The channels of a beamforming problem as the sums that WMMSE needs, dense or sparse.

Receiver r hears beam i of transmitter ``serving[i]``: ``s[r, i] = channel[r, serving[i], :] . v[i, :]``.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from airgraph_models.arrays.namespace import namespace_of

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IndexArray = npt.NDArray[np.int64]

LARGEST_OUTER = 8
"""Antennas up to which the outer products of all channels are kept: one real matrix product then gives
every leakage matrix, for N times the channel's memory."""


@lru_cache(maxsize=128)
def numbered(count: int) -> IndexArray:
    """``0 .. count - 1``, read-only, as all who ask share it."""
    numbers = np.arange(count)
    numbers.flags.writeable = False
    return numbers


def serves_its_own(serving: IndexArray, transmitters: int) -> bool:
    """Whether transmitter k serves receiver k, and there are no others."""
    own = numbered(transmitters)
    return serving is own or np.array_equal(serving, own)


def squared(values: ComplexArray) -> FloatArray:
    """|z|^2 without the square root of abs."""
    magnitude: FloatArray = values.real * values.real + values.imag * values.imag
    return magnitude


def norms_squared(vectors: ComplexArray) -> FloatArray:
    """``||v||^2`` of vectors ``[..., N]``."""
    xp = namespace_of(vectors)
    parts = xp.ascontiguousarray(vectors).view(xp.float64)
    norms: FloatArray = (parts * parts).sum(axis=-1)
    return norms


def summed_by(index: IndexArray, values: FloatArray, count: int) -> FloatArray:
    """Sums ``[..., count]`` of the values ``[..., n]`` that share an index ``[n]`` in ``0 .. count - 1``."""
    if values.ndim == 1:
        return np.asarray(np.bincount(index, values, count), np.float64)
    rows = [summed_by(index, row, count) for row in values.reshape(-1, values.shape[-1])]
    return np.stack(rows).reshape(*values.shape[:-1], count)


class BeamNetwork(Protocol):
    """What WMMSE asks of the channels.

    Attributes:
        serving: ``[K]`` transmitter of each receiver, to index an axis of transmitters; the full slice
            where receiver k is served by transmitter k.
        transmitters: Number of transmitters J.
    """

    serving: IndexArray | slice
    transmitters: int

    @property
    def direct(self) -> ComplexArray:
        """``[..., K, N]`` channel of each receiver from its own transmitter."""

    def received(self, beams: ComplexArray) -> tuple[ComplexArray, FloatArray]:
        """Own amplitude ``[..., K]`` and power heard from all beams ``[..., K]``."""

    def leakage(self, price: FloatArray) -> ComplexArray:
        """``A_j = sum_r price_r conj(h_rj) h_rj^T`` as ``[..., J, N, N]``."""

    def per_transmitter(self, values: FloatArray) -> FloatArray:
        """Sums ``[..., K]`` over the receivers each transmitter serves: ``[..., J]``."""


class DenseBeamNetwork:
    """From ``channel [..., K, J, N]``; leading axes are a batch that shares ``serving [K]``, which the host has."""

    def __init__(self, channel: ComplexArray, serving: IndexArray) -> None:
        """Lays the channel out for the products below."""
        self._xp = xp = namespace_of(channel)
        self.transmitters = channel.shape[-2]
        self._antennas = channel.shape[-1]
        receivers = channel.shape[-3]
        one_to_one = serves_its_own(serving, self.transmitters)
        self.serving: IndexArray | slice = slice(None) if one_to_one else xp.asarray(serving, like=channel)
        heard = channel if one_to_one else channel[..., self.serving, :]
        own = xp.arange(receivers, like=channel)
        self._direct = heard[..., own, own, :]
        self._own = own
        # Antenna axis first: each antenna's K x K block is contiguous.
        self._heard = xp.ascontiguousarray(xp.moveaxis(heard, -1, 0))
        self._outer: FloatArray | None = None
        if self._antennas <= LARGEST_OUTER:
            outer = channel.conj()[..., :, None] * channel[..., None, :]
            flat = outer.reshape(*channel.shape[:-2], -1)
            self._outer = xp.ascontiguousarray(flat).view(xp.float64)
        else:
            self._turned = xp.ascontiguousarray(channel.swapaxes(-3, -2))
        self._member: FloatArray | None = None
        if not one_to_one:
            member = serving[:, None] == np.arange(self.transmitters)
            self._member = xp.asarray(member, xp.float64, like=channel)

    @property
    def direct(self) -> ComplexArray:
        """``[..., K, N]`` channel of each receiver from its own transmitter."""
        return self._direct

    def received(self, beams: ComplexArray) -> tuple[ComplexArray, FloatArray]:
        """Own amplitude ``[..., K]`` and power heard from all beams ``[..., K]``."""
        heard = self._heard[0] * beams[..., None, :, 0]
        for antenna in range(1, self._antennas):
            heard += self._heard[antenna] * beams[..., None, :, antenna]
        pairs = heard.view(self._xp.float64)
        return heard[..., self._own, self._own], self._xp.einsum("...k,...k->...", pairs, pairs)

    def leakage(self, price: FloatArray) -> ComplexArray:
        """``A_j = sum_r price_r conj(h_rj) h_rj^T`` as ``[..., J, N, N]``."""
        antennas = self._antennas
        if self._outer is not None:
            flat: ComplexArray = (price[..., None, :] @ self._outer)[..., 0, :].view(self._xp.complex128)
            return flat.reshape(*flat.shape[:-1], self.transmitters, antennas, antennas)
        weighted = self._turned.conj() * price[..., None, :, None]
        leaked: ComplexArray = weighted.swapaxes(-1, -2) @ self._turned
        return leaked

    def per_transmitter(self, values: FloatArray) -> FloatArray:
        """Sums ``[..., K]`` over the receivers each transmitter serves: ``[..., J]``."""
        return values if self._member is None else values @ self._member


class SparseBeamNetwork:
    """From links: ``channel [E, N]`` between ``receiver [E]`` and ``transmitter [E]``."""

    def __init__(
        self,
        channel: ComplexArray,
        receiver: IndexArray,
        transmitter: IndexArray,
        serving: IndexArray,
        transmitters: int,
    ) -> None:
        """Finds the beams that each link carries."""
        self._one_to_one = serves_its_own(serving, transmitters)
        self.serving: IndexArray | slice = slice(None) if self._one_to_one else serving
        self._serving = serving
        self.transmitters = transmitters
        self._channel, self._receiver, self._transmitter = channel, receiver, transmitter
        hears, beam, heard = receiver, transmitter, channel
        if not self._one_to_one:
            link, beam = self._carried()
            hears, heard = receiver.take(link), channel.take(link, axis=0)
        if not (hears[1:] >= hears[:-1]).all():
            order = np.argsort(hears, kind="stable")
            hears, beam, heard = hears.take(order), beam.take(order), heard.take(order, axis=0)
        # Receiver by receiver, so that what each hears is a run.
        self._beam, self._heard = beam, heard
        runs = hears.searchsorted(numbered(serving.size + 1))
        (self._hearing,) = (runs[1:] > runs[:-1]).nonzero()
        self._first = runs.take(self._hearing)
        self._direct = np.zeros((serving.size, channel.shape[1]), np.complex128)
        (own,) = (hears == beam).nonzero()
        self._direct[hears.take(own)] = heard.take(own, axis=0)

    def _carried(self) -> tuple[IndexArray, IndexArray]:
        """Link and beam of each (link, beam) pair: a link carries all beams of its transmitter."""
        # Sorted by transmitter, each one's beams are a run.
        beams = np.argsort(self._serving, kind="stable")
        served = np.bincount(self._serving, minlength=self.transmitters)
        carried = served.take(self._transmitter)
        link = np.arange(carried.size).repeat(carried)
        first = (np.cumsum(served) - served).take(self._transmitter) - (np.cumsum(carried) - carried)
        return link, beams.take(first.take(link) + np.arange(link.size))

    @property
    def direct(self) -> ComplexArray:
        """``[K, N]`` channel of each receiver from its own transmitter, zero where there is no link."""
        return self._direct

    def received(self, beams: ComplexArray) -> tuple[ComplexArray, FloatArray]:
        """Own amplitude ``[..., K]`` and power heard from all beams ``[..., K]``."""
        heard = self._carry(beams)
        parts = heard.view(np.float64)
        parts *= parts
        power: FloatArray = np.add.reduceat(parts, 2 * self._first, axis=-1)
        if self._hearing.size < self._serving.size:
            audible, power = power, np.zeros((*heard.shape[:-1], self._serving.size))
            power[..., self._hearing] = audible
        return np.einsum("kn,...kn->...k", self._direct, beams), power

    def _carry(self, beams: ComplexArray) -> ComplexArray:
        """What each link carries ``[..., E]``."""
        if self._heard.shape[1] == 2:
            # Of two antennas one gather has both; of more, all at once would take too much memory.
            both: ComplexArray = beams.take(self._beam, axis=-2)
            both *= self._heard
            return both[..., 0] + both[..., 1]
        carried = self._carry_one(beams, 0)
        for antenna in range(1, len(self._turned)):
            carried += self._carry_one(beams, antenna)
        return carried

    def _carry_one(self, beams: ComplexArray, antenna: int) -> ComplexArray:
        """What each link carries of one antenna ``[..., E]``."""
        carried: ComplexArray = np.take(beams[..., antenna], self._beam, axis=-1)
        carried *= self._turned[antenna]
        return carried

    @cached_property
    def _turned(self) -> ComplexArray:
        """The channels ``[N, E]``, a contiguous row an antenna."""
        return np.ascontiguousarray(self._heard.T)

    @cached_property
    def _outer(self) -> ComplexArray:
        """``conj(h) h^T`` of each link, flat ``[E, N * N]``; only the solvers need it."""
        outer = self._channel.conj()[:, :, None] * self._channel[:, None, :]
        # The width is spelled out: without links it cannot be inferred.
        return outer.reshape(len(outer), self._channel.shape[1] ** 2)

    @cached_property
    def _sum_caused(self) -> sparse.csr_array:
        """Sums over the links of each transmitter ``[J, E]``."""
        links = np.arange(self._receiver.size)
        return sparse.coo_array(
            (np.ones(links.size), (self._transmitter, links)), shape=(self.transmitters, links.size)
        ).tocsr()

    def leakage(self, price: FloatArray) -> ComplexArray:
        """``A_j = sum_r price_r conj(h_rj) h_rj^T`` as ``[J, N, N]``."""
        flat = np.asarray(self._sum_caused @ (self._outer * price[self._receiver, None]))
        antennas = self._channel.shape[1]
        return flat.reshape(self.transmitters, antennas, antennas)

    def per_transmitter(self, values: FloatArray) -> FloatArray:
        """Sums ``[..., K]`` over the receivers each transmitter serves: ``[..., J]``."""
        return values if self._one_to_one else summed_by(self._serving, values, self.transmitters)
