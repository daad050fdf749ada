r"""Receivers that move: positions in discrete time, and channels that follow the distances.

From one second to the next each receiver k takes a step :math:`\Delta_k \sim N(0, S^2 I_2)` in metres, with the speed
S in m/s for the deviation along either axis, while the transmitters stay. With the distance :math:`d_{kj}(t)` from
transmitter j to receiver k,

.. math::
    h_{kj}(t + 1) = h_{kj}(t)\, \frac{d_{kj}(t)}{d_{kj}(t + 1)}, \qquad
    \text{counted as } 0 \text{ where } d_{kj}(t + 1) > 1000\,\mathrm{m}.

Source: paper 003, section V-G. It writes that the channels are "adjusted proportionally based on distance"; amplitudes
inverse to the distance, as in free space, are our reading of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

REACH = 1000.0
"""Metres beyond which a transmitter is not heard."""
NEAREST = 1.0
"""Metres that count for any shorter distance: the law has no near field."""


def random_walk(rng: np.random.Generator, position: FloatArray, speed: float, seconds: int) -> FloatArray:
    """Positions ``[seconds + 1, ..., 2]`` in metres after 0, 1, 2, ... seconds.

    Args:
        rng: Source of the steps.
        position: ``[..., 2]`` positions at time 0.
        speed: Standard deviation of a second's step along either axis, m/s.
        seconds: How long to walk.
    """
    steps = speed * rng.standard_normal((seconds, *position.shape))
    return np.concatenate([position[None], position + np.cumsum(steps, axis=0)])


def distances(receiver: FloatArray, transmitter: FloatArray) -> FloatArray:
    """``[..., K, K]`` metres, receiver first, from positions ``[..., K, 2]``; at least `NEAREST`."""
    between = np.linalg.norm(receiver[..., :, None, :] - transmitter[..., None, :, :], axis=-1)
    kept: FloatArray = np.maximum(between, NEAREST)
    return kept


def moved_gain(gain: FloatArray, before: FloatArray, now: FloatArray) -> FloatArray:
    """Gains ``|h|^2`` after a move: ``gain * (before / now)^2``, zero beyond `REACH`.

    The rule (t to t + 1) telescopes, so that ``before`` may be any earlier time, and a receiver that comes back into
    reach is heard again.

    Args:
        gain: ``[..., K, K]`` before the move, receiver first, as if nothing were out of reach.
        before: ``[..., K, K]`` distances before, in metres.
        now: ``[..., K, K]`` distances now, in metres.
    """
    return np.where(now > REACH, 0.0, gain * (before / now) ** 2)
