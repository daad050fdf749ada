"""Hybrid precoders by every system of the study, and the spectral and energy efficiency that they reach."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from torch import nn

import airgraph_models
from airgraph_models.classical.hybrid_alternation import (
    alternate,
    blocks_of,
    chain_digital,
    partially_connected,
    strongest_columns,
)
from airgraph_models.classical.stopping import Stopping
from airgraph_models.problems import HYBRID_PRECODING, HybridPrecoding
from airgraph_models.problems.hybrid import join_halves
from airgraph_models.problems.hybrid_chains import real_blocks
from airgraph_training.channels.clustered import ComplexArray
from airgraph_training.evaluation import Exported
from airgraph_training.export import onnx_session
from airgraph_training.studies.hybrid_fitting import RECEIVE, STREAMS, TRANSMIT, Links, tensors
from airgraph_training.studies.lab import FloatArray
from airgraph_training.studies.sdr_altmin import DigitalHalf, sdr_altmin

MODEL = Path(airgraph_models.__file__).parent / "zoo" / "hybrid_precoding" / "unrolled_chains" / "1"
SDR, ONE, FIXED = "SDR-AltMin", "alternation, one start, 10 iterations", "alternation, fixed starts"
GNN, MLP = "unrolled GNN, (25)", "MLP"
SERVED, AUTO = "the served network alone", "AUTO (network and alternation)"
SNR = 10.0
"""10 dB, linear."""
COMMON_WATTS, CHAIN_WATTS, SHIFTER_WATTS, AMPLIFIER_WATTS = 10.0, 0.1, 0.01, 0.1
MOST_ITERATIONS = 100
POLISH = Stopping(120, 1e-5)
"""What the server polishes with where nothing else is said."""

Solve = Callable[[ComplexArray, int], ComplexArray]
"""From a digital precoder ``[N, Ns]`` and a number of chains to an allocation of `HYBRID_PRECODING`."""


def power_watts(chains: int, structure: str = "partial") -> float:
    """P_common + N_RF P_RF + N_t (P_PA + P_PS), with N_RF shifters an antenna where every chain drives all of them."""
    shifters = 1 if structure == "partial" else chains
    return COMMON_WATTS + chains * CHAIN_WATTS + TRANSMIT * (AMPLIFIER_WATTS + shifters * SHIFTER_WATTS)


def spectral_efficiency(channel: ComplexArray, precoder: ComplexArray, combiner: ComplexArray) -> float:
    r"""bit/s/Hz, :math:`\log_2 \det(I + \frac{\text{SNR}}{N_s} W^+ H P P^H H^H W)`."""
    heard = np.linalg.pinv(combiner) @ channel @ precoder
    signal = heard @ (precoder.conj().T @ channel.conj().T @ combiner)
    return float(np.linalg.slogdet(np.eye(STREAMS) + SNR / STREAMS * signal)[1] / np.log(2.0))


def efficiency(links: Links, precoders: list[ComplexArray], combiners: list[ComplexArray]) -> FloatArray:
    """Spectral efficiency ``[n]`` of allocations at both ends."""
    found = []
    for i, channel in enumerate(links.channel):
        analogue, digital = precoders[i][:TRANSMIT], precoders[i][TRANSMIT:].T
        hearing, joining = combiners[i][:RECEIVE], combiners[i][RECEIVE:].T
        found.append(spectral_efficiency(channel, analogue @ digital, hearing @ joining))
    return np.array(found)


def mean_loss(digital: ComplexArray, allocations: list[ComplexArray]) -> float:
    r"""Mean of :math:`\|F_\text{opt} - F_\text{RF} F_\text{BB}\|_F^2`."""
    antennas = digital.shape[1]
    errors = (one - found[:antennas] @ found[antennas:].T for one, found in zip(digital, allocations, strict=True))
    return float(np.mean([np.linalg.norm(error) ** 2 for error in errors]))


def by_sdr(rng: np.random.Generator, digital_half: DigitalHalf = chain_digital) -> Solve:
    """SDR-AltMin from a random start."""

    def solve(f_opt: ComplexArray, chains: int) -> ComplexArray:
        shifts, digital, _ = sdr_altmin(f_opt, chains, rng, digital_half)
        return join_halves(partially_connected(shifts), digital)

    return solve


def by_one_start(f_opt: ComplexArray, chains: int) -> ComplexArray:
    """Closed-form alternation from the phases of each block's strongest column, ten iterations."""
    blocks = blocks_of(f_opt, chains)
    shifts, _ = alternate(blocks, strongest_columns(blocks), Stopping(10))
    return join_halves(partially_connected(shifts), chain_digital(blocks, shifts))


def by_alternation(f_opt: ComplexArray, chains: int) -> ComplexArray:
    """Closed-form alternation from all of its fixed starts."""
    instance = HybridPrecoding.create(f_opt, chains=chains)
    found: ComplexArray = HYBRID_PRECODING.solve([instance], Stopping(MOST_ITERATIONS))[0].allocation
    return found


def by_phase_extraction(f_opt: ComplexArray, chains: int) -> ComplexArray:
    """Every chain on every antenna."""
    instance = HybridPrecoding.create(f_opt, chains=chains, structure="full")
    found: ComplexArray = HYBRID_PRECODING.solve([instance], Stopping(MOST_ITERATIONS, 1e-5))[0].allocation
    return found


def by_served(served: Exported, *, polished: bool) -> Solve:
    """The served network, alone or with the polish that AUTO gives it."""

    def solve(f_opt: ComplexArray, chains: int) -> ComplexArray:
        instance = HybridPrecoding.create(f_opt, chains=chains)
        start = HYBRID_PRECODING.project(instance, served.answers([instance])[0])
        if not polished:
            return start
        found: ComplexArray = HYBRID_PRECODING.polish(
            [instance], [HYBRID_PRECODING.baseline_start(instance, start)], POLISH
        )[0].allocation
        return found

    return solve


def by_network(network: nn.Module, antennas: int, chains: int) -> Solve:
    """One of the paper's networks through ONNX Runtime on one thread, one instance at a time."""
    session = exported(network, antennas, chains)

    def solve(f_opt: ComplexArray, chains: int) -> ComplexArray:
        phase, symbol = session.run(None, {"block": real_blocks(f_opt, chains)[None]})
        shifts = (phase[0, :, 0] + 1j * phase[0, :, 1]).astype(np.complex128)
        digital = (symbol[0, :, 0::2] - 1j * symbol[0, :, 1::2]).astype(np.complex128)
        return join_halves(partially_connected(shifts), digital)

    return solve


def exported(network: nn.Module, antennas: int, chains: int) -> ort.InferenceSession:
    """A session of one of the paper's networks for one instance."""
    block = tensors(np.ones((1, antennas, STREAMS), np.complex128), chains)
    stream = io.BytesIO()
    with warnings.catch_warnings():
        # As in `airgraph_training.export`: the tracing exporter is exact here and folds products with their biases.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (block,),
            stream,  # type: ignore[arg-type]  # a stream is taken, though the annotation forgets it
            input_names=["block"],
            opset_version=18,
            dynamo=False,
        )
    return onnx_session(stream.getvalue())
