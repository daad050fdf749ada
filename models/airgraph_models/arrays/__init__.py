"""Where the arrays of the iterative algorithms lie: numpy's in the host's memory, torch's on a device."""
