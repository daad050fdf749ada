"""Multi-layer perceptrons as the papers' networks use them: a ReLU after every layer."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def perceptron(widths: Sequence[int], batch_norm: bool = False) -> nn.Sequential:
    """Linear, ReLU (and batch normalisation) for each pair of widths.

    Args:
        widths: Input width, hidden widths, output width.
        batch_norm: Normalise after each ReLU; the input must then be ``[rows, features]``, else ``[..., features]``.
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        if batch_norm:
            layers.append(nn.BatchNorm1d(outputs))
    return nn.Sequential(*layers)
