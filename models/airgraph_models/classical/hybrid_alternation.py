r"""Hybrid precoders: phase shifters and a small digital half that come close to a digital precoder.

Minimise :math:`\|F_\text{opt} - F_\text{RF} F_\text{BB}\|_F^2` with :math:`|f_{nr}| = 1` on the wired entries of
:math:`F_\text{RF}` and :math:`\|F_\text{RF} F_\text{BB}\|_F^2 = N_s`.

Partially connected, chain r drives antennas of its own, the block :math:`F_r` of :math:`F_\text{opt}`. Then
:math:`F_\text{RF}^H F_\text{RF} = (N_t / N_\text{RF}) I`, the digital half is :math:`F_\text{RF}^H F_\text{opt}` up to
a scale, and what is left is one problem a chain,

.. math::
    \max_{|s_n| = 1} \|F_r^H s\|^2, \qquad s \leftarrow e^{j \arg(F_r F_r^H s)},

whose iteration never falls, because the form is convex in s. Local optima differ little, and a handful of fixed starts,
phases of combinations of the columns, finds the best of many random ones.

Fully connected, phase extraction alternates (Yu, Shen, Zhang, Letaief 2016, algorithm 1): with a semi-unitary digital
half :math:`F_\text{DD} = V U^H` of :math:`F_\text{opt}^H F_\text{RF} = U S V^H`, the phases of
:math:`F_\text{opt} F_\text{DD}^H`; at the end the digital half is the least-squares one, scaled to the power.

Source: paper 000, (7)-(9) and (24); SDR-AltMin of its reference solves the digital half as a semidefinite program.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import numpy.typing as npt

from airgraph_models.classical.beam_network import norms_squared, squared
from airgraph_models.classical.stopping import Stopping

ComplexArray = npt.NDArray[np.complex128]
FloatArray = npt.NDArray[np.float64]

ANGLES = 6
"""Phases between two columns that are combined for a start."""
MOST_PAIRED = 4
"""Streams whose pairs are combined; of more, neighbours only."""


def phases(values: ComplexArray) -> ComplexArray:
    """Numbers of modulus one with the same arguments; one where there is nothing."""
    modulus = np.abs(values)
    if modulus.min() > 0:
        return values / modulus
    return np.divide(values, modulus, out=np.ones_like(values), where=modulus > 0)


def blocks_of(f_opt: ComplexArray, chains: int) -> ComplexArray:
    """``[Nt, Ns]`` to ``[R, Nt / R, Ns]``: the antennas of each chain."""
    return f_opt.reshape(chains, -1, f_opt.shape[-1])


def column_starts(blocks: ComplexArray) -> ComplexArray:
    """Phases of combinations of the columns, ``[R, L, Ns]`` to ``[S, R, L]``; the first is the strongest column's."""
    others = np.moveaxis(blocks @ _combinations(blocks.shape[-1]), -1, 0)
    return np.concatenate([strongest_columns(blocks)[None], phases(others)])


def strongest_columns(blocks: ComplexArray) -> ComplexArray:
    """Phases of each chain's strongest column, ``[R, L, Ns]`` to ``[R, L]``."""
    strongest = np.argmax(np.add.reduce(squared(blocks), axis=1), axis=-1)
    return phases(blocks[np.arange(len(blocks)), :, strongest])


@cache
def _combinations(streams: int) -> ComplexArray:
    """``[Ns, S]``: each column alone, and pairs of columns at several phases."""
    alone = np.eye(streams, dtype=np.complex128)
    turns = np.exp(2j * np.pi * np.arange(ANGLES) / ANGLES)
    combined = [*alone]
    for i in range(streams):
        last = streams if streams <= MOST_PAIRED else min(i + 2, streams)
        combined += [alone[i] + turn * alone[j] for j in range(i + 1, last) for turn in turns]
    return np.stack(combined, axis=-1)


def captured(blocks: ComplexArray, shifts: ComplexArray) -> FloatArray:
    """``||F_r^H s||^2`` of each chain: ``[R, L, Ns]`` and ``[..., R, L]`` to ``[..., R]``."""
    heard = (shifts[..., None, :].conj() @ blocks)[..., 0, :]
    return norms_squared(heard)


