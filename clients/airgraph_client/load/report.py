"""What a run showed: as a dictionary for machines and a table for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from airgraph_client.load.mix import Share
from airgraph_client.load.plan import LoadPlan
from airgraph_client.load.record import Record

if TYPE_CHECKING:
    from hdrh.histogram import HdrHistogram

PERCENTILES = (50.0, 75.0, 90.0, 95.0, 99.0, 99.9, 99.99, 100.0)
CURVE = (0.0, *(100 * (1 - 10 ** (-i / 10)) for i in range(1, 41)))
"""Percentiles of the drawn curve: evenly spaced in nines."""


@dataclass(frozen=True)
class Report:
    """Result of one run; times in seconds.

    Attributes:
        plan: What was asked for.
        mix: Which instances.
        offered: Calls sent a second.
        instances: Instances that the counted calls held.
        answered: Instances answered.
        throughput: Instances answered a second.
        goodput: Instances answered within the deadline a second.
        good_share: Part of all instances answered within the deadline.
        failed_share: Part of all instances not answered.
        latency: From the intended send to the answer, by percentile.
        service: From the actual send to the answer, by percentile.
        lag: From the intended to the actual send, by percentile: the generator's own delay.
        mean: Mean latency.
        curve: Percentile and latency pairs for drawing.
        codes: Instances by gRPC code, ``UNANSWERED`` and ``NOT_SENT`` among them.
        solvers: Answers by what produced them.
        fallbacks: Answers by fallback reason, ``none`` for the model's own.
        seconds: Of each second, by intended send: answers, failures, median and 99th percentile.
    """

    plan: LoadPlan
    mix: tuple[Share, ...]
    offered: float
    instances: int
    answered: int
    throughput: float
    goodput: float
    good_share: float
    failed_share: float
    latency: dict[str, float]
    service: dict[str, float]
    lag: dict[str, float]
    mean: float
    curve: list[tuple[float, float]]
    codes: dict[str, int]
    solvers: dict[str, int]
    fallbacks: dict[str, int]
    seconds: list[dict[str, float]]

    @staticmethod
    def of(plan: LoadPlan, mix: tuple[Share, ...], record: Record) -> Report:
        """Sums up a record that is complete."""
        instances = sum(record.codes.values())
        answered = record.codes["OK"]
        return Report(
            plan=plan,
            mix=mix,
            offered=record.calls / plan.duration,
            instances=instances,
            answered=answered,
            throughput=answered / plan.duration,
            goodput=record.good / plan.duration,
            good_share=record.good / instances if instances else 0.0,
            failed_share=1 - answered / instances if instances else 1.0,
            latency=percentiles(record.latency),
            service=percentiles(record.service),
            lag=percentiles(record.lag),
            mean=record.latency.get_mean_value() * 1e-6,
            curve=[(p, record.latency.get_value_at_percentile(p) * 1e-6) for p in CURVE],
            codes=dict(record.codes.most_common()),
            solvers=dict(record.solvers.most_common()),
            fallbacks=dict(record.fallbacks.most_common()),
            seconds=[
                {
                    "second": second,
                    "answers": times.get_total_count(),
                    "failures": sum(failed.values()),
                    "p50": times.get_value_at_percentile(50) * 1e-6,
                    "p99": times.get_value_at_percentile(99) * 1e-6,
                }
                for second, (times, failed) in sorted(record.seconds.items())
            ],
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything, ready for JSON."""
        return asdict(self)


def percentiles(times: HdrHistogram) -> dict[str, float]:
    """Seconds by percentile, ``"p50"`` to ``"max"``; empty where nothing was recorded."""
    if not times.get_total_count():
        return {}
    return {
        "max" if p == 100 else f"p{p:g}": times.get_value_at_percentile(p) * 1e-6  # of microseconds
        for p in PERCENTILES
    }


def report_table(report: Report) -> Table:
    """The run in a few lines."""
    table = Table(title=f"{report.plan.kind} {report.plan.arrivals}, {report.plan.duration:g} s", show_header=False)
    table.add_column(style="bold")
    table.add_column()
    for name, value in report_rows(report).items():
        table.add_row(name, value)
    return table


def report_rows(report: Report) -> dict[str, str]:
    """The same lines by name."""
    return {
        "calls sent": f"{report.offered:.1f} /s",
        "answers": f"{report.throughput:.1f} /s, {report.answered} of {report.instances} instances",
        "in time": f"{report.goodput:.1f} /s, {report.good_share:.2%} of all",
        "latency": _times(report.latency),
        "after the actual send": _times(report.service),
        "generator late": _times(report.lag),
        "by code": _counts(report.codes),
        "by solver": _counts(report.solvers),
        "by fallback": _counts(report.fallbacks),
    }


def _times(times: dict[str, float]) -> str:
    shown = (name for name in ("p50", "p90", "p99", "p99.9", "max") if name in times)
    return ", ".join(f"{name} {times[name] * 1e3:.2f} ms" for name in shown) or "nothing recorded"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"
