"""Times calls that are compared, one after the other, round by round."""

from time import perf_counter

import numpy as np

ROUNDS = 15


def in_turn(*calls, rounds=ROUNDS):
    """Seconds of each call ``[rounds, calls]``, taken alternately after one warm-up."""
    for call in calls:
        call()
    seconds = np.empty((rounds, len(calls)))
    for row in seconds:
        for i, call in enumerate(calls):
            began = perf_counter()
            call()
            row[i] = perf_counter() - began
    return seconds
