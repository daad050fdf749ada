"""The papers' tables and figures, one study a file: measured here, beside what the paper prints."""

from airgraph_training.studies.beam_sizes import BF_DENSITY, BF_SCALE
from airgraph_training.studies.beam_time import BF_TIME
from airgraph_training.studies.beamforming import BEAMFORMING_STUDY
from airgraph_training.studies.cell_free import CELL_FREE_STUDY
from airgraph_training.studies.cell_free_auto import CELL_FREE_AUTO
from airgraph_training.studies.complexity import COMPLEXITY
from airgraph_training.studies.convergence import CONVERGENCE
from airgraph_training.studies.coordinated import COORDINATED
from airgraph_training.studies.correlation import CORRELATION
from airgraph_training.studies.d2d_samples import D2D_SAMPLES
from airgraph_training.studies.d2d_scaling import D2D_SCALING
from airgraph_training.studies.d2d_shift import D2D_SHIFT
from airgraph_training.studies.d2d_snr import D2D_SNR
from airgraph_training.studies.density import DENSITY
from airgraph_training.studies.distribution import DISTRIBUTION
from airgraph_training.studies.ee_table import EE_TABLE
from airgraph_training.studies.ee_users import EE_USERS
from airgraph_training.studies.frontier import FRONTIER
from airgraph_training.studies.gnn_vs_mlp import GNN_VS_MLP
from airgraph_training.studies.hybrid import HYBRID_STUDY
from airgraph_training.studies.hybrid_time import HYBRID_TIME
from airgraph_training.studies.imperfect_csi import IMPERFECT_CSI
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.mobility import MOBILITY
from airgraph_training.studies.precoding_frontier import PRECODING_FRONTIER
from airgraph_training.studies.precoding_universal import PRECODING_UNIVERSAL
from airgraph_training.studies.scalability import SCALABILITY
from airgraph_training.studies.scale import SCALE
from airgraph_training.studies.se_complexity import SE_COMPLEXITY
from airgraph_training.studies.se_snr import SE_SNR
from airgraph_training.studies.se_table import SE_TABLE
from airgraph_training.studies.study import Findings, Study, Table
from airgraph_training.studies.topology import TOPOLOGY
from airgraph_training.studies.universal import UNIVERSAL
from airgraph_training.studies.users import USERS_STUDY
from airgraph_training.studies.uwgnn_width import UWGNN_WIDTH
from airgraph_training.studies.wcgcn_iterations import WCGCN_ITERATIONS
from airgraph_training.studies.weighted import WEIGHTED

STUDIES = {
    study.name: study
    for study in (
        D2D_SCALING,
        D2D_SAMPLES,
        D2D_SNR,
        D2D_SHIFT,
        WCGCN_ITERATIONS,
        WEIGHTED,
        SCALE,
        DENSITY,
        BEAMFORMING_STUDY,
        BF_SCALE,
        BF_DENSITY,
        BF_TIME,
        GNN_VS_MLP,
        UWGNN_WIDTH,
        CONVERGENCE,
        COMPLEXITY,
        SCALABILITY,
        DISTRIBUTION,
        TOPOLOGY,
        MOBILITY,
        UNIVERSAL,
        FRONTIER,
        SE_TABLE,
        SE_SNR,
        SE_COMPLEXITY,
        USERS_STUDY,
        CORRELATION,
        EE_TABLE,
        EE_USERS,
        COORDINATED,
        PRECODING_UNIVERSAL,
        PRECODING_FRONTIER,
        IMPERFECT_CSI,
        CELL_FREE_STUDY,
        CELL_FREE_AUTO,
        HYBRID_STUDY,
        HYBRID_TIME,
    )
}
"""Every study by its name."""

__all__ = ["STUDIES", "Findings", "Lab", "Study", "Table"]
