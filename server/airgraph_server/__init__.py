"""gRPC server that allocates powers and beamformers: learned, guarded, on time."""

import os

# Calls already run in parallel. Linear algebra with threads of its own makes them wait for each other: polishing 256
# starts of 50 pairs took 2 ms with one thread and 100 ms with two on two busy cores. Read when numpy is first imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
