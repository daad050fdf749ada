r"""Clustered narrowband mmWave channels between two square planar arrays.

With :math:`N_c` clusters of :math:`N_p` paths each,

.. math::
    H = \sqrt{\frac{N_t N_r}{N_c N_p}} \sum_{i,l} \alpha_{il}\, a_r(\phi^r_{il}, \theta^r_{il})\,
    a_t(\phi^t_{il}, \theta^t_{il})^H, \qquad \alpha_{il} \sim \mathcal{CN}(0, 1)

so that :math:`E \|H\|_F^2 = N_t N_r`. A cluster's mean azimuth :math:`\phi` and elevation :math:`\theta` are
uniform over the circle, its paths Laplacian about them.
The response of a half-wavelength array of :math:`n \times n` antennas is

.. math::
    a(\phi, \theta)_{(x, y)} = e^{j \pi (x \sin\phi \sin\theta + y \cos\theta)} / n

Source: Yu, Shen, Zhang, Letaief, "Alternating minimization algorithms for hybrid precoding in millimeter wave MIMO
systems", IEEE J. Sel. Topics Signal Process. 2016, which paper 000 (VI-C) follows.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

ComplexArray = npt.NDArray[np.complex128]
FloatArray = npt.NDArray[np.float64]

CLUSTERS, PATHS = 5, 10
SPREAD = math.radians(10.0)
"""Standard deviation of a path's angles about its cluster's."""


def response(side: int, azimuth: FloatArray, elevation: FloatArray) -> ComplexArray:
    """Unit-norm responses ``[side^2, ...]`` of a square array to plane waves from angles ``[...]`` in radians."""
    place = np.arange(side)
    along = np.multiply.outer(place, np.sin(azimuth) * np.sin(elevation))
    across = np.multiply.outer(place, np.cos(elevation))
    phase = np.exp(1j * np.pi * along)[:, None] * np.exp(1j * np.pi * across)[None]
    steering: ComplexArray = phase.reshape(side * side, *azimuth.shape) / side
    return steering


def clustered(rng: np.random.Generator, receive: int, transmit: int) -> ComplexArray:
    """``[Nr, Nt]`` of one random link.

    Args:
        rng: Source of chance.
        receive: Nr, a square number of antennas.
        transmit: Nt, a square number of antennas.
    """
    mean = rng.uniform(0.0, 2 * np.pi, (4, CLUSTERS, 1))
    angles = (mean + rng.laplace(0.0, SPREAD / math.sqrt(2.0), (4, CLUSTERS, PATHS))).reshape(4, -1)
    gain = (rng.standard_normal(angles.shape[1]) + 1j * rng.standard_normal(angles.shape[1])) / math.sqrt(2.0)
    departing = response(math.isqrt(transmit), angles[0], angles[1])
    arriving = response(math.isqrt(receive), angles[2], angles[3])
    channel: ComplexArray = (arriving * gain) @ departing.conj().T
    return channel * math.sqrt(transmit * receive / angles.shape[1])


def digital_pair(channel: ComplexArray, streams: int) -> tuple[ComplexArray, ComplexArray]:
    """Fully digital precoder ``[Nt, Ns]`` and combiner ``[Nr, Ns]``: the strongest singular vectors of ``channel``.

    Power is shared evenly, as in the source, so that ``||f_opt||_F^2 = Ns``.
    """
    left, _, right = np.linalg.svd(channel, full_matrices=False)
    return right[:streams].conj().T, left[:, :streams]
