"""Runs every benchmark and writes docs/measurements.md.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python benchmarks/measure.py [--write]

Ratios are taken within one run on one machine; absolute times hold for that machine only.
"""

import argparse
import os
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path

import cell_free
import hybrid
import many_starts
import precoding
import quality
import thousand_pairs
import wmmse_speed

PAGE = Path(__file__).parents[1] / "docs" / "measurements.md"
LIBRARIES = ("numpy", "scipy", "onnxruntime", "torch", "torch-geometric")


def table(title, columns, rows):
    """A Markdown table under a heading."""
    lines = [f"## {title}", "", "| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows), ""])


def main():
    """Measures, prints, and writes where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    asked = parser.parse_args()
    parts = [
        "# Measurements",
        "",
        f"Written by `make bench-models` on {date.today()}: {platform.machine()}, {os.cpu_count()} cores, one thread, "
        f"Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in LIBRARIES) + ".",
        "Ratios are taken within one run; absolute times hold for that machine only.",
        "",
    ]
    for module in (quality, precoding, cell_free, hybrid, many_starts, wmmse_speed, thousand_pairs):
        for title, columns, rows in module.measure():
            parts.append(table(title, columns, rows))
            print(parts[-1], flush=True)
    if asked.write:
        PAGE.write_text("\n".join(parts))
        print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
