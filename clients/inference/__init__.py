"""Generated messages and service of the Open Inference Protocol, version 2, package ``inference``."""
