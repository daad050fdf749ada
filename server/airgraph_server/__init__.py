"""gRPC server that allocates powers and beamformers: learned, guarded, on time."""
