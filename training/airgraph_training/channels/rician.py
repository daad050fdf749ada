r"""Independent Rician fading: a constant line-of-sight part beside the scattered one.

.. math::
    h = \sqrt{\Omega} \left(\sqrt{\tfrac{\kappa}{\kappa + 1}} + \sqrt{\tfrac{1}{\kappa + 1}}\, f\right), \qquad
    f \sim \mathrm{CN}(0, 1)

with the mean power :math:`\Omega = E|h|^2`, linear and dimensionless like the channel, and the K-factor
:math:`\kappa`, the linear ratio of line-of-sight to scattered power: 0 is Rayleigh fading, infinity no fading at all.
The line of sight has phase zero; as f is circularly symmetric, any other phase leaves the law of :math:`|h|` as it is.

Source: paper 003, section V-E, which names the mean m and the variance v of the entries:
:math:`\kappa = |m|^2 / v` and :math:`\Omega = |m|^2 + v`.
"""

from __future__ import annotations

import numpy as np

from airgraph_training.channels.rayleigh import Complex128Array, rayleigh


def rician(rng: np.random.Generator, *shape: int, k_factor: float, mean_power: float = 1.0) -> Complex128Array:
    """Independent Rician entries of ``shape``.

    Args:
        rng: Source of the scattered part.
        *shape: Of the channel.
        k_factor: Line-of-sight over scattered power, linear, 0 or more; may be infinite.
        mean_power: Mean of ``|h|^2``.

    Raises:
        ValueError: ``k_factor`` or ``mean_power`` is negative or not a number.
    """
    if not k_factor >= 0:
        raise ValueError(f"k_factor must be 0 or more, got {k_factor}")
    if not mean_power >= 0:
        raise ValueError(f"mean_power must be 0 or more, got {mean_power}")
    scattered = 1.0 / (k_factor + 1.0)
    entries: Complex128Array = np.sqrt(mean_power) * (
        np.sqrt(1.0 - scattered) + np.sqrt(scattered) * rayleigh(rng, *shape)
    )
    return entries
