"""The learning-rate schedule of every training run: a linear warm-up, then a cosine to a small share of the peak."""

from __future__ import annotations

import math
from typing import Any

import torch


def warm_cosine(optimizer: torch.optim.Optimizer, steps: int, warm_up: int, final_share: float) -> dict[str, Any]:
    """What Lightning wants of ``configure_optimizers``.

    Args:
        optimizer: With the peak learning rate.
        steps: Length of the run.
        warm_up: Steps until the peak.
        final_share: Share of the peak at the end.
    """

    def share(step: int) -> float:
        decay = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / steps)))
        return min(1.0, (step + 1) / warm_up) * (final_share + (1.0 - final_share) * decay)

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
