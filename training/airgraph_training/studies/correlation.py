"""How near a trained Vanilla-GNN is to a matched filter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from airgraph_models.classical.downlink import ComplexArray
from airgraph_training.studies.lab import Lab
from airgraph_training.studies.precoding_networks import MODEL_GNN, VANILLA_GNN
from airgraph_training.studies.precoding_sets import Downlinks, real_pairs
from airgraph_training.studies.se_table import SIZES, table_network
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FloatArray = npt.NDArray[np.float64]

SNR_DB, TESTS = 10.0, 100
QUANTILES = (0.1, 0.5, 0.9)


def correlations(channel: ComplexArray, precoder: ComplexArray) -> FloatArray:
    """``|h_k v_k| / (||h_k|| ||v_k||)`` of every user, ``[n K]`` of channels ``[n, K, N]``; 1 is a matched filter."""
    beams = np.swapaxes(precoder, -1, -2)
    lengths = np.linalg.norm(channel, axis=-1) * np.linalg.norm(beams, axis=-1)
    found: FloatArray = (np.abs((channel * beams).sum(axis=-1)) / lengths).reshape(-1)
    return found


def _run(lab: Lab) -> Findings:
    sizes, tests = (SIZES[:1], 8) if lab.quick else (SIZES, TESTS)
    found: dict[str, FloatArray] = {}
    for antennas, users in sizes:
        instances = Downlinks.tests(users, antennas, SNR_DB, tests)
        size = f"N = {antennas}, K = {users}"
        for network in (VANILLA_GNN, MODEL_GNN):
            module = table_network(lab, network, (antennas, users), SNR_DB)
            with torch.inference_mode():
                precoder = torch.view_as_complex(module(real_pairs(instances.channel)).contiguous()).numpy()
            found[f"{network.label}, {size}"] = correlations(instances.channel, precoder)
        found[f"RZF, {size}"] = correlations(instances.channel, instances.closed_forms()["RZF"])
    return Findings(
        tables=(
            Table(
                "Magnitude of the normalised correlation of a user's channel and its precoding vector; MRT has 1",
                ("by", "mean", *(f"{quantile:g} quantile" for quantile in QUANTILES)),
                tuple(
                    (name, f"{values.mean():.3f}", *(f"{value:.3f}" for value in np.quantile(values, QUANTILES)))
                    for name, values in found.items()
                ),
            ),
        ),
        remarks=(
            f"The networks of the study se-table at {SNR_DB:g} dB, with its {TESTS} test instances; every user counts "
            "once.",
            "The paper finds that Vanilla-GNN's distribution gathers at 1 the larger N and K are, and the larger N / K "
            "is: it learns a matched filter. Its figure is printed without numbers.",
            "RZF shows that a good precoder is near a matched filter too where N is much larger than K, as channels "
            "are then nearly orthogonal: what tells a network apart is its distance from RZF's curve.",
            "At the larger sizes Vanilla-GNN has narrow layers and few epochs, as in se-table; the paper's are wider.",
        ),
        draw=lambda axes: _draw(axes, found),
    )


def _draw(axes: Axes, found: dict[str, FloatArray]) -> None:
    colours: dict[str, Any] = {}
    styles = {VANILLA_GNN.label: "-", MODEL_GNN.label: "--", "RZF": ":"}
    for name, values in found.items():
        label, size = name.split(", N", 1)
        ordered = np.sort(values)
        line = axes.plot(
            ordered, np.arange(1, ordered.size + 1) / ordered.size, styles[label], color=colours.get(size), label=name
        )[0]
        colours.setdefault(size, line.get_color())
    axes.set_xlabel("correlation of channel and precoding vector")
    axes.set_ylabel("share of users at or below")
    axes.legend(fontsize="x-small", loc="upper left")


CORRELATION = Study(
    name="correlation",
    title=f"Is the learned precoder a matched filter? {SNR_DB:g} dB",
    source="paper 004, figure 4",
    run=_run,
)
