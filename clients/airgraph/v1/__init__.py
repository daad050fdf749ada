"""Generated messages and services of the contract, package ``airgraph.v1``."""
