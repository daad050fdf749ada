"""Radio resource-management problems and everything that can solve one."""
