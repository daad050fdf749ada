"""Decibels to linear units and back, as the contract takes linear quantities only; noise that holds an error."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def db_to_linear(ratio_db: npt.ArrayLike) -> npt.NDArray[np.floating[Any]] | np.floating[Any]:
    """Converts a power ratio from decibel: ``ratio = 10^(ratio_db / 10)``.

    Args:
        ratio_db: Power ratio in dB, any shape.

    Returns:
        The linear ratio, float64, of the same shape.
    """
    return np.power(10.0, np.asarray(ratio_db, np.float64) / 10.0)


def linear_to_db(ratio: npt.ArrayLike) -> npt.NDArray[np.floating[Any]] | np.floating[Any]:
    """Converts a power ratio to decibel: ``ratio_db = 10 log10(ratio)``.

    Args:
        ratio: Linear power ratio, not negative, any shape.

    Returns:
        The ratio in dB, float64, of the same shape; minus infinity where the ratio is 0.

    Raises:
        ValueError: A ratio is negative.
    """
    linear = np.asarray(ratio, np.float64)
    if (linear < 0).any():
        raise ValueError(f"a power ratio cannot be negative, got {linear.min()}")
    with np.errstate(divide="ignore"):
        return 10.0 * np.log10(linear)


def dbm_to_watt(power_dbm: npt.ArrayLike) -> npt.NDArray[np.floating[Any]] | np.floating[Any]:
    """Converts a power from dBm to watt: ``P = 10^(P_dBm / 10) / 1000``.

    Args:
        power_dbm: Power in dB relative to one milliwatt, any shape.

    Returns:
        The power in watt, float64, of the same shape.
    """
    return db_to_linear(power_dbm) / 1e3


def watt_to_dbm(power: npt.ArrayLike) -> npt.NDArray[np.floating[Any]] | np.floating[Any]:
    """Converts a power from watt to dBm: ``P_dBm = 10 log10(1000 P)``.

    Args:
        power: Power in watt, not negative, any shape.

    Returns:
        The power in dBm, float64, of the same shape; minus infinity where the power is 0.

    Raises:
        ValueError: A power is negative.
    """
    return linear_to_db(np.asarray(power, np.float64) * 1e3)


def noise_with_error(
    noise_power: npt.ArrayLike, max_power: npt.ArrayLike, error_variance: npt.ArrayLike
) -> npt.NDArray[np.floating[Any]] | np.floating[Any]:
    """Adds what an estimate of the channel misses to the noise: ``noise_power + max_power * error_variance``.

    A precoder V on the budget, ``||V||_F^2 = max_power``, reaches a user through the unknown part of its channel with
    the power ``max_power * error_variance`` wherever it points, if the part's entries are alike and uncorrelated. Asked
    with the estimate and this noise, the server maximises a bound on the rates that treats that power as noise.

    Args:
        noise_power: ``[K]`` or scalar, noise power at each user.
        max_power: Scalar, power budget of the one transmitter.
        error_variance: ``[K]`` or scalar, mean of ``|channel - estimate|^2`` over a user's antennas, not negative.

    Returns:
        ``[K]`` or scalar, what to send as ``noise_power``.

    Raises:
        ValueError: A variance is negative.
    """
    variance = np.asarray(error_variance, np.float64)
    if (variance < 0).any():
        raise ValueError(f"an error variance cannot be negative, got {variance.min()}")
    return np.asarray(noise_power, np.float64) + np.asarray(max_power, np.float64) * variance
