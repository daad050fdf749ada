r"""Precoding from estimated channels: what each system loses, and what adding the error to the noise gains.

A user's channel of mean power :math:`\beta_k` an antenna is estimated from pilots,

.. math::
    y_k = h_k + n_k, \quad n_k \sim \mathcal{CN}(0, \beta_k \epsilon / (1 - \epsilon)), \qquad
    \hat h_k = (1 - \epsilon) y_k

so that :math:`h_k - \hat h_k` has the power :math:`\epsilon \beta_k` an antenna. For Rayleigh fading that is the MMSE
estimate and its error is independent of it; the estimator knows no correlation of the antennas. A precoder on the
budget P then meets the channel's unknown part as interference of the power :math:`\epsilon \beta_k P`, wherever it
points: who adds it to the noise asks for the right thing (the bound that treats the error as noise).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from airgraph_models.problems import PRECODING, Precoding
from airgraph_training.channels.rayleigh import rayleigh
from airgraph_training.studies.lab import TEST_SEED, Lab
from airgraph_training.studies.precoding_cells import RAYLEIGH, SQUARE, UMI, UMI_FAR, Cell
from airgraph_training.studies.precoding_systems import (
    REFERENCE_ITERATIONS,
    REFERENCE_STARTS,
    Solve,
    auto,
    network_alone,
    rzf,
    wmmse,
)
from airgraph_training.studies.precoding_universal import SERVED, reference_objectives
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = (0.001, 0.01, 0.1, 0.3)
"""Of a channel's power that its estimate misses."""
CELLS = (
    *(Cell(RAYLEIGH, 32, 16, level) for level in (10, 20)),
    Cell(SQUARE, 16, 16, 10),
    *(Cell(UMI, 32, 16, level) for level in (10, 20)),
    Cell(UMI_FAR, 32, 16, 20),
)
QUICK = (Cell(SQUARE, 4, 4, 10),)
SHOWN = Cell(UMI, 32, 16, 20)
TESTS, LEVEL = 40, 1e-3
SYSTEMS: dict[str, Solve] = {
    "RZF": rzf,
    "WMMSE": lambda instance: wmmse(instance, 1, REFERENCE_ITERATIONS),
    "network alone": network_alone,
    "AUTO": auto(*SERVED),
}
PLAIN, AWARE = "as if exact", "error as noise"

Ratios = dict[tuple[str, str], float]


@dataclass(frozen=True)
class Estimate:
    """One instance and what is known of it.

    Attributes:
        true: By which answers are judged.
        plain: The estimate, taken for the channel.
        aware: The estimate, with the power of its error added to each user's noise.
    """

    true: Precoding
    plain: Precoding
    aware: Precoding

    @classmethod
    def of(cls, true: Precoding, share: float, rng: np.random.Generator) -> Estimate:
        """Estimates the channel ``[K, N]`` of an instance whose error has ``share`` of its power."""
        channel = true.channel
        power = (np.abs(channel) ** 2).mean(axis=-1)
        pilot_noise = np.sqrt(power * share / (1.0 - share))
        estimate = (1.0 - share) * (channel + pilot_noise[:, None] * rayleigh(rng, *channel.shape))
        noise = true.noise_power + true.max_power * share * power
        return cls(true, Precoding.create(estimate), Precoding.create(estimate, noise_power=noise))


def measure(instances: list[Precoding], share: float) -> Ratios:
    """Mean objective on the true channels ``{(system, told): bit/s/Hz}``, whether told of the error or not."""
    rng = np.random.default_rng((TEST_SEED, round(1e6 * share)))
    estimates = [Estimate.of(instance, share, rng) for instance in instances]
    reached: Ratios = {}
    for name, solve in SYSTEMS.items():
        for told in (PLAIN, AWARE):
            seen = [e.plain if told == PLAIN else e.aware for e in estimates]
            rates = [PRECODING.objective(e.true, solve(instance)) for e, instance in zip(estimates, seen, strict=True)]
            reached[name, told] = float(np.mean(rates))
    return reached


