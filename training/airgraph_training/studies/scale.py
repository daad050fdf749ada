"""A network of 50 pairs on up to 1000 pairs, as dense."""

from __future__ import annotations

from airgraph_training.studies.field_networks import field_fit, field_remarks
from airgraph_training.studies.field_sizes import draw_sizes, size_ratios, size_tables
from airgraph_training.studies.fields import Field
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.study import Findings, Study

STARTS = 100
COUNTS = {50: 500, 100: 200, 200: 100, 400: 40, 1000: 10}
QUICK = {6: 4, 12: 4}
AREA_OF_A_PAIR = 1000.0**2 / 50


def field_as_dense(pairs: int) -> Field:
    """A square for so many pairs, 50 in a square kilometre."""
    return Field(side=(AREA_OF_A_PAIR * pairs) ** 0.5)


def _run(lab: Lab) -> Findings:
    counts, starts = (QUICK, 3) if lab.quick else (COUNTS, STARTS)
    over_one, over_best = size_ratios(lab, counts, field_as_dense, starts)
    fit = field_fit(Field(), lab.seed, lab.quick)
    return Findings(
        tables=size_tables(over_one, over_best, starts),
        remarks=(
            f"Trained on {fit.pairs} pairs only; the square grows with the number of pairs, 50 in a square kilometre. "
            f"Test instances by K: {' / '.join(str(n) for n in counts.values())}.",
            *field_remarks(fit),
            "Power that falls as d^-1.88 falls slower than d^-2, so the unseen interference from beyond the reach "
            "grows with the square; WMMSE with local links meets the same loss.",
            "The text of the paper says that the ratio is stable as the number of pairs grows; the figures of its "
            "table III were not available to us.",
        ),
        draw=lambda axes: draw_sizes(axes, over_one),
    )


SCALE = Study(
    name="scale",
    title="Trained on 50 pairs, tested on up to 1000 of the same density",
    source="paper 001, table III",
    run=_run,
)
