"""The highest rate at which the server still keeps a latency limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from airgraph_client.errors import InvalidInstance
from airgraph_client.load.plan import LoadPlan
from airgraph_client.load.report import Report


@dataclass(frozen=True)
class Limits:
    """What a run must keep.

    Attributes:
        p99: Largest 99th percentile of the latency, seconds; None = any.
        failed_share: Largest part of the instances that may go unanswered.
        good_share: Smallest part of the instances that must be answered within the deadline.
    """

    p99: float | None = None
    failed_share: float | None = None
    good_share: float | None = None

    def broken(self, report: Report) -> list[str]:
        """Which of them a run broke, in words; empty where it kept all."""
        found = []
        if self.p99 is not None:
            p99 = report.latency.get("p99")
            if p99 is None:
                found.append("no answer at all")
            elif p99 > self.p99:
                found.append(f"p99 {p99 * 1e3:.2f} ms exceeds {self.p99 * 1e3:.2f} ms")
        if self.failed_share is not None and report.failed_share > self.failed_share:
            found.append(f"{report.failed_share:.2%} unanswered exceeds {self.failed_share:.2%}")
        if self.good_share is not None and report.good_share < self.good_share:
            found.append(f"{report.good_share:.2%} answered in time falls short of {self.good_share:.2%}")
        return found


@dataclass(frozen=True)
class Step:
    """One rate tried."""

    rate: float
    report: Report
    broken: list[str]


def highest_rate(run: Callable[[LoadPlan], Report], plan: LoadPlan, limits: Limits, steps: int) -> list[Step]:
    """Doubles the rate until a limit breaks, then halves the gap.

    Args:
        run: Runs one plan.
        plan: Its rate is the first tried.
        limits: What every run must keep.
        steps: Runs at most.

    Returns:
        The steps in the order they were run; the highest rate that kept all limits answers the question.

    Raises:
        InvalidInstance: The plan is a closed loop, which has no rate.
    """
    if not plan.open_loop:
        raise InvalidInstance("arrivals", "poisson or constant for a search", plan.arrivals.value)
    done: list[Step] = []
    rate, kept, broke = plan.rate, 0.0, float("inf")
    for _ in range(steps):
        report = run(replace(plan, rate=rate))
        broken = limits.broken(report)
        done.append(Step(rate, report, broken))
        if broken:
            broke = rate
        else:
            kept = rate
        rate = kept * 2 if broke == float("inf") else (kept + broke) / 2
    return done