def _run(lab: Lab) -> Findings:
    cells, shares, count = (QUICK, SHARES[-1:], 4) if lab.quick else (CELLS, SHARES, TESTS)
    measured: dict[tuple[Cell, float], Ratios] = {}
    for cell in cells:
        instances = cell.draw(count)
        best, _ = reference_objectives(lab, cell, instances)
        for share in shares:
            lab.report(f"measuring {', '.join(cell.name)} dB, error share {share:g}")
            reached = measure(instances, share)
            measured[cell, share] = {key: rate / float(np.mean(best)) for key, rate in reached.items()}
    columns = tuple(f"{name}, {told}" for name, told in next(iter(measured.values())))
    return Findings(
        tables=(
            Table(
                f"Mean objective on the true channels over that of the best of {REFERENCE_STARTS} WMMSE starts, "
                f"{REFERENCE_ITERATIONS} iterations each, that know them",
                ("channels", "N x K", "dB", "error's share", *columns),
                tuple(
                    (*cell.name, f"{share:g}", *(f"{ratio:.4f}" for ratio in ratios.values()))
                    for (cell, share), ratios in measured.items()
                ),
            ),
            Table(
                "What telling of the error gains, and who leads",
                ("of", "mean gain", "largest", "loses in", "best in"),
                _gains(measured),
            ),
        ),
        remarks=_remarks(),
        draw=lambda axes: _draw(axes, measured),
    )


def _gains(measured: dict[tuple[Cell, float], Ratios]) -> tuple[tuple[str, ...], ...]:
    rows = []
    for name in SYSTEMS:
        gains = np.array([ratios[name, AWARE] / ratios[name, PLAIN] - 1.0 for ratios in measured.values()])
        leads = sum(ratios[name, AWARE] >= max(ratios.values()) - LEVEL for ratios in measured.values())
        total = len(measured)
        rows.append(
            (
                name,
                f"{100 * gains.mean():+.2f}%",
                f"{100 * gains.max():+.2f}%",
                f"{np.count_nonzero(gains < -LEVEL)} of {total}",
                f"{leads} of {total}",
            )
        )
    return tuple(rows)


def _remarks() -> tuple[str, ...]:
    decibels = ", ".join(f"{share:g} at {10 * np.log10(1 / share - 1):.0f} dB" for share in SHARES)
    return (
        "Everything decides from the estimate and is judged by the true channel and noise. The error's share is that "
        "of a channel's power which the estimate misses; it falls with the level at which a user's pilots are heard: "
        f"{decibels}. The estimate knows no correlation of the antennas.",
        f'"{AWARE[0].upper()}{AWARE[1:]}": each user\'s noise power grows by the budget times the mean power of its '
        "channel's error an antenna. That is all; a caller of the server does the same with "
        "`airgraph_client.noise_with_error`.",
        f"WMMSE is the reduced form from RZF, {REFERENCE_ITERATIONS} iterations; AUTO with {SERVED[0]} starts and "
        f"{SERVED[1]} steps, as the server does where no deadline is near. AUTO's promise never to be below RZF is "
        "about the problem as it is asked: as the estimate has it.",
        f"Best in: told of the error, within {100 * LEVEL:g}% of the best column.",
    )


def _draw(axes: Axes, measured: dict[tuple[Cell, float], Ratios]) -> None:
    shown = SHOWN if any(cell == SHOWN for cell, _ in measured) else next(iter(measured))[0]
    shares = [share for cell, share in measured if cell == shown]
    for place, name in enumerate(SYSTEMS):
        for told, style in ((AWARE, "-o"), (PLAIN, "--x")):
            values = [measured[shown, share][name, told] for share in shares]
            axes.semilogx(shares, values, style, color=f"C{place}", markersize=5, label=f"{name}, {told}")
    axes.set_xlabel(f"share of the channel's power that the estimate misses; {', '.join(shown.name)} dB")
    axes.set_ylabel("mean objective over WMMSE that knows the channel")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


IMPERFECT_CSI = Study(
    name="imperfect-csi",
    title="Precoding from estimated channels",
    source="no paper: every table of paper 004 knows its channels exactly",
    run=_run,
)
