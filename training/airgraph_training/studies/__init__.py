"""The papers' tables and figures, one study a file: measured here, beside what the paper prints."""

from airgraph_training.studies.d2d_scaling import D2D_SCALING
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.study import Findings, Study, Table

STUDIES = {study.name: study for study in (D2D_SCALING,)}
"""Every study by its name."""

__all__ = ["STUDIES", "Findings", "Lab", "Study", "Table"]
