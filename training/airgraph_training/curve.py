"""The validation curve, as a table and as a picture."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback


class ValidationCurve(Callback):
    """Writes ``validation.csv`` and ``validation.png`` after every validation; survives a resume."""

    def __init__(self, directory: Path) -> None:
        """Where to write."""
        self._directory = directory
        self._rows: list[dict[str, float]] = []

    def state_dict(self) -> dict[str, Any]:
        """The curve so far, for the checkpoint."""
        return {"rows": self._rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """The curve of the run that is resumed."""
        self._rows = list(state_dict["rows"])

    def on_validation_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        """Adds one row."""
        if trainer.sanity_checking:
            return
        ratios = {k.removeprefix("ratio/"): float(v) for k, v in trainer.callback_metrics.items() if "ratio/" in k}
        row = {"epoch": float(trainer.current_epoch + 1), "step": float(trainer.global_step), **ratios}
        self._rows = [r for r in self._rows if r["epoch"] < row["epoch"]] + [row]
        self._write_table()
        self._draw()

    def _write_table(self) -> None:
        target = self._directory / "validation.csv"
        partial = target.with_suffix(".csv.part")
        with partial.open("w", newline="", encoding="utf-8") as stream:
            table = csv.DictWriter(stream, fieldnames=list(self._rows[-1]))
            table.writeheader()
            table.writerows({k: f"{v:.6g}" for k, v in row.items()} for row in self._rows)
        os.replace(partial, target)

    def _draw(self) -> None:
        # Only a run that draws pays for the import.
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.add_subplot()
        epochs = [row["epoch"] for row in self._rows]
        for name in list(self._rows[-1])[2:]:
            width = 2.5 if name == "mean" else 1.0
            axes.plot(epochs, [row[name] for row in self._rows], label=name, linewidth=width)
        axes.set_xlabel("epoch")
        axes.set_ylabel("sum rate over WMMSE (100 iterations)")
        axes.grid(alpha=0.3)
        axes.legend(fontsize="small", ncols=2)
        figure.savefig(self._directory / "validation.png", dpi=120)
