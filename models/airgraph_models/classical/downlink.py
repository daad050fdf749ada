r"""One transmitter, K single-antenna users: what its precoder gives them.

User k receives :math:`y_k = \sum_i t_{ki} s_i + n_k` with :math:`T = H V`, so that

    R_k = log2(1 + |t_kk|^2 / (sum_{i != k} |t_ki|^2 + noise_k)).

Source: paper 004, (1a), with h of the paper the conjugate of a row of the channel here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from airgraph_models.arrays.namespace import namespace_of
from airgraph_models.classical.beam_network import squared

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]


def adjoint(matrix: ComplexArray) -> ComplexArray:
    """Conjugate transpose of the last two axes."""
    return matrix.swapaxes(-1, -2).conj()


def normalised(channel: ComplexArray, noise_power: FloatArray, max_power: FloatArray) -> ComplexArray:
    """The channel in units of noise and budget: row k times ``sqrt(max_power / noise_power[k])``.

    With a precoder in units of the root of the budget, noise and budget are then 1 and every rate stays the same.

    Args:
        channel: ``[..., K, N]`` channels.
        noise_power: ``[..., K]`` noise powers, positive.
        max_power: ``[...]`` sum-power budgets, positive.
    """
    xp = namespace_of(channel)
    scaled: ComplexArray = channel * xp.sqrt(xp.asarray(max_power)[..., None] / noise_power)[..., None]
    return scaled


def sinr_of(heard: ComplexArray, noise_power: FloatArray | float) -> FloatArray:
    """SINR ``[..., K]`` of ``heard [..., K, K]``, the amplitude of each stream at each user; noise ``[..., K]``."""
    power = squared(heard)
    users = power.shape[-1]
    # Every (K + 1)-th entry of a matrix in a row is of its diagonal.
    diagonal = power.reshape(*power.shape[:-2], users * users)[..., :: users + 1]
    own = diagonal.copy()
    # The other streams alone: subtracting the own one from the sum would cancel at high SNR.
    diagonal[...] = 0.0
    sinr: FloatArray = own / (np.add.reduce(power, axis=-1) + noise_power)
    return sinr


def downlink_rates(channel: ComplexArray, noise_power: FloatArray, precoder: ComplexArray) -> FloatArray:
    """Spectral efficiency of each user ``[..., K]``, bit/s/Hz.

    Args:
        channel: ``[..., K, N]`` channels.
        noise_power: ``[..., K]`` noise powers, positive.
        precoder: ``[..., N, K]``, one column a user.
    """
    rates: FloatArray = np.log2(1.0 + sinr_of(channel @ precoder, noise_power))
    return rates
