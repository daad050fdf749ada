"""Sum rate of 50 pairs of two transmit antennas in a square kilometre."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airgraph_training.studies.beam_fields import ONE, beam_rates, beam_remarks, beam_tests, best_of_name
from airgraph_training.studies.field_networks import ratios
from airgraph_training.studies.fields import Field
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.study import Findings, Study
from airgraph_training.studies.weighted import FIELDS, distances_of, distances_table, draw_distances

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PAIRS, TESTS, STARTS = 50, 200, 10


def _run(lab: Lab) -> Findings:
    pairs, count, starts = (6, 3, 3) if lab.quick else (PAIRS, TESTS, STARTS)
    fields: tuple[Field, ...] = FIELDS[:1] if lab.quick else FIELDS
    measured = {distances_of(f): beam_rates(beam_tests(f, pairs, count), starts, lab.seed) for f in fields}
    over_one = {name: ratios(rates, ONE) for name, rates in measured.items()}
    over_best = {name: ratios(rates, best_of_name(starts)) for name, rates in measured.items()}

    def draw(axes: Axes) -> None:
        draw_distances(axes, over_one, f"mean sum rate over {ONE}")

    return Findings(
        tables=(
            distances_table(f"Mean sum rate over that of {ONE}, 100 iterations", over_one),
            distances_table(f"Mean sum rate over that of the best of {starts} starts of WMMSE", over_best),
        ),
        remarks=(
            f"{pairs} pairs in a square kilometre. Columns: distance of a receiver from its transmitter, uniform "
            "between d_min and d_max. The network was trained on the first only.",
            "The text of the paper says that WCGCN is comparable to WMMSE; the figures of its table V, and which "
            "distances it lists, were not available to us. 2 to 65 m is that of its published code.",
            *beam_remarks(f"{count} for each column"),
        ),
        draw=draw,
    )


BEAMFORMING_STUDY = Study(
    name="beamforming",
    title="Beamforming of 50 pairs with local channel knowledge",
    source="paper 001, table V",
    run=_run,
)
