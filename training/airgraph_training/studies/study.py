"""What a study is and what it finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from airgraph_training.studies.lab import Lab


@dataclass(frozen=True)
class Table:
    """A table of a study's page.

    Attributes:
        title: What it shows, with the denominator of every ratio.
        columns: Headings.
        rows: Cells.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Findings:
    """What a study measured.

    Attributes:
        tables: In the order of the page.
        remarks: What a reader must know to trust the figures: settings, shortfalls and their reasons.
        draw: Draws the study's one plot.
    """

    tables: tuple[Table, ...]
    remarks: tuple[str, ...]
    draw: Callable[[Axes], None]


@dataclass(frozen=True)
class Study:
    """One table or figure of a paper.

    Attributes:
        name: What `airgraph-train study` calls it; also the page's file name.
        title: Of the page.
        source: Paper and table or figure.
        run: Measures.
    """

    name: str
    title: str
    source: str
    run: Callable[[Lab], Findings]
