"""Checks shared by every problem family: one place, deterministic messages."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from airgraph_models.problems.errors import InvalidInstanceError

FloatArray = npt.NDArray[np.float64]
ComplexArray = npt.NDArray[np.complex128]
IndexArray = npt.NDArray[np.int64]


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as a person writes it: ``[3, 4]``."""
    return "[" + ", ".join(str(n) for n in shape) + "]"


def require(condition: bool, field: str, expected: str, got: str) -> None:
    """Raises `InvalidInstanceError` unless ``condition`` holds."""
    if not condition:
        raise InvalidInstanceError(field, expected, got)


def _first_index(bad: npt.NDArray[np.bool_]) -> str:
    index = np.unravel_index(int(np.argmax(bad)), bad.shape)
    return "index (" + ", ".join(str(int(i)) for i in index) + ")"


def _first_value(values: npt.NDArray[np.generic], bad: npt.NDArray[np.bool_]) -> str:
    if values.ndim == 0:
        return str(values[()])
    index = np.unravel_index(int(np.argmax(bad)), bad.shape)
    return f"{values[index]} at {_first_index(bad)}"


def numeric(field: str, values: npt.ArrayLike, *, allow_complex: bool) -> npt.NDArray[np.generic]:
    """``values`` as an array of finite numbers.

    Raises:
        InvalidInstanceError: A dtype that is not numeric (or complex where only real is meant), or a
            NaN or infinite entry.
    """
    array: npt.NDArray[np.generic] = np.asarray(values)
    kinds = "fiuc" if allow_complex else "fiu"
    kind_text = "real or complex numbers" if allow_complex else "real numbers"
    # Here and below the words are put together only where something is wrong: they cost more than the check.
    if array.dtype.kind not in kinds:
        raise InvalidInstanceError(field, kind_text, f"dtype {array.dtype}")
    finite = np.isfinite(array)
    # On a few entries counting takes a fifth of the time of `all` and `any`.
    if np.count_nonzero(finite) < finite.size:
        raise InvalidInstanceError(field, "finite entries", _first_value(array, ~finite))
    return array


