"""Python form of the contract in ``proto/airgraph``."""
