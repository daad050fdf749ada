"""The report as one HTML page that needs nothing else; needs matplotlib."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from html import escape

from airgraph_client.load.picture import inline_picture
from airgraph_client.load.report import Report, report_rows
from airgraph_client.load.search import Step

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2733; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: .2rem; }
h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; margin: .5rem 0; }
th, td { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #dde3e9; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
svg { max-width: 100%; height: auto; }
.kept { color: #1b7f4b; } .broken { color: #b3261e; }
.columns { display: flex; flex-wrap: wrap; gap: 0 3rem; }
"""


def page(steps: Sequence[Step], shown: Step, target: str) -> str:
    """The page of a run, or of a search.

    Args:
        steps: All runs of a search in their order, or the one run.
        shown: The one that is reported in full.
        target: Address of the server.
    """
    report = shown.report
    plan = report.plan
    verdict = "; ".join(shown.broken) or "no limit broken"
    parts = [
        f"<h1>{escape(plan.kind)} calls to {escape(target)}</h1>",
        f'<p class="{"broken" if shown.broken else "kept"}">{escape(verdict)}</p>',
        _table(report_rows(report).items()),
    ]
    if len(steps) > 1:
        parts += ["<h2>Search for the highest rate</h2>", _table(map(_step, steps), ("calls/s", "p99", "in time", ""))]
    parts += [
        "<h2>Latency</h2>",
        _table(_latencies(report), ("", "latency", "after the actual send", "generator late")),
        inline_picture(report),
        '<div class="columns">',
        _counts("By code", report.codes),
        _counts("By solver", report.solvers),
        _counts("By fallback reason", report.fallbacks),
        "</div>",
        "<h2>What was asked for</h2>",
        _table((name, str(value)) for name, value in asdict(plan).items()),
        _table(
            ((s.problem, str(s.nodes), str(s.antennas), f"{s.share:g}") for s in report.mix),
            ("problem", "nodes", "antennas", "share"),
        ),
    ]
    title = f"AirGraph load test: {plan.kind} {plan.arrivals}"
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head>\n<body>\n' + "\n".join(parts) + "\n</body></html>\n"


def _step(step: Step) -> tuple[str, ...]:
    p99 = step.report.latency.get("p99")
    late = "none" if p99 is None else _ms(p99)
    return f"{step.rate:g}", late, f"{step.report.good_share:.2%}", "; ".join(step.broken) or "kept"


def _latencies(report: Report) -> Iterable[tuple[str, ...]]:
    columns = (report.latency, report.service, report.lag)
    for name in report.lag:
        yield name, *(_ms(times[name]) if name in times else "none" for times in columns)


def _counts(title: str, counts: Mapping[str, int]) -> str:
    return f"<div><h2>{title}</h2>{_table((name, str(count)) for name, count in counts.items())}</div>"


def _table(rows: Iterable[Sequence[str]], head: Sequence[str] = ()) -> str:
    heads = "".join(f"<th{_class(place)}>{escape(name)}</th>" for place, name in enumerate(head))
    kind = [_class(place) if head else "" for place in range(max(len(head), 2))]
    body = "".join(
        f"<tr>{''.join(f'<td{kind[place]}>{escape(cell)}</td>' for place, cell in enumerate(row))}</tr>" for row in rows
    )
    return f"<table>{f'<tr>{heads}</tr>' if head else ''}{body}</table>"


def _class(place: int) -> str:
    return ' class="number"' if place else ""


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.2f} ms"
