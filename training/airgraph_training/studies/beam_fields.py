"""Pairs of two transmit antennas in a field, and what every system makes of them (paper 001, section V-C)."""

from __future__ import annotations

from functools import cache

import numpy as np

from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import BEAMFORMING, Beamforming
from airgraph_models.problems.links import Links
from airgraph_training.channels import PUBLISHED_FIELD, drop_pairs
from airgraph_training.channels.rayleigh import Complex128Array, rayleigh
from airgraph_training.evaluation import Exported
from airgraph_training.studies.fields import REACH, Field
from airgraph_training.studies.frontier_systems import ZOO
from airgraph_training.studies.lab import TEST_SEED, WMMSE_ITERATIONS, FloatArray

ANTENNAS = 2
STOPPING_TOLERANCE = 1e-4
"""Of the WMMSE that stops by itself: the sum rate grows by less than this share of it in an iteration."""
ONE = "WMMSE from equal antennas"
STOPPED = "WMMSE that stops by itself"
LOCAL = f"WMMSE, links within {REACH:g} m"
NEAR = f"WCGCN, links within {REACH:g} m"
ALL = "WCGCN, all links"
MAXIMUM_RATIO = "maximum ratio at full power"

Pair = tuple[Beamforming, Beamforming]
"""An instance with all links, by which answers are judged, and as a system with local knowledge sees it."""


@cache
def shipped_beams() -> Exported:
    """The network that AUTO serves."""
    return Exported.of_zoo(ZOO.parent / "beamforming" / "wcgcn" / "1")


def draw_beams(field: Field, rng: np.random.Generator, pairs: int) -> Pair:
    """An instance of K pairs, noise, budgets and weights one: all its links, and those over at most `REACH`."""
    drop = drop_pairs(rng, pairs, field.side, PUBLISHED_FIELD, ANTENNAS, nearest=field.nearest, farthest=field.farthest)
    near = (drop.distance <= REACH) | np.eye(pairs, dtype=bool)
    receiver, transmitter = np.nonzero(near)
    links = Links.create(receiver, transmitter, pairs, pairs)
    return Beamforming.create(drop.channel), Beamforming.create(drop.channel[near], links=links)


def beam_tests(field: Field, pairs: int, count: int) -> list[Pair]:
    """Instances that no training set holds."""
    rng = np.random.default_rng((TEST_SEED, pairs, ANTENNAS))
    return [draw_beams(field, rng, pairs) for _ in range(count)]


def best_of_name(starts: int) -> str:
    """Row of the best of so many starts."""
    return f"best of {starts} WMMSE"


def beam_rates(tests: list[Pair], starts: int, seed: int) -> dict[str, FloatArray]:
    """Sum rate ``[n]`` over all links of every system; that of one WMMSE comes first."""
    rng = np.random.default_rng((seed, starts))
    rows = [_rates(whole, seen, starts, rng) for whole, seen in tests]
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}


def _rates(whole: Beamforming, seen: Beamforming, starts: int, rng: np.random.Generator) -> dict[str, float]:
    given = BEAMFORMING.starts(whole)
    chance = rayleigh(rng, starts - len(given), whole.size, ANTENNAS)
    chance /= np.linalg.norm(chance, axis=-1, keepdims=True)
    local = _dense(seen)
    answers = {
        ONE: wmmse_beams(whole, given[:1]),
        best_of_name(starts): wmmse_beams(whole, np.concatenate([given, chance])),
        STOPPED: wmmse_beams(whole, given[:1], STOPPING_TOLERANCE),
        LOCAL: wmmse_beams(local, given[:1]),
        NEAR: learned_beams(seen),
        ALL: learned_beams(whole),
        MAXIMUM_RATIO: BEAMFORMING.baseline(whole),
    }
    return {name: BEAMFORMING.objective(whole, BEAMFORMING.project(whole, beams)) for name, beams in answers.items()}


def learned_beams(seen: Beamforming) -> Complex128Array:
    """The shipped network's beams ``[K, N]``: features, network and reading back, nothing else."""
    beams: Complex128Array = shipped_beams().answers([seen])[0]
    return beams


def wmmse_beams(instance: Beamforming, starts: Complex128Array, tolerance: float = 0.0) -> Complex128Array:
    """The best of ``starts [S, K, N]``, at most 100 iterations each."""
    beams: Complex128Array = BEAMFORMING.refine([instance], [starts], Stopping(WMMSE_ITERATIONS, tolerance=tolerance))[
        0
    ].allocation
    return beams


def _dense(seen: Beamforming) -> Beamforming:
    """The same with zeros where there is no link: many links are faster as a matrix."""
    links = seen.links
    assert links is not None
    channel = np.zeros((seen.size, seen.size, ANTENNAS), np.complex128)
    channel[links.receiver, links.transmitter] = seen.channel
    return Beamforming.create(channel)


def beam_remarks(counts: str) -> tuple[str, ...]:
    """What the pages of these studies have in common."""
    return (
        f"Sum rate of pairs with {ANTENNAS} transmit antennas, weights one. Test instances: {counts}. Every answer is "
        "judged with all links; a system with local knowledge decides from those within the named distance.",
        "WCGCN is the one beamforming network that is shipped, alone: neither polished nor guarded. It was trained on "
        "8,300 instances of 3 to 50 pairs, receivers 2 to 65 m away; the paper trains one network for each setting, "
        "on 50,000 samples of it. It has the paper's widths but for fewer inputs, as it reads each link turned into "
        "its transmitter's frame.",
        f"WMMSE runs {WMMSE_ITERATIONS} iterations from beams with equal antennas at full power. The one that stops "
        f"by itself does so when an iteration adds less than {STOPPING_TOLERANCE:g} of the sum rate. The best of "
        "many starts has equal antennas, maximum ratio, and random directions at full power.",
        "Channels follow the law of the paper's published code for fields: power falls as d^-1.88, 3.15 dB of "
        "shadowing, Rayleigh fading.",
    )
