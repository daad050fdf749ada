r"""Large-scale fading of a cell-free network: three-slope path loss with shadowing in a square that wraps around.

With d the distance in metres between access point and user,

.. math::
    \text{PL} = -L - \begin{cases} 35 \log_{10} d, & d > 50 \\ 15 \log_{10} 50 + 20 \log_{10} d, & 10 < d \le 50 \\
    15 \log_{10} 50 + 20 \log_{10} 10, & d \le 10 \end{cases}

in dB with distances in kilometres, :math:`L` of the COST-231 Hata model at 1.9 GHz, access points 15 m and users
1.65 m high, and shadowing of 8 dB beyond 50 m.

Source: Ngo, Ashikhmin, Yang, Larsson, Marzetta, "Cell-free massive MIMO versus small cells", IEEE Trans. Wireless
Commun. 2017, (51)-(54) and table I, which paper 000 (VI-B) follows in a square of 0.5 km.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

SIDE = 0.5
"""km."""
NEAR, MIDDLE = 0.01, 0.05
"""km: where the slopes change."""
CARRIER_MHZ, ACCESS_POINT_HEIGHT, USER_HEIGHT = 1900.0, 15.0, 1.65
SHADOWING_DB = 8.0
PILOT_LENGTH = 20
NOISE_DBM = -173.975 + 10 * np.log10(20e6) + 9.0
"""Thermal noise at 290 K over 20 MHz, and a noise figure of 9 dB."""
CELL_FREE_SNR = float(10 ** ((20.0 - NOISE_DBM) / 10))
"""Normalised SNR of 100 mW, linear."""


def hata_loss() -> float:
    """L in dB."""
    lift = 13.82 * np.log10(ACCESS_POINT_HEIGHT)
    mobile = (1.1 * np.log10(CARRIER_MHZ) - 0.7) * USER_HEIGHT - (1.56 * np.log10(CARRIER_MHZ) - 0.8)
    return float(46.3 + 33.9 * np.log10(CARRIER_MHZ) - lift - mobile)


def path_loss_db(distance: FloatArray) -> FloatArray:
    """Gain in dB over ``distance`` kilometres, without shadowing; never positive."""
    far = 35.0 * np.log10(np.maximum(distance, MIDDLE))
    between = 20.0 * (np.log10(np.clip(distance, NEAR, MIDDLE)) - np.log10(MIDDLE))
    gain: FloatArray = -hata_loss() - far - between
    return gain


def drop_cell_free(rng: np.random.Generator, access_points: int, users: int) -> FloatArray:
    """``[M, K]`` linear large-scale gains of one random network."""
    places = rng.uniform(0.0, SIDE, (access_points + users, 2))
    offset = np.abs(places[:access_points, None] - places[None, access_points:])
    # The square wraps around, so that no user stands at an edge.
    distance = np.hypot(*np.moveaxis(np.minimum(offset, SIDE - offset), -1, 0))
    shadowing = rng.normal(0.0, SHADOWING_DB, distance.shape) * (distance > MIDDLE)
    gain: FloatArray = 10 ** ((path_loss_db(distance) + shadowing) / 10)
    return gain
