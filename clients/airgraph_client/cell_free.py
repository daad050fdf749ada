"""Cell-free instances as a caller writes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from airgraph.v1 import allocator_pb2, problems_pb2, tensor_pb2
from airgraph_client.errors import InvalidInstance
from airgraph_client.tensors import complex_tensor, index_tensor, real_tensor


@dataclass(frozen=True, eq=False)
class CellFree:
    """Uplink of K users whom M access points decode together, with channels estimated from pilots.

    The server chooses p in 0..1 maximising ``min_k log2(1 + SINR_k)``; the contract has the equation of the SINR.

    Attributes:
        fading: ``[M, K]`` large-scale power gains, access point first, linear, not negative.
        snr: Transmit power over noise power at full power, linear, positive.
        pilots: ``[K]`` one index a user, 0 .. pilot_length - 1, users with one index share a pilot; or ``[tau, K]``
            complex, a column of unit norm a user; None = every user its own orthogonal pilot.
        pilot_length: Symbols tau of a pilot.
    """

    fading: npt.ArrayLike
    snr: float
    pilots: npt.ArrayLike | None = None
    pilot_length: int = 1

    def put_into(self, request: allocator_pb2.AllocateRequest) -> None:
        """Makes this the problem of a request.

        Raises:
            InvalidInstance: A field holds no numbers, or pilots of three or more axes.
        """
        if self.pilot_length < 1:
            raise InvalidInstance("pilot_length", "at least 1", str(self.pilot_length))
        message = problems_pb2.CellFree(
            fading=real_tensor("fading", self.fading),
            snr=self.snr,
            pilots=None if self.pilots is None else _pilots(self.pilots),
            pilot_length=self.pilot_length,
        )
        request.cell_free.CopyFrom(message)


def _pilots(pilots: npt.ArrayLike) -> tensor_pb2.Tensor:
    """Indices as they are; sequences one row a user, as the contract has them."""
    given = np.asarray(pilots)
    if given.ndim == 1:
        return index_tensor("pilots", given)
    if given.ndim != 2:
        raise InvalidInstance("pilots", "[K] indices or [tau, K] sequences", f"{given.ndim} axes")
    return complex_tensor("pilots", given.T)
