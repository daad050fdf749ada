"""What a radio problem is: instance, units, constraints, objective and feature layout.

This package needs numpy and scipy only, so that serving on a CPU never loads a learning framework.
"""

from typing import Any

from airgraph_models.problems.beamforming import BEAMFORMING, Beamforming
from airgraph_models.problems.cell_free import CELL_FREE, CellFree
from airgraph_models.problems.errors import InvalidInstanceError, UnsupportedInstanceError
from airgraph_models.problems.family import Graded, GraphView, ProblemFamily, Refined, Size
from airgraph_models.problems.hybrid import HYBRID_PRECODING, HybridPrecoding
from airgraph_models.problems.links import Links
from airgraph_models.problems.power_control import POWER_CONTROL, PowerControl
from airgraph_models.problems.precoding import PRECODING, Precoding
from airgraph_models.problems.precoding_instance import PowerModel

FAMILIES: dict[str, ProblemFamily[Any]] = {
    family.name: family for family in (POWER_CONTROL, BEAMFORMING, PRECODING, CELL_FREE, HYBRID_PRECODING)
}
"""Every problem family by its name in the contract."""

__all__ = [
    "BEAMFORMING",
    "CELL_FREE",
    "FAMILIES",
    "HYBRID_PRECODING",
    "POWER_CONTROL",
    "PRECODING",
    "Beamforming",
    "CellFree",
    "Graded",
    "GraphView",
    "HybridPrecoding",
    "InvalidInstanceError",
    "Links",
    "PowerControl",
    "PowerModel",
    "Precoding",
    "ProblemFamily",
    "Refined",
    "Size",
    "UnsupportedInstanceError",
]
