"""A network of 50 pairs in a square kilometre on up to 500 pairs in it."""

from __future__ import annotations

from airgraph_training.studies.field_networks import field_fit, field_remarks
from airgraph_training.studies.field_sizes import draw_sizes, size_ratios, size_tables
from airgraph_training.studies.fields import Field
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.study import Findings, Study

STARTS = 100
COUNTS = {50: 500, 100: 200, 150: 100, 200: 100, 300: 50, 500: 30}
QUICK = {6: 4, 12: 4}


def _run(lab: Lab) -> Findings:
    counts, starts = (QUICK, 3) if lab.quick else (COUNTS, STARTS)
    over_one, over_best = size_ratios(lab, counts, lambda pairs: Field(), starts)
    fit = field_fit(Field(), lab.seed, lab.quick)
    return Findings(
        tables=size_tables(over_one, over_best, starts),
        remarks=(
            f"Trained on {fit.pairs} pairs only; the square stays one kilometre wide. Test instances by K: "
            f"{' / '.join(str(n) for n in counts.values())}.",
            *field_remarks(fit),
            "The text of the paper says that the ratio is stable up to four times the density and good up to ten "
            "times; the figures of its table IV were not available to us.",
        ),
        draw=lambda axes: draw_sizes(axes, over_one),
    )


DENSITY = Study(
    name="density",
    title="Trained on 50 pairs in a square kilometre, tested on up to 500 in it",
    source="paper 001, table IV",
    run=_run,
)
