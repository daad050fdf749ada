"""Weighted sum rate of 50 pairs in a square kilometre, the network with local channel knowledge."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from airgraph_models.gnn.power_mlp import PowerMLP, PowerMLPArchitecture
from airgraph_training.studies.dense_fitting import DenseNetwork
from airgraph_training.studies.field_networks import (
    ONE,
    best_of_name,
    field_fit,
    field_network,
    field_rates,
    field_remarks,
    ratios,
)
from airgraph_training.studies.fields import Field, FieldInstances
from airgraph_training.studies.lab import FloatArray, Lab
from airgraph_training.studies.study import Findings, Study, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

STARTS, TESTS = 100, 500
MLP_EPOCHS = 10
FIELDS = (
    Field(),
    Field(nearest=10.0, farthest=50.0),
    Field(nearest=30.0, farthest=70.0),
    Field(nearest=30.0, farthest=30.0),
)


def _mlp_sizes(pairs: int) -> PowerMLPArchitecture:
    return PowerMLPArchitecture(pairs, weighted=True, transform="log")


MLP = DenseNetwork(
    "mlp-weighted",
    "MLP, all links",
    lambda pairs: PowerMLP(_mlp_sizes(pairs)),
    lambda pairs: asdict(_mlp_sizes(pairs)),
)


def _rates(lab: Lab, field: Field, starts: int, count: int) -> dict[str, FloatArray]:
    fit = field_fit(field, lab.seed, lab.quick)
    # Batch normalisation wants larger batches than the graph network does.
    mlp_fit = replace(fit, epochs=MLP_EPOCHS, batch=64, learning_rate=1e-3)
    instances = FieldInstances.test_set(field, fit.pairs, count)
    rates = field_rates(lab, field_network(lab, field), instances, starts)
    return {**rates, MLP.label: lab.network_rate(lab.trained(MLP, mlp_fit), instances.whole)}


def distances_of(field: Field) -> str:
    """Heading of a field's column."""
    same = field.nearest == field.farthest
    return f"{field.nearest:g} m" if same else f"{field.nearest:g} to {field.farthest:g} m"


def _run(lab: Lab) -> Findings:
    starts, count, fields = (3, 5, FIELDS[:1]) if lab.quick else (STARTS, TESTS, FIELDS)
    measured = {distances_of(f): _rates(lab, f, starts, count) for f in fields}
    over_one = {name: ratios(rates, ONE) for name, rates in measured.items()}
    over_best = {name: ratios(rates, best_of_name(starts)) for name, rates in measured.items()}
    fit = field_fit(FIELDS[0], lab.seed, lab.quick)
    return Findings(
        tables=(
            distances_table(f"Mean weighted sum rate over that of {ONE}, 100 iterations", over_one),
            distances_table(
                f"Mean weighted sum rate over that of the best of {starts} random starts of WMMSE", over_best
            ),
        ),
        remarks=(
            f"{fit.pairs} pairs in a square kilometre. Columns: distance of a receiver from its transmitter, uniform "
            f"between d_min and d_max; one network and one MLP for each. {count} test instances each.",
            *field_remarks(fit),
            "The text of the paper says that WCGCN with local links is competitive with WMMSE that knows all links; "
            "the figures of its table II, and which distances it lists, were not available to us. 2 to 65 m is that "
            "of its published code, the other three are usual in studies of this field.",
            f"The MLP reads all channels and the weights, {MLP_EPOCHS} epochs on the same samples. It takes one number "
            "of pairs only, so the studies of scale and density have none.",
        ),
        draw=lambda axes: draw_distances(axes, over_one, "mean weighted sum rate over WMMSE from full power"),
    )


def distances_table(title: str, ratio: dict[str, dict[str, float]]) -> Table:
    """A row a system, a column a field."""
    systems = next(iter(ratio.values()))
    rows = tuple((system, *(f"{by_system[system]:.3f}" for by_system in ratio.values())) for system in systems)
    return Table(title, ("system", *ratio), rows)


def draw_distances(axes: Axes, ratio: dict[str, dict[str, float]], xlabel: str) -> None:
    """A marker a field on the row of each system."""
    for (name, by_system), marker in zip(ratio.items(), "os^D", strict=False):
        ordered = dict(reversed(by_system.items()))
        axes.plot(list(ordered.values()), list(ordered), marker, label=name, markersize=7, alpha=0.8)
    axes.axvline(1.0, color="black", linewidth=0.8)
    axes.grid(axis="y", alpha=0.3)
    axes.set_xlabel(xlabel)
    axes.legend(title="receiver's distance", loc="upper left")


WEIGHTED = Study(
    name="weighted",
    title="Weighted sum rate of 50 pairs with local channel knowledge",
    source="paper 001, table II",
    run=_run,
)
