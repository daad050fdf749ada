"""The report as a picture; needs matplotlib."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from airgraph_client.load.report import Report

NINES = (0.0, 50.0, 90.0, 99.0, 99.9, 99.99)


def save_picture(report: Report, out: Path) -> None:
    """Draws latency by percentile, the run over time, and who answered.

    Args:
        report: The run.
        out: File to write; its suffix names the format.
    """
    draw(report).savefig(out)


def inline_picture(report: Report) -> str:
    """The same as an SVG element, to stand within a page."""
    written = StringIO()
    draw(report).savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return written.getvalue().partition("<svg")[1] + written.getvalue().partition("<svg")[2]


def draw(report: Report) -> Figure:
    """The figure, not yet written anywhere."""
    figure = Figure(figsize=(12, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    curve, time, share, failures = figure.subplots(2, 2).ravel()
    _draw_curve(curve, report)
    _draw_time(time, report)
    _draw_counts(share, report.solvers, "answers by solver")
    _draw_counts(
        failures,
        {**{f"fallback: {k}": v for k, v in report.fallbacks.items()}, **{f"code: {k}": v for k, v in _bad(report)}},
        "answers by fallback reason, failures by code",
    )
    plan = report.plan
    asked = f"{plan.rate:g} calls/s" if plan.open_loop else f"{plan.concurrency} callers"
    figure.suptitle(f"{plan.kind}, {plan.arrivals}, {asked}: {report.goodput:.0f} answers/s in time")
    return figure


def _bad(report: Report) -> list[tuple[str, int]]:
    return [(code, count) for code, count in report.codes.items() if code != "OK"]


def _draw_curve(axes: Axes, report: Report) -> None:
    if report.answered:
        # Beyond 1 - 1/n a percentile of n answers is only their maximum again.
        known = [(1 / (1 - p / 100), t * 1e3) for p, t in report.curve if 1 - p / 100 >= 1 / report.answered]
        axes.plot(*zip(*known, strict=True), color="#1b6ca8")
    if report.plan.deadline is not None:
        axes.axhline(report.plan.deadline * 1e3, color="#d1495b", linestyle="--", label="deadline")
        axes.legend(loc="upper left")
    axes.set(xscale="log", xlabel="percentile", ylabel="latency from the intended send, ms")
    axes.set_xticks([1 / (1 - p / 100) for p in NINES], [f"{p:g}" for p in NINES])
    axes.minorticks_off()
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)


def _draw_time(axes: Axes, report: Report) -> None:
    at = [second["second"] for second in report.seconds]
    axes.plot(at, [second["answers"] for second in report.seconds], color="#1b6ca8", label="answers")
    axes.plot(at, [second["failures"] for second in report.seconds], color="#d1495b", label="failures")
    axes.set(xlabel="time of the intended send, s", ylabel="instances in that second")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_counts(axes: Axes, counts: dict[str, int], title: str) -> None:
    bars = axes.barh(list(counts), list(counts.values()), color="#c3ccd6")
    axes.bar_label(bars, padding=3)
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set(xlabel="instances", title=title)
