"""Tables of measured figures, with the goals beside them."""

from typing import NamedTuple

import numpy as np


class Table(NamedTuple):
    """A table of the page."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def markdown(self):
        """As the page has it."""
        lines = [f"## {self.title}", "", "| " + " | ".join(self.columns) + " |", "|" + "---|" * len(self.columns)]
        return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in self.rows), ""])


def judged(value, bound, goal, digits=2):
    """A figure with its goal; ``bound`` is "at most" or "at least"."""
    met = value <= goal if bound == "at most" else value >= goal
    return f"{value:.{digits}f} ({'met' if met else 'missed'}: {bound} {goal:g})"


def percentile(seconds, q):
    """In milliseconds."""
    return float(np.percentile(seconds, q)) * 1e3
