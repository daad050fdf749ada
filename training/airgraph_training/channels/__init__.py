"""Random radio networks: channels in, nothing else; receiver first, linear units."""

from airgraph_training.channels.drops import LOG_DISTANCE, PUBLISHED_FIELD, STREET_CANYON, Drop, PathLoss, drop_pairs
from airgraph_training.channels.rayleigh import rayleigh
from airgraph_training.channels.rician import rician

__all__ = ["LOG_DISTANCE", "PUBLISHED_FIELD", "STREET_CANYON", "Drop", "PathLoss", "drop_pairs", "rayleigh", "rician"]
