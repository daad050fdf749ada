"""The channels of a beamforming problem as the sums that WMMSE needs, dense or sparse.

Receiver r hears beam i of transmitter ``serving[i]``: ``s[r, i] = channel[r, serving[i], :] . v[i, :]``.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IndexArray = npt.NDArray[np.int64]

LARGEST_OUTER = 8
"""Antennas up to which the outer products of all channels are kept: one real matrix product then gives
every leakage matrix, for N times the channel's memory."""


def squared(values: ComplexArray) -> FloatArray:
    """|z|^2 without the square root of abs."""
    magnitude: FloatArray = values.real * values.real + values.imag * values.imag
    return magnitude


def product(matrix: sparse.csr_array, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sparse matrix times dense array."""
    result: npt.NDArray[Any] = matrix @ values
    return result


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
    """From ``channel [..., K, J, N]``; leading axes are a batch that shares ``serving [K]``."""

    def __init__(self, channel: ComplexArray, serving: IndexArray) -> None:
        """Lays the channel out for the products below."""
        self.transmitters = channel.shape[-2]
        self._antennas = channel.shape[-1]
        receivers = channel.shape[-3]
        one_to_one = np.array_equal(serving, np.arange(self.transmitters))
        self.serving: IndexArray | slice = slice(None) if one_to_one else serving
        heard = channel if one_to_one else channel[..., serving, :]
        own = np.arange(receivers)
        self._direct = heard[..., own, own, :]
        self._own = own
        # Antenna axis first: each antenna's K x K block is contiguous.
        self._heard = np.ascontiguousarray(np.moveaxis(heard, -1, 0))
        self._outer: FloatArray | None = None
        if self._antennas <= LARGEST_OUTER:
            outer = channel.conj()[..., :, None] * channel[..., None, :]
            flat = outer.reshape(*channel.shape[:-2], -1)
            self._outer = np.ascontiguousarray(flat).view(np.float64)
        else:
            self._turned = np.ascontiguousarray(np.swapaxes(channel, -3, -2))
        self._member: FloatArray | None = None
        if not one_to_one:
            self._member = (serving[:, None] == np.arange(self.transmitters)).astype(np.float64)

    @property
    def direct(self) -> ComplexArray:
        """``[..., K, N]`` channel of each receiver from its own transmitter."""
        return self._direct

    def received(self, beams: ComplexArray) -> tuple[ComplexArray, FloatArray]:
        """Own amplitude ``[..., K]`` and power heard from all beams ``[..., K]``."""
        heard = self._heard[0] * beams[..., None, :, 0]
        for antenna in range(1, self._antennas):
            heard += self._heard[antenna] * beams[..., None, :, antenna]
        pairs = heard.view(np.float64)
        return heard[..., self._own, self._own], np.einsum("...k,...k->...", pairs, pairs)

    def leakage(self, price: FloatArray) -> ComplexArray:
        """``A_j = sum_r price_r conj(h_rj) h_rj^T`` as ``[..., J, N, N]``."""
        antennas = self._antennas
        if self._outer is not None:
            flat = (price[..., None, :] @ self._outer)[..., 0, :].view(np.complex128)
            return flat.reshape(*flat.shape[:-1], self.transmitters, antennas, antennas)
        weighted = self._turned.conj() * price[..., None, :, None]
        return np.swapaxes(weighted, -1, -2) @ self._turned

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
        """Expands links to (link, beam) pairs, for transmitters that serve several receivers."""
        receivers, antennas = serving.size, channel.shape[1]
        self.serving: IndexArray | slice = serving
        self.transmitters = transmitters
        links = np.arange(receiver.size)
        # Which beams each transmitter radiates, then which (link, beam) pairs there are.
        radiates = sparse.coo_array(
            (np.ones(receivers), (serving, np.arange(receivers))), shape=(transmitters, receivers)
        ).tocsr()
        self._member = radiates
        uses = sparse.coo_array((np.ones(links.size), (links, transmitter)), shape=(links.size, transmitters)).tocsr()
        pairs = (uses @ radiates).tocoo()
        link, self._beam = pairs.row.astype(np.int64), pairs.col.astype(np.int64)
        self._pair_channel = channel[link]
        hears = receiver[link]
        self._sum_heard = sparse.coo_array(
            (np.ones(link.size), (hears, np.arange(link.size))), shape=(receivers, link.size)
        ).tocsr()
        self._own_pair = np.full(receivers, -1, np.int64)
        own = np.flatnonzero(hears == self._beam)
        self._own_pair[hears[own]] = own
        self._direct = np.concatenate([self._pair_channel, np.zeros((1, antennas))])[self._own_pair]
        self._receiver = receiver
        self._sum_caused = sparse.coo_array(
            (np.ones(links.size), (transmitter, links)), shape=(transmitters, links.size)
        ).tocsr()
        outer = channel.conj()[:, :, None] * channel[:, None, :]
        self._outer = outer.reshape(links.size, -1)
        self._antennas = antennas

    @property
    def direct(self) -> ComplexArray:
        """``[K, N]`` channel of each receiver from its own transmitter, zero where there is no link."""
        return self._direct

    def received(self, beams: ComplexArray) -> tuple[ComplexArray, FloatArray]:
        """Own amplitude ``[K]`` and power heard from all beams ``[K]``."""
        heard = np.einsum("pn,pn->p", self._pair_channel, beams[self._beam])
        return np.append(heard, 0.0)[self._own_pair], product(self._sum_heard, squared(heard))

    def leakage(self, price: FloatArray) -> ComplexArray:
        """``A_j = sum_r price_r conj(h_rj) h_rj^T`` as ``[J, N, N]``."""
        flat = product(self._sum_caused, self._outer * price[self._receiver, None])
        return flat.reshape(self.transmitters, self._antennas, self._antennas)

    def per_transmitter(self, values: FloatArray) -> FloatArray:
        """Sums ``[..., K]`` over the receivers each transmitter serves: ``[..., J]``."""
        return product(self._member, values.T).T
