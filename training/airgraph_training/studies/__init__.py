"""The papers' tables and figures, one study a file: measured here, beside what the paper prints."""

from airgraph_training.studies.complexity import COMPLEXITY
from airgraph_training.studies.d2d_samples import D2D_SAMPLES
from airgraph_training.studies.d2d_scaling import D2D_SCALING
from airgraph_training.studies.frontier import FRONTIER
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.study import Findings, Study, Table

STUDIES = {study.name: study for study in (D2D_SCALING, D2D_SAMPLES, COMPLEXITY, FRONTIER)}
"""Every study by its name."""

__all__ = ["STUDIES", "Findings", "Lab", "Study", "Table"]
