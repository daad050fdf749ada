"""Writes a study's page and plot: docs/studies/NAME.md and NAME.png, each whole or not at all."""

from __future__ import annotations

import os
import platform
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from airgraph_training.studies.lab import Lab
from airgraph_training.studies.study import Findings, Study, Table

LIBRARIES = ("numpy", "torch")


def write_page(study: Study, findings: Findings, lab: Lab, folder: Path, seconds: float) -> Path:
    """The page's path."""
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    findings.draw(axes)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(study.title)
    plot = folder / f"{study.name}.png"
    partial = plot.with_name(f".{plot.name}")
    figure.savefig(partial, dpi=130, format="png")
    partial.rename(plot)
    page = folder / f"{study.name}.md"
    text = folder / f".{study.name}.md"
    text.write_text(_markdown(study, findings, lab, plot.name, seconds), encoding="utf-8")
    text.rename(page)
    return page


def _markdown(study: Study, findings: Findings, lab: Lab, plot: str, seconds: float) -> str:
    quick = " --quick" if lab.quick else ""
    parts = [f"# {study.title}", "", f"Reproduces {study.source}.", ""]
    if lab.quick:
        parts += ["**A quick run: it shows that the study works, its figures mean nothing.**", ""]
    for table in findings.tables:
        parts += [_table(table), ""]
    parts += [f"![{study.title}]({plot})", "", *(f"- {remark}" for remark in findings.remarks), ""]
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {libraries}"
    parts += [
        f"`airgraph-train study {study.name} --seed {lab.seed}{quick}` on {machine}; "
        f"{timedelta(seconds=round(seconds))} in this run, networks trained by an earlier run not counted.",
        "",
    ]
    return "\n".join(parts)


def _table(table: Table) -> str:
    lines = [f"## {table.title}", "", "| " + " | ".join(table.columns) + " |", "|" + "---|" * len(table.columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in table.rows)])
