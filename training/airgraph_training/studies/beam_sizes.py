"""The shipped beamforming network on other numbers of pairs, in fields as dense or denser."""

from __future__ import annotations

from collections.abc import Callable

from airgraph_training.studies.beam_fields import ONE, beam_rates, beam_remarks, beam_tests, best_of_name
from airgraph_training.studies.field_networks import ratios
from airgraph_training.studies.field_sizes import draw_sizes, size_table
from airgraph_training.studies.fields import Field
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.scale import field_as_dense
from airgraph_training.studies.study import Findings, Study

STARTS = 10
SCALE = {50: 200, 100: 80, 200: 30, 400: 10, 1000: 3}
DENSITY = {50: 200, 100: 80, 200: 30, 300: 12, 500: 5}
QUICK = {6: 3, 12: 3}


def _run(lab: Lab, sizes: dict[int, int], field_of: Callable[[int], Field], told: tuple[str, ...]) -> Findings:
    counts, starts = (QUICK, 3) if lab.quick else (sizes, STARTS)
    over_one, over_best = {}, {}
    for pairs, count in counts.items():
        lab.report(f"measuring K = {pairs}")
        rates = beam_rates(beam_tests(field_of(pairs), pairs, count), starts, lab.seed)
        over_one[pairs] = ratios(rates, ONE)
        over_best[pairs] = ratios(rates, best_of_name(starts))
    by_size = ", ".join(f"{count} of {pairs} pairs" for pairs, count in counts.items())
    return Findings(
        tables=(
            size_table(f"Mean sum rate over that of {ONE}, 100 iterations; in brackets the change", over_one),
            size_table(f"Mean sum rate over that of the best of {starts} starts of WMMSE", over_best),
        ),
        remarks=(*told, *beam_remarks(by_size)),
        draw=lambda axes: draw_sizes(axes, over_one, f"mean sum rate over {ONE}"),
    )


def _scale(lab: Lab) -> Findings:
    return _run(
        lab,
        SCALE,
        field_as_dense,
        (
            "The square grows with the number of pairs, 50 in a square kilometre.",
            "The text of the paper says that the ratio is stable as the number of pairs grows; the figures of its "
            "table VI were not available to us.",
        ),
    )


def _density(lab: Lab) -> Findings:
    return _run(
        lab,
        DENSITY,
        lambda pairs: Field(),
        (
            "The square stays one kilometre wide.",
            "The text of the paper says that the ratio is stable up to twice the density and satisfactory up to four "
            "times; the figures of its table VII were not available to us.",
        ),
    )


BF_SCALE = Study(
    name="bf-scale",
    title="Beamforming on up to 1000 pairs of the same density",
    source="paper 001, table VI",
    run=_scale,
)
BF_DENSITY = Study(
    name="bf-density",
    title="Beamforming for up to 500 pairs in a square kilometre",
    source="paper 001, table VII",
    run=_density,
)
