"""Instances that a model is tested and warmed up with."""

from __future__ import annotations

import numpy as np

from airgraph_models.problems import Beamforming, CellFree, HybridPrecoding, PowerControl, Precoding
from airgraph_models.zoo.card import Card

Instance = PowerControl | Beamforming | Precoding | CellFree | HybridPrecoding

HYBRID_CHAINS = 2
"""And streams, so that any number of antennas a chain will do."""


def golden_instance(card: Card) -> Instance:
    """The golden instance that the card describes."""
    given = card.golden["instance"]
    if card.problem == CellFree.problem:
        return CellFree.create(np.asarray(given["fading"]), snr=given["snr"], pilot_length=given["pilot_length"])
    if card.problem == HybridPrecoding.problem:
        f_opt = np.asarray(given["f_opt_real"]) + 1j * np.asarray(given["f_opt_imag"])
        return HybridPrecoding.create(f_opt, chains=given["rf_chains"])
    common = {name: given[name] for name in ("weights", "noise_power", "max_power")}
    if card.problem == PowerControl.problem:
        return PowerControl.create(np.asarray(given["gain"]), **common)
    channel = np.asarray(given["channel_real"]) + 1j * np.asarray(given["channel_imag"])
    if card.problem == Precoding.problem:
        return Precoding.create(channel, **common)
    return Beamforming.create(channel, **common)


def plain_instance(card: Card, nodes: int) -> Instance:
    """An arbitrary valid instance: only its size matters."""
    rng = np.random.default_rng(nodes)
    if card.problem == CellFree.problem:
        return CellFree.create(rng.exponential(size=(2 * nodes, nodes)), snr=1.0, pilot_length=nodes)
    if card.problem == HybridPrecoding.problem:
        size = (HYBRID_CHAINS * nodes, HYBRID_CHAINS)
        f_opt = rng.standard_normal(size) + 1j * rng.standard_normal(size)
        return HybridPrecoding.create(f_opt, chains=HYBRID_CHAINS)
    if card.problem == PowerControl.problem:
        return PowerControl.create(rng.exponential(size=(nodes, nodes)))
    if card.problem == Precoding.problem:
        return Precoding.create(rng.standard_normal((nodes, nodes)) + 1j * rng.standard_normal((nodes, nodes)))
    shape = (nodes, nodes, card.antennas)
    return Beamforming.create(rng.standard_normal(shape) + 1j * rng.standard_normal(shape))