def real(field: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """``values`` as finite float64 of exactly ``shape``."""
    array = numeric(field, values, allow_complex=False)
    if array.shape != shape:
        raise InvalidInstanceError(field, f"shape {shape_text(shape)}", f"shape {shape_text(array.shape)}")
    return array.astype(np.float64, copy=False)


def non_negative(field: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """``values`` as finite float64 of ``shape`` with no entry below zero."""
    given = np.asarray(values)
    fitting = given.shape == shape and given.size > 0 and given.dtype.kind in "fiu"
    # Two passes over what nearly always is in order; NaN fails both comparisons.
    if fitting and np.minimum.reduce(given, axis=None) >= 0 and np.maximum.reduce(given, axis=None) < np.inf:
        return given.astype(np.float64, copy=False)
    array = real(field, values, shape)
    bad = array < 0
    if np.count_nonzero(bad):
        raise InvalidInstanceError(field, "entries >= 0", _first_value(array, bad))
    return array


def positive(field: str, values: npt.ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    """``values`` as finite float64 of ``shape`` with every entry above zero."""
    array = real(field, values, shape)
    bad = array <= 0
    if np.count_nonzero(bad):
        raise InvalidInstanceError(field, "entries > 0", _first_value(array, bad))
    return array


def per_node(values: npt.ArrayLike, count: int) -> npt.NDArray[np.generic]:
    """A scalar (shape [] or [1]) spread over ``count`` nodes; anything else unchanged."""
    array: npt.NDArray[np.generic] = np.asarray(values)
    if array.ndim == 0 or (array.shape == (1,) and count != 1):
        # Five times as fast as a broadcast view.
        return np.full(count, array.reshape(()))
    return array


LARGEST_SNR = 1e30
"""300 dB: far beyond any radio, and its products stay finite in float64."""


def require_bounded_snr(
    field: str, amplitude: FloatArray | ComplexArray, max_power: FloatArray, noise_power: FloatArray
) -> None:
    """Refuses channel amplitudes so large against the noise that the arithmetic could overflow.

    Raises:
        InvalidInstanceError: Largest gain times largest budget over smallest noise exceeds `LARGEST_SNR`.
    """
    with np.errstate(over="ignore"):
        largest = float(np.abs(amplitude).max(initial=0.0))
    # Of Python's own numbers, which overflow without a word.
    require_bounded_peak(field, largest * largest, max_power, noise_power)


def require_bounded_peak(field: str, gain: float, max_power: FloatArray, noise_power: FloatArray) -> None:
    """The same of the largest power gain.

    Raises:
        InvalidInstanceError: It times the largest budget over the smallest noise exceeds `LARGEST_SNR`.
    """
    peak = gain * _reach(max_power, noise_power)
    if not peak <= LARGEST_SNR:
        raise InvalidInstanceError(field, f"gain * max_power / noise_power of at most {LARGEST_SNR:.0e}", f"{peak:.3g}")


def _reach(max_power: FloatArray, noise_power: FloatArray) -> float:
    """Largest budget over the smallest noise."""
    return float(np.maximum.reduce(max_power)) / float(np.minimum.reduce(noise_power))


def bounded_channel(field: str, values: npt.ArrayLike, max_power: FloatArray, noise_power: FloatArray) -> ComplexArray:
    """``values`` as finite complex128 that `require_bounded_snr` accepts."""
    given = np.asarray(values)
    if given.dtype.kind in "fiuc" and given.size:
        channel: ComplexArray = np.ascontiguousarray(given, np.complex128)
        # Two passes over what came in tell of what nearly always is in order that it is: NaN fails the comparison.
        parts = np.ascontiguousarray(given).view(given.real.dtype)
        largest = max(float(np.maximum.reduce(parts, axis=None)), -float(np.minimum.reduce(parts, axis=None)))
        if 2 * largest * largest * _reach(max_power, noise_power) <= LARGEST_SNR:
            return channel
    channel = numeric(field, given, allow_complex=True).astype(np.complex128, copy=False)
    require_bounded_snr(field, channel, max_power, noise_power)
    return channel


def _one_for_all(values: npt.ArrayLike, count: int) -> FloatArray | None:
    """A positive number (shape [] or [1]) over ``count`` nodes; None for whatever needs a closer look.

    Most callers give noise, budgets and weights so, and to look at one number takes a tenth of the time.
    """
    array = np.asarray(values)
    if array.size != 1 or array.ndim > 1 or array.dtype.kind not in "fiu":
        return None
    value = float(array.reshape(()))
    return _repeated(value, count) if 0 < value <= LARGEST_SNR else None


@lru_cache(maxsize=1024)
def _repeated(value: float, count: int) -> FloatArray:
    """Read-only, as all instances with this number share it."""
    repeated = np.full(count, value)
    repeated.flags.writeable = False
    return repeated


def positive_per_node(field: str, values: npt.ArrayLike, count: int) -> FloatArray:
    """``values``, one for all or one each, as finite float64 ``[count]`` with every entry above zero."""
    one = _one_for_all(values, count)
    return positive(field, per_node(values, count), (count,)) if one is None else one


def bounded_weights(values: npt.ArrayLike, count: int) -> FloatArray:
    """Rate weights ``[count]``: finite, not negative, and small enough for their sums to be finite."""
    one = _one_for_all(values, count)
    if one is not None:
        return one
    weights = non_negative("weights", per_node(values, count), (count,))
    bad = weights > LARGEST_SNR
    if np.count_nonzero(bad):
        raise InvalidInstanceError("weights", f"entries <= {LARGEST_SNR:.0e}", _first_value(weights, bad))
    return weights


def indices(field: str, values: npt.ArrayLike, shape: tuple[int, ...], upper: int) -> IndexArray:
    """``values`` as int64 of ``shape``, each in ``0 .. upper - 1``."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise InvalidInstanceError(field, "integer indices", f"dtype {array.dtype}")
    if array.shape != shape:
        raise InvalidInstanceError(field, f"shape {shape_text(shape)}", f"shape {shape_text(array.shape)}")
    index = array.astype(np.int64, copy=False)
    # Without their sign, what is negative is too large as well: one pass.
    if index.size and np.maximum.reduce(index.view(np.uint64), axis=None) >= upper:
        bad = (index < 0) | (index >= upper)
        raise InvalidInstanceError(field, f"indices in 0..{upper - 1}", _first_value(index, bad))
    return index
