"""Example RAN controller: a near-real-time loop that keeps the powers of a multi-cell network up to date."""

from airgraph_client.ran.boundary import Controller, E2Node, Measurement
from airgraph_client.ran.cells import CellNetwork, CellSettings
from airgraph_client.ran.loop import Period, run_loop

__all__ = ["CellNetwork", "CellSettings", "Controller", "E2Node", "Measurement", "Period", "run_loop"]
