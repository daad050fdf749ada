"""Several processes on one port: a parent that keeps them running and speaks for them all."""