def alternate(blocks: ComplexArray, start: ComplexArray, stopping: Stopping) -> tuple[ComplexArray, int]:
    """Runs the phase iteration from ``start [..., R, L]``; the phases, and how many iterations that took.

    It ends when the captured power of no start and chain grows by more than the tolerance.
    """
    shifts, before, spent = start, np.zeros(start.shape[:-1]), 0
    adjoint = np.swapaxes(blocks, -1, -2).conj()
    while spent < stopping.iterations and not stopping.expired():
        heard = adjoint @ shifts[..., None]
        if stopping.tolerance > 0:
            power = norms_squared(heard[..., 0])
            if spent and np.count_nonzero(power - before > stopping.tolerance * power) == 0:
                break
            before = power
        shifts = phases((blocks @ heard)[..., 0])
        spent += 1
    return shifts, spent


def partially_connected(shifts: ComplexArray) -> ComplexArray:
    """The analogue precoder ``[Nt, R]`` of phases ``[R, L]``: one chain an antenna."""
    chains, length = shifts.shape
    analogue = np.zeros((chains, length, chains), np.complex128)
    # A view of the wired entries: half the time of indices.
    np.einsum("rlr->rl", analogue)[...] = shifts
    return analogue.reshape(chains * length, chains)


def chain_digital(blocks: ComplexArray, shifts: ComplexArray) -> ComplexArray:
    """The digital precoder ``[R, Ns]`` that is best for phases ``[R, L]``, scaled to the power Ns."""
    heard = (shifts[:, None, :].conj() @ blocks)[:, 0]
    norm = math.sqrt(np.vdot(heard, heard).real * shifts.shape[1])
    scaled: ComplexArray = heard * (math.sqrt(blocks.shape[-1]) / norm) if norm > 0 else heard
    return scaled


def digital_half(f_opt: ComplexArray, analogue: ComplexArray) -> ComplexArray:
    """The least-squares digital precoder ``[R, Ns]``, scaled so that ``||F_RF F_BB||_F^2 = Ns``."""
    gram = analogue.conj().T @ analogue
    # Chains of equal phases leave the Gram matrix singular.
    digital = np.asarray(np.linalg.lstsq(gram, analogue.conj().T @ f_opt, rcond=None)[0], np.complex128)
    norm = np.linalg.norm(analogue @ digital)
    streams = f_opt.shape[-1]
    scaled: ComplexArray = digital * (np.sqrt(streams) / norm) if norm > 0 else digital
    return scaled


def phase_extraction(f_opt: ComplexArray, start: ComplexArray, stopping: Stopping) -> tuple[ComplexArray, int]:
    """PE-AltMin for the fully connected structure from an analogue precoder ``[Nt, R]``; and its iterations.

    The best analogue precoder on the way is kept: the alternation ascends in its surrogate, not in the loss itself.
    """
    analogue, best, reached, spent = start, start, alignment(f_opt, start), 0
    while spent < stopping.iterations and not stopping.expired():
        left, _, right = np.linalg.svd(f_opt.conj().T @ analogue, full_matrices=False)
        analogue = phases(f_opt @ (left @ right))
        spent += 1
        now = alignment(f_opt, analogue)
        gain = now - reached
        if gain > 0:
            best, reached = analogue, now
        if stopping.tolerance > 0 and gain <= stopping.tolerance * reached:
            break
    return best, spent


def alignment(f_opt: ComplexArray, analogue: ComplexArray) -> float:
    """Cosine between ``F_opt`` and ``F_RF F_BB`` with the best digital half, in 0..1."""
    product = analogue @ digital_half(f_opt, analogue)
    return cosine(f_opt, product)


def cosine(f_opt: ComplexArray, product: ComplexArray) -> float:
    """Real inner product over the norms; 0 where the product is nothing."""
    norm = np.linalg.norm(product) * np.linalg.norm(f_opt)
    return float(np.vdot(f_opt, product).real / norm) if norm > 0 else 0.0
