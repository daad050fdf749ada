"""AUTO's polisher for spectral efficiency: its starts climb together in the dual uplink, then the best alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from airgraph_models.classical.beam_network import IndexArray, squared
from airgraph_models.classical.downlink import ComplexArray, FloatArray, adjoint, normalised
from airgraph_models.classical.dual_ascent import dual_ascent
from airgraph_models.classical.dual_uplink import dual_coefficients
from airgraph_models.classical.linear_precoding import with_sum_power
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems.precoding_instance import Precoding

FIRST_HEAT = 8
"""Steps that all starts take; the best of each instance goes on alone."""
TINY = 1e-300


def stages(starts: int, iterations: int) -> list[tuple[int, int]]:
    """(starts still running, steps) of `climb`."""
    if starts == 1 or iterations <= FIRST_HEAT:
        return [(starts, iterations)]
    return [(starts, FIRST_HEAT), (1, iterations - FIRST_HEAT)]


def climb(
    members: Sequence[Precoding], starts: Sequence[ComplexArray], stopping: Stopping
) -> tuple[ComplexArray, IndexArray, int]:
    """The best precoder of each of several instances of one shape, the start it came from, and the steps taken.

    Args:
        members: Instances of spectral efficiency.
        starts: ``[S, N, K]`` or ``[S, B, N, K]`` precoders of each.
        stopping: When to end.

    Returns:
        Precoders ``[I, N, K]`` or ``[I, B, N, K]`` on the budget; which start led there, ``[I]``; steps.
    """
    budget = np.stack([m.max_power for m in members])
    noise = np.stack([m.noise_power for m in members])
    weights = np.stack([m.weights for m in members])
    banded = members[0].channel.ndim - 2
    noise, weights = (values.reshape(len(members), *(1,) * banded, -1) for values in (noise, weights))
    unit = normalised(np.stack([m.channel for m in members]), noise, budget)
    gram = unit @ adjoint(unit)
    # Axes: instance, start, sub-band where there is one.
    precoders = np.stack(starts)
    shares = _shares(unit[:, None], precoders / np.sqrt(budget)[:, None, ..., None, None], weights[:, None])
    heats = stages(shares.shape[1], stopping.iterations)
    found = dual_ascent(gram[:, None], weights[:, None], shares, replace(stopping, iterations=heats[0][1]))
    led = found.rate.reshape(*found.rate.shape[:2], -1).sum(axis=-1).argmax(axis=1)
    share, iterations = found.share[np.arange(len(members)), led], found.iterations
    if len(heats) > 1 and found.iterations == heats[0][1]:
        further = dual_ascent(gram, weights, share, replace(stopping, iterations=heats[1][1]))
        share, iterations = further.share, iterations + further.iterations
    ended = adjoint(unit) @ dual_coefficients(gram, share)
    return with_sum_power(ended, budget), led, iterations


def _shares(unit: ComplexArray, precoder: ComplexArray, weights: FloatArray) -> FloatArray:
    """The shares that one WMMSE step from a precoder would use: ``alpha_k w_k |u_k|^2`` over their sum.

    Args:
        unit: ``[..., K, N]`` normalised channels.
        precoder: ``[..., N, K]`` in units of the root of the budget.
        weights: ``[..., K]``.
    """
    power = squared(unit @ precoder)
    own = np.diagonal(power, axis1=-2, axis2=-1)
    total = power.sum(axis=-1) + 1.0
    asked = weights * own / (total * np.maximum(total - own, 1.0))
    whole = asked.sum(axis=-1, keepdims=True)
    shares: FloatArray = np.where(whole > TINY, asked / np.maximum(whole, TINY), 1.0 / asked.shape[-1])
    return shares
