r"""ITU-R P.1411-11: short-range outdoor propagation between terminals below the rooftops.

Line of sight, in a street canyon (section 4.1, UHF; the median of its bounds), d the distance between the antennas in
metres, h1 and h2 their heights:

.. math::
    L = L_{bp} + 6 + \begin{cases} 20 \log_{10}(d / R_{bp}), & d \le R_{bp} \\
    40 \log_{10}(d / R_{bp}), & d > R_{bp} \end{cases} \qquad
    R_{bp} = \frac{4 h_1 h_2}{\lambda}, \quad L_{bp} = \left|20 \log_{10} \frac{\lambda^2}{8 \pi h_1 h_2}\right|

Up to the breakpoint :math:`R_{bp}` this is free space, whatever the heights.

No line of sight, median of the site-general models for urban surroundings, in a street canyon between high rises
(section 4.1.1; f in GHz, 30 to 715 m) and between terminals near street level (section 4.3.1; f in MHz):

.. math::
    L_{high} = 40 \log_{10} d + 10.2 + 23.6 \log_{10} f, \qquad
    L_{street} = 9.5 + 45 \log_{10} f + 40 \log_{10}(d / 1000) + 6.8

and the distance up to which a share p of the locations near street level see each other (section 4.3.1):

.. math::
    d_{LoS}(p) = \begin{cases} 212 \log_{10}(p)^2 - 64 \log_{10} p, & p < 0.45 \\ 79.2 - 70 p, & p \ge 0.45 \end{cases}

The carrier is 2.4 GHz throughout, as in device-to-device studies that follow Cui, Shen and Yu, "Spatial deep learning
for wireless scheduling", IEEE J. Sel. Areas Commun. 2019.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

CARRIER = 2.4e9
"""Hz."""
HAND_HELD = 1.5
"""Height in metres of an antenna in the hand."""
BRANCHING = 79.2 - 70.0 * 0.45
"""Metres at which the two branches of the line-of-sight distance meet."""


def line_of_sight_loss(
    distance: FloatArray,
    transmitter_height: FloatArray | float = HAND_HELD,
    receiver_height: FloatArray | float = HAND_HELD,
) -> FloatArray:
    """Median loss in dB over ``distance`` metres; heights in metres, broadcast against it."""
    wavelength = 2.998e8 / CARRIER
    heights = transmitter_height * receiver_height
    breakpoint_distance = 4 * heights / wavelength
    breakpoint_loss = np.abs(20 * np.log10(wavelength**2 / (8 * np.pi * heights)))
    ratio = 20 * np.log10(distance / breakpoint_distance)
    loss: FloatArray = breakpoint_loss + 6 + np.where(ratio > 0, 2 * ratio, ratio)
    return loss


def high_rise_loss(distance: FloatArray) -> FloatArray:
    """Median loss in dB over ``distance`` metres without line of sight, between high rises."""
    loss: FloatArray = 40 * np.log10(distance) + 10.2 + 23.6 * np.log10(CARRIER / 1e9)
    return loss


def street_level_loss(distance: FloatArray) -> FloatArray:
    """Median loss in dB over ``distance`` metres without line of sight, urban, near street level."""
    loss: FloatArray = 9.5 + 45 * np.log10(CARRIER / 1e6) + 40 * np.log10(distance / 1000.0) + 6.8
    return loss


def line_of_sight_share(distance: FloatArray) -> FloatArray:
    """Share of the locations ``distance`` metres apart that see each other: the inverse of :math:`d_{LoS}`."""
    near = (79.2 - distance) / 70.0
    exponent = (64.0 - np.sqrt(64.0**2 + 4 * 212.0 * distance)) / (2 * 212.0)
    share: FloatArray = np.where(distance <= BRANCHING, np.minimum(near, 1.0), 10**exponent)
    return share
