"""Hybrid-precoding instances as a caller writes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy.typing as npt

from airgraph.v1 import allocator_pb2, problems_pb2
from airgraph_client.errors import InvalidInstance
from airgraph_client.tensors import complex_tensor

StructureName: TypeAlias = Literal["partial", "full"]

STRUCTURES: dict[str, problems_pb2.HybridStructure.ValueType] = {
    "partial": problems_pb2.HYBRID_STRUCTURE_PARTIALLY_CONNECTED,
    "full": problems_pb2.HYBRID_STRUCTURE_FULLY_CONNECTED,
}


@dataclass(frozen=True, eq=False)
class HybridPrecoding:
    """A digital precoder to approach with phase shifters and few radio-frequency chains.

    The server chooses ``f_rf`` with entries of modulus 1 (0 where not wired) and ``f_bb`` minimising
    ``||f_opt - f_rf f_bb||_F^2`` with ``||f_rf f_bb||_F^2 = Ns``; only the direction of ``f_opt`` matters, it is scaled
    to the same norm.

    Attributes:
        f_opt: ``[Nt, Ns]`` complex, the fully digital precoder, not zero.
        rf_chains: Number of chains, Ns <= rf_chains <= Nt. The server names the field ``num_rf_chains``.
        structure: ``"partial"``, each chain drives Nt / rf_chains antennas of its own, or ``"full"``.
    """

    f_opt: npt.ArrayLike
    rf_chains: int
    structure: StructureName = "partial"

    def put_into(self, request: allocator_pb2.AllocateRequest) -> None:
        """Makes this the problem of a request.

        Raises:
            InvalidInstance: The precoder holds no numbers, no chains, or an unknown structure.
        """
        if self.structure not in STRUCTURES:
            raise InvalidInstance("structure", " or ".join(STRUCTURES), repr(self.structure))
        if self.rf_chains < 1:
            raise InvalidInstance("rf_chains", "at least 1", str(self.rf_chains))
        message = problems_pb2.HybridPrecoding(
            f_opt=complex_tensor("f_opt", self.f_opt),
            num_rf_chains=self.rf_chains,
            structure=STRUCTURES[self.structure],
        )
        request.hybrid_precoding.CopyFrom(message)
